import { describe, expect, it } from 'vitest'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { type PlanInput, parsePlan } from './plan.ts'
import { preparePlan } from './prepare.ts'

const inputs = { data: [syntheticDigits({ train: 200, test: 50 })] }
const prepare = (plan: Partial<PlanInput>) =>
  preparePlan(
    parsePlan({
      stream: { kind: 'split', borders: {} },
      model: { kind: 'mlp', hidden: [4] },
      batchSize: 8,
      ...plan,
    }),
    inputs,
  )

describe('a plan whose borders nobody is told', () => {
  it.each<[string, Partial<PlanInput>]>([
    ['the task scenario', { stream: { kind: 'split', scenario: 'task', borders: { width: 0.5 } } }],
    ['earlyStopping', { earlyStopping: {} }],
    ['resetOptimiser', { resetOptimiser: true }],
    ['schedule', { schedule: { kind: 'cosine' } }],
    ['schedule', { schedule: { warmup: 5 } }],
    ['replicas', { replicas: { count: 2 } }],
  ])('goes with nothing that needs them: %s', (word, plan) => {
    expect(() => prepare(plan)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(word) }),
    )
  })

  it.each(['ewc', 'lwf', 'replay', 'icarl', 'reservoir-replay+si'])('is refused for %s by name', (name) => {
    expect(() => prepare({ method: { name } })).toThrow(
      expect.objectContaining({
        code: 'method-borders',
        message: expect.stringContaining(`method ${name} `),
      }),
    )
  })

  it('meets each row once in one pass, and so often as there are passes', () => {
    for (const epochs of [1, 3]) {
      const { stream, iterations } = prepare({ epochs, batchSize: 4, method: { name: 'der' } })
      expect(iterations).toBe((epochs * 200) / 5 / 4)
      const { train, order } = stream.tasks[4] ?? { train: undefined, order: undefined }
      expect(train && order?.length).toBe(epochs * 40)
      const met = stream.tasks.flatMap((task) =>
        [...(task.order ?? [])].map((row) => task.train.labels.data[row]),
      )
      expect(met).toHaveLength(epochs * 200)
    }
  })

  it('is as wide as asked: rows of two tasks in a piece', () => {
    const classes = (width: number) => {
      const stream = { kind: 'split', borders: { width } } as const
      return prepare({ stream, method: { name: 'er-ace' } }).stream.tasks.map(
        ({ train }) => new Set(train.labels.data).size,
      )
    }
    expect(classes(0)).toEqual([2, 2, 2, 2, 2])
    for (const found of classes(0.5)) expect(found).toBeGreaterThan(2)
  })
})
