import { describe, expect, it } from 'vitest'
import { endOfTask, stepContext } from '../../test/method-contexts.ts'
import { engine, runToEnd, torchValues, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { asStored, createDataset, type Dataset } from '../data/dataset.ts'
import { encodeGraph } from '../onnx/encode.ts'
import type { Scenario } from '../tasks/stream.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { sgd } from '../train/step/optimisers.ts'
import { initialState } from '../train/step/step-inputs.ts'
import { type LwfOptions, lwf } from './lwf.ts'
import { emptyState, type TaskContext } from './method.ts'

const given = torchValues('losses')
const [KD = 0] = toNumbers(given('loss/distillation'))
const [MASKED_KD = 0] = toNumbers(given('loss/distillation-masked'))
const active = toNumbers(given('input/active')).flatMap((taking, unit) => (taking ? [unit] : []))

/** A stream of six outputs; the first task has the fixture's active classes. */
function taskOf(scenario: Scenario, index: number): TaskContext {
  const toy = toyStream('class')
  const units = [active, active, [0, 1]]
  return { ...taskContext(toy, 0, 5), scenario, index, outputs: 6, units }
}

/** The term's value for the fixture's logits and teacher; replayed rows may stand behind the new ones. */
async function term(options: LwfOptions, task: TaskContext, replayed = 0): Promise<number> {
  const logits = given('input/logits')
  const builder = new GraphBuilder()
  const rows = 5 + replayed
  const noise = Array.from({ length: replayed * 6 }, (_, at) => at - 3)
  const all = float32([rows, 6], [...toNumbers(logits), ...noise])
  const asked: number[] = []
  const teacher = given('input/teacher')
  const terms = lwf(options).terms?.(
    stepContext(builder, {
      inputs: new Map([['teacher/w', builder.constant(float32([1], [0]))]]),
      batch: builder.input('batch', { type: 'float32', dims: [rows, 2] }),
      rows: builder.input('rows', { type: 'int32', dims: [rows] }),
      logits: builder.input('logits', all),
      sources: new Map([
        ['new', { from: 0, size: 5, offset: 0, columns: new Map() }],
        ['replay', { from: 5, size: replayed, offset: 60, columns: new Map() }],
      ]),
      forward: (input, parameters) => {
        asked.push(input.dims[0] ?? 0)
        expect([...parameters.keys()]).toEqual(['w'])
        return builder.constant(teacher)
      },
    }),
    { tensors: new Map([['teacher/w', float32([1])]]), values: {} },
    task,
  )
  const [loss] = terms?.losses ?? []
  if (!loss) throw new Error('no term')
  expect(loss.name).toBe('distillation')
  expect(asked).toEqual([5])
  builder.output(loss.value, 'value')
  const executable = await engine.load(encodeGraph(builder.finish('lwf')))
  const outputs = await executable.run(new Map<string, Tensor>([['logits', all]]))
  await executable.dispose()
  return toNumbers(outputs.get('value') ?? float32([0]))[0] ?? 0
}

describe("the distillation is PyTorch's, weighed as the protocol says", () => {
  it.each([
    ['class', 1, KD],
    ['class', 2, KD],
    ['domain', 1, KD],
    ['domain', 2, 2 * KD],
    ['task', 1, MASKED_KD],
    // Two past heads of the same units: (k - 1) times their mean.
    ['task', 2, 2 * MASKED_KD],
  ] as const)('%s-incremental, task %i', async (scenario, index, expected) => {
    expect(await term({}, taskOf(scenario, index))).toBeCloseTo(expected, 5)
  })

  it('or by a weight that was given', async () => {
    expect(await term({ weight: 0.25 }, taskOf('domain', 2))).toBeCloseTo(0.25 * KD, 5)
  })

  it('on the new rows only, where others are replayed', async () => {
    expect(await term({}, taskOf('class', 1), 3)).toBeCloseTo(KD, 5)
    expect(await term({}, taskOf('task', 1), 3)).toBeCloseTo(MASKED_KD, 5)
  })

  it('at another temperature', async () => {
    const hot = await term({ temperature: 1e4 }, taskOf('class', 1))
    // All classes alike on both sides: the entropy of six.
    expect(hot).toBeCloseTo(Math.log(6), 3)
  })
})

describe('of other labels than one class a row', () => {
  const student = Array.from({ length: 12 }, (_, at) => 2 * Math.sin(5 * at))
  const teacher = Array.from({ length: 12 }, (_, at) => 2 * Math.cos(3 * at))

  /** The term where a task's data are these and logits have these dims; `batch` are the rows as stored. */
  async function termOf(train: Dataset, dims: readonly number[], batch: Tensor): Promise<number> {
    const toy = taskOf('domain', 1)
    const builder = new GraphBuilder()
    const rows = builder.input('batch', batch)
    const terms = lwf({ temperature: 2 }).terms?.(
      stepContext(builder, {
        inputs: new Map([['teacher/w', builder.constant(float32([1], [0]))]]),
        batch: rows,
        rows: builder.input('rows', { type: 'int32', dims: [2] }),
        logits: builder.constant(float32(dims, student)),
        sources: new Map([['new', { from: 0, size: 2, offset: 0, columns: new Map() }]]),
        labels: builder.constant(train.labels),
        forward: () => builder.constant(float32(dims, teacher)),
      }),
      { tensors: new Map([['teacher/w', float32([1])]]), values: {} },
      { ...toy, train },
    )
    builder.output(terms?.losses?.[0]?.value ?? rows, 'value')
    const executable = await engine.load(encodeGraph(builder.finish('lwf')))
    const feeds = new Map(
      [['batch', batch]].filter(([name]) => executable.inputs.includes(String(name))) as [string, Tensor][],
    )
    const found = (await executable.run(feeds)).get('value')
    await executable.dispose()
    return toNumbers(found ?? float32([0]))[0] ?? 0
  }
  const soft = (logits: readonly number[]) => {
    const powers = logits.map((logit) => Math.exp(logit / 2))
    const total = powers.reduce((sum, power) => sum + power, 0)
    return powers.map((power) => power / total)
  }
  const crossEntropyOf = (from: number, width: number): number => {
    const [p, q] = [teacher, student].map((all) => soft(all.slice(from, from + width)))
    return -(p ?? []).reduce((sum, share, at) => sum + share * Math.log(q?.[at] ?? 1), 0)
  }

  it('tokens are distilled one by one, padding left out', async () => {
    const inputs: Tensor = { type: 'int64', dims: [2, 2], data: BigInt64Array.of(4n, 5n, 6n, 0n) }
    const train = createDataset({
      name: 'tags',
      kind: 'token-classification',
      inputs,
      labels: { type: 'int32', dims: [2, 2], data: Int32Array.of(0, 1, 2, -100) },
      classes: ['a', 'b', 'c'],
      preprocessing: { ...asStored, pad: 0 },
    })
    const expected = (crossEntropyOf(0, 3) + crossEntropyOf(3, 3) + crossEntropyOf(6, 3)) / 3
    expect(await termOf(train, [2, 2, 3], inputs)).toBeCloseTo(expected, 5)
  })

  it('next tokens are distilled where they count in the loss', async () => {
    const inputs: Tensor = { type: 'int64', dims: [2, 2], data: BigInt64Array.of(4n, 5n, 6n, 0n) }
    const nextTokens = (labels: readonly number[]) =>
      createDataset({
        name: 'texts',
        kind: 'token-classification',
        inputs,
        labels: { type: 'int32', dims: [2, 2], data: Int32Array.from(labels) },
        classes: ['a', 'b', 'c'],
        preprocessing: asStored,
      })
    const expected = (crossEntropyOf(0, 3) + crossEntropyOf(6, 3)) / 2
    expect(await termOf(nextTokens([1, -100, 2, -100]), [2, 2, 3], inputs)).toBeCloseTo(expected, 5)
    expect(await termOf(nextTokens([-100, -100, -100, -100]), [2, 2, 3], inputs)).toBe(0)
  })

  it('several labels a row are each a choice of two', async () => {
    const inputs = float32([2, 1], [1, 2])
    const labels = float32([2, 6], new Array<number>(12).fill(1))
    const classes = ['a', 'b', 'c', 'd', 'e', 'f']
    const train = createDataset({ name: 'labels', kind: 'multi-label', inputs, labels, classes })
    const half = (logit: number) => 1 / (1 + Math.exp(-logit / 2))
    const each = student.map((logit, at) => {
      const [p, q] = [half(teacher[at] ?? 0), half(logit)]
      return -(p * Math.log(q) + (1 - p) * Math.log(1 - q))
    })
    const expected = each.reduce((sum, value) => sum + value, 0) / 12
    expect(await termOf(train, [2, 6], inputs)).toBeCloseTo(expected, 5)
  })
})

describe('the teacher', () => {
  it('is the model as the last task left it, buffers too', async () => {
    const context = endOfTask(toyStream('class'), 0, {
      parameters: new Map([['fc.weight', float32([1], [2])]]),
      buffers: new Map([['norm.mean', float32([1], [3])]]),
    })
    const state = (await lwf().consolidate?.(emptyState, context))?.state
    expect(state?.tensors).toEqual(
      new Map([
        ['teacher/fc.weight', float32([1], [2])],
        ['teacher/norm.mean', float32([1], [3])],
      ]),
    )
  })

  it('is not there in the first task, and agrees with the student when the second begins', async () => {
    const { events, result } = await runToEnd(
      toyOptions({
        stream: toyStream('class'),
        method: lwf(),
        stepsPerCall: 1,
        iterations: 5,
        learningRate: 0,
      }),
    )
    const losses = events.flatMap((event) => (event.type === 'progress' ? [event] : []))
    for (const { task, losses: found } of losses) {
      expect(Object.keys(found)).toEqual(task === 0 ? ['task'] : ['task', 'distillation'])
    }
    // With a learning rate of 0 nothing has moved: what is distilled is the teacher's own entropy, the least there is.
    expect(result.parameters).toEqual(
      new Map(
        [...initialState(toyModel(toyStream('class')), sgd())].map(([name, tensor]) => [
          name.slice('parameter/'.length),
          tensor,
        ]),
      ),
    )
  })
})

it.each([
  [{ temperature: 0 }, 'lwf-temperature'],
  [{ weight: -1 }, 'lwf-weight'],
] as const)('%o is refused', (options, code) => {
  expect(() => lwf(options)).toThrow(expect.objectContaining({ code }))
})
