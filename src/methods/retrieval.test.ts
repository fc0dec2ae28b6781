import { describe, expect, it } from 'vitest'
import { stepContext } from '../../test/method-contexts.ts'
import { engine, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { crossEntropy } from '../model/losses/index.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { add, matmul, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import type { RowRange } from './method.ts'
import { createMethod } from './registry.ts'
import { replay } from './replay.ts'
import { reservoirSampler } from './reservoir.ts'
import { type RetrievedRows, retrieved } from './retrieval.ts'

const [NEW, DRAWN, WIDTH, CLASSES, RATE] = [3, 5, 4, 3, 0.7]
const random = randomStream(4, 'rows')
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
const rows = float32([NEW + DRAWN, WIDTH], numbers((NEW + DRAWN) * WIDTH))
const labels: Tensor<'int32'> = {
  type: 'int32',
  dims: [NEW + DRAWN],
  data: Int32Array.of(0, 1, 2, 0, 1, 2, 1, 0),
}
const weight = float32([WIDTH, CLASSES], numbers(WIDTH * CLASSES))

/** Losses of rows of a linear classifier, worked out apart. */
const probabilities = (w: readonly number[], row: number): number[] => {
  const x = [...rows.data.subarray(row * WIDTH, (row + 1) * WIDTH)]
  const logits = Array.from({ length: CLASSES }, (_, c) =>
    x.reduce((sum, value, at) => sum + value * (w[at * CLASSES + c] ?? 0), 0),
  )
  const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0)
  return logits.map((logit) => Math.exp(logit) / sum)
}
const lossOf = (w: readonly number[], row: number): number =>
  -Math.log(probabilities(w, row)[labels.data[row] ?? 0] ?? 0)

/** The weights after a plain step on the new rows. */
function afterStep(): number[] {
  const w = toNumbers(weight)
  for (let row = 0; row < NEW; row++) {
    const p = probabilities(toNumbers(weight), row)
    for (let at = 0; at < WIDTH; at++) {
      for (let c = 0; c < CLASSES; c++) {
        const gradient = (rows.data[row * WIDTH + at] ?? 0) * ((p[c] ?? 0) - (labels.data[row] === c ? 1 : 0))
        w[at * CLASSES + c] = (w[at * CLASSES + c] ?? 0) - (RATE * gradient) / NEW
      }
    }
  }
  return w
}

/** The term that is added to the loss. */
async function term(asked: RetrievedRows): Promise<number> {
  const builder = new GraphBuilder()
  const parameters = new Map([['w', builder.input('w', weight)]])
  const batch = builder.input('rows', rows)
  const targets = builder.input('labels', labels)
  const logits = matmul(builder, batch, required(parameters, 'w', 'parameter'))
  const part = (value: Value, { from, size }: RowRange) =>
    builder.op('Gather', [
      value,
      builder.constant({
        type: 'int32',
        dims: [size],
        data: Int32Array.from({ length: size }, (_, at) => from + at),
      }),
    ])
  const context = stepContext(builder, {
    ...{ parameters, batch, labels: targets, logits },
    sources: new Map([
      ['new', { from: 0, size: NEW, offset: 0, columns: new Map() }],
      ['replay', { from: NEW, size: DRAWN, offset: 10, columns: new Map() }],
    ]),
    forward: (input, own) => matmul(builder, input, required(own, 'w', 'parameter')),
    loss: (range, weights) =>
      crossEntropy(builder, part(logits, range), part(targets, range), weights ? { weights } : {}),
    learningRate: builder.constant(float32([], [RATE])),
  })
  const { losses = [] } = retrieved(context, taskContext(toyStream('class'), 0, NEW), asked)
  builder.output(
    losses.map(({ value }) => value).reduce((sum, value) => add(builder, sum, value)),
    'term',
  )
  const executable = await engine.load(encodeGraph(builder.finish('term')))
  const outputs = await executable.run(
    new Map<string, Tensor>([
      ['w', weight],
      ['rows', rows],
      ['labels', labels],
    ]),
  )
  await executable.dispose()
  return itemAt(toNumbers(required(outputs, 'term', 'output')), 0, 'number')
}

const drawn = Array.from({ length: DRAWN }, (_, at) => NEW + at)
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe.each([1, 2, 4])('of five rows %i', (size) => {
  it.each(['interfered', 'hardest'] as const)(
    '%s replays the mean loss of those of the largest score, by hand',
    async (retrieval) => {
      const [before, after] = [toNumbers(weight), afterStep()]
      const score = (row: number) =>
        retrieval === 'hardest' ? lossOf(before, row) : lossOf(after, row) - lossOf(before, row)
      const best = drawn.toSorted((a, b) => score(b) - score(a)).slice(0, size)
      const wanted =
        0.6 * (mean(best.map((row) => lossOf(before, row))) - mean(drawn.map((row) => lossOf(before, row))))
      expect(await term({ retrieval, size, weight: 0.6 })).toBeCloseTo(wanted, 4)
    },
  )
})

it('chooses other rows by what a step hurts than by what is hard', () => {
  const [before, after] = [toNumbers(weight), afterStep()]
  const hardest = drawn.toSorted((a, b) => lossOf(before, b) - lossOf(before, a))[0]
  const interfered = drawn.toSorted(
    (a, b) => lossOf(after, b) - lossOf(before, b) - lossOf(after, a) + lossOf(before, a),
  )[0]
  expect(interfered).not.toBe(hardest)
})

it('draws rows that differ, as far as the memory has rows', () => {
  const plan = {
    capacity: 6,
    size: 4,
    batchSize: 3,
    start: { sampling: null, slots: [], random: null },
    distinct: true,
  }
  const sampler = reservoirSampler(plan)({
    random: (name) => randomStream(1, name),
    pool: {} as never,
    ...{ offset: 100, newOffset: 0, saved: undefined },
  })
  const { rows: found } = sampler.next(
    10,
    Int32Array.from({ length: 30 }, (_, row) => row),
  )
  for (let step = 2; step < 10; step++) expect(new Set(found.subarray(4 * step, 4 * step + 4)).size).toBe(4)
  // After the first step three rows are remembered, so one of four comes twice.
  expect(new Set(found.subarray(4, 8)).size).toBe(3)
})

it('is reported beside the loss, and learns', async () => {
  const stream = toyStream('class', { perClass: 40 })
  const method = createMethod('reservoir-replay', {
    capacity: 60,
    retrieval: 'interfered',
    replayBatch: 4,
    candidates: 12,
  })
  const { events, result } = await runToEnd(
    toyOptions({ stream, method, model: toyModel(stream), iterations: 150 }),
  )
  expect(events.some((event) => event.type === 'progress' && (event.losses.retrieval ?? 0) > 0)).toBe(true)
  expect(result.record.matrix.at(-1)?.[0]).toBeGreaterThan(0.5)
})

it('refuses fewer candidates than rows, and a memory without a reservoir', async () => {
  const stream = toyStream('class')
  const few = replay({ capacity: 9, retrieval: 'interfered', candidates: 3 })
  await expect(runToEnd(toyOptions({ stream, method: few }))).rejects.toThrow(/candidates is 3/)
  expect(() => replay({ perClass: 3, retrieval: 'hardest' })).toThrow(/reservoir/)
  expect(() => createMethod('reservoir-replay', { retrieval: 'worst' })).toThrow(
    /uniform, interfered, hardest/,
  )
})
