import { expect, test } from 'vitest'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { type PlanInput, parsePlan } from './plan.ts'
import { preparePlan } from './prepare.ts'

const inputs = { data: [syntheticDigits({ train: 200, test: 50 })] }
const prepare = (plan: PlanInput) => preparePlan(parsePlan(plan), inputs)

test('a plan becomes what the trainer takes', () => {
  const prepared = prepare({
    stream: { kind: 'split', scenario: 'task' },
    data: { preprocessing: 'mnist' },
    model: { kind: 'mlp', hidden: [8] },
    method: { name: 'ewc', options: { lambda: 5 } },
    optimiser: { name: 'adamw' },
    schedule: { kind: 'cosine' },
    clipNorm: 2,
    labelSmoothing: 0.1,
    augment: ['crop:2', { cutout: 6 }],
    iterations: 3,
  })
  expect(prepared.stream.outputs).toBe(10)
  expect(prepared.model.parameters.get('layers.0.weight')?.dims).toEqual([8, 784])
  expect(prepared.stream.tasks[0]?.train.preprocessing).toEqual({ scale: 1 / 255, mean: 0.1307, std: 0.3081 })
  expect(prepared.method.settings).toMatchObject({ lambda: 5 })
  expect(prepared.settings).toMatchObject({
    weightDecay: { rate: 0.01, kind: 'decoupled' },
    clipNorm: 2,
    loss: { labelSmoothing: 0.1 },
    augment: { crop: 2, cutout: 6 },
  })
  expect(prepared.schedule?.(2, 3)).toBeLessThan(1)
  expect(prepared.iterations).toBe(3)
})

test('data that cannot be augmented as asked are refused before anything is trained', () => {
  const stream = { kind: 'split' } as const
  expect(prepare({ stream, augment: ['none'] }).settings).not.toHaveProperty('augment')
  expect(() => prepare({ stream, augment: ['crop:28'] })).toThrow(
    expect.objectContaining({
      code: 'augment-data',
      message: expect.stringContaining('the images are 28 x 28 pixels'),
    }),
  )
})

test('epochs are passes over the mean task', () => {
  const rows = prepare({ stream: { kind: 'permuted', tasks: 3 }, epochs: 2, batchSize: 30 })
  expect(rows.iterations).toBe(2 * Math.floor(200 / 30))
  expect(prepare({ stream: { kind: 'split' }, batchSize: 1000 }).iterations).toBe(1)
})

test.each<[PlanInput['stream'], PlanInput['model'], number]>([
  [{ kind: 'split' }, { kind: 'cnn', channels: [4] }, 10],
  [{ kind: 'split', scenario: 'domain' }, { kind: 'simple' }, 2],
  [{ kind: 'rotated', tasks: 2 }, { kind: 'mlp', hidden: [4], activation: 'tanh' }, 10],
])('stream %o with model %o has %i outputs', (stream, model, outputs) => {
  const prepared = prepare({ stream, model })
  expect(prepared.stream.outputs).toBe(outputs)
  expect(prepared.model.classes).toHaveLength(outputs)
})

test('a list stream takes a data set a task', () => {
  const plan = parsePlan({
    stream: {
      kind: 'list',
      scenario: 'domain',
      tasks: ['a', 'b'].map((name) => ({ name, source: 'synthetic' })),
    },
  })
  const prepared = preparePlan(plan, { data: [...inputs.data, ...inputs.data] })
  expect(prepared.stream.tasks.map(({ name }) => name)).toEqual(['a', 'b'])
})

test('models that do not fit the data are refused with the dims of a sample', () => {
  const split = { kind: 'split' } as const
  expect(() => prepare({ stream: split, model: { kind: 'transformer' } })).toThrow(
    /but a sample of the data is \[1, 28, 28\]/,
  )
  const padded = { kind: 'permuted', padTo: 32 } as const
  expect(() => prepare({ stream: padded, model: { kind: 'simple' } })).toThrow(/reads 784 values/)
})
