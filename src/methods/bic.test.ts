import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { memoryStore, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { rowHashes } from '../data/fingerprint.ts'
import { mlp } from '../model/layers/networks.ts'
import { itemAt, present, required } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { taskContext } from '../train/run/task-context.ts'
import { bic } from './bic.ts'
import { compose } from './compose.ts'
import { distil } from './distil.ts'
import { memoryOf } from './exemplars.ts'
import { emptyState, type Method } from './method.ts'
import { replay } from './replay.ts'

const stream = toyStream('class')
const trainOf = (index: number) => itemAt(stream.tasks, index, 'task').train

describe('the correction', () => {
  const model = mlp({ widths: [5, 6], seed: 0 })
  const [weight = '', bias = ''] = [...model.parameters.keys()]
  /** Logits of rows, worked out apart. */
  const logitsOf = (parameters: ReadonlyMap<string, Tensor>, rows: readonly number[]) => {
    const [w, b] = [weight, bias].map((name) => toNumbers(required(parameters, name, 'parameter'))) as [
      number[],
      number[],
    ]
    return Array.from({ length: rows.length / 5 }, (_, row) =>
      b.map((start, unit) =>
        rows.slice(row * 5, row * 5 + 5).reduce((sum, x, at) => sum + x * (w[unit * 5 + at] ?? 0), start),
      ),
    )
  }

  it('is a scale and a shift of the new logits, of least cross-entropy on rows that are held out', async () => {
    const method = bic({ heldOutPerClass: 4 })
    const first = await method.consolidate?.(emptyState, endOfTask(stream, 0, { model }))
    const { state, parameters = new Map() } =
      (await method.consolidate?.(first?.state ?? emptyState, endOfTask(stream, 1, { model }))) ?? {}
    expect(first?.parameters).toBeUndefined()
    const held = present(memoryOf(state ?? emptyState, { train: trainOf(1) }), 'memory').dataset
    const labels = toNumbers(held.labels)
    expect([0, 1, 2, 3].map((label) => labels.filter((one) => one === label).length)).toEqual([4, 4, 4, 4])
    const rows = toNumbers(held.inputs)
    const [before, after] = [logitsOf(model.parameters, rows), logitsOf(parameters, rows)]
    // One scale and one shift explain all new logits, and nothing else moved.
    const pair = (row: number) => [before[row]?.[2] ?? 0, after[row]?.[2] ?? 0] as const
    const [[x0, y0], [x1, y1]] = [pair(0), pair(1)]
    const scale = (y1 - y0) / (x1 - x0)
    const shift = y0 - scale * x0
    before.forEach((logits, row) => {
      logits.forEach((value, unit) => {
        const wanted = unit === 2 || unit === 3 ? scale * value + shift : value
        expect(after[row]?.[unit]).toBeCloseTo(wanted, 4)
      })
    })
    const entropy = (a: number, b: number) =>
      before.reduce((sum, logits, row) => {
        const four = logits.slice(0, 4).map((value, unit) => (unit < 2 ? value : a * value + b))
        const total = Math.log(four.reduce((all, value) => all + Math.exp(value), 0))
        return sum + total - (four[labels[row] ?? 0] ?? 0)
      }, 0)
    const best = entropy(scale, shift)
    expect(best).toBeLessThan(entropy(1, 0))
    for (const [a, b] of [
      [0.05, 0],
      [-0.05, 0],
      [0, 0.05],
      [0, -0.05],
    ] as const) {
      expect(entropy(scale + a, shift + b)).toBeGreaterThan(best)
    }
  })

  it('needs a bias, and a head that trains', async () => {
    const first = await bic().consolidate?.(emptyState, endOfTask(stream, 0, { model }))
    const frozen = endOfTask(stream, 1, { model, parameters: new Map([[bias, float32([6])]]) })
    await expect(bic().consolidate?.(first?.state ?? emptyState, frozen)).rejects.toThrow(
      expect.objectContaining({ code: 'bic-head' }),
    )
  })
})

describe('held-out rows', () => {
  const run = async (method: Method) => {
    const states: RunState[] = []
    const store = { ...memoryStore(), save: async (state: RunState) => void states.push(state) }
    await runToEnd(toyOptions({ stream, method, iterations: 6, checkpointEvery: 6, store }))
    return states
  }

  it('are never in a batch: not among the new ones, nor among what is rehearsed of them', async () => {
    const method = compose(replay({ perClass: 8 }), bic({ heldOutPerClass: 4 }), distil())
    const [end] = await run(method)
    const state = present(end, 'state').method
    const task = taskContext(stream, 1, 8)
    const sources = method.sources?.(
      [{ name: 'new', dataset: task.train, tasks: 1, size: 8, weight: 1 }],
      state,
      task,
    )
    // Of 10 rows a class 4 are held out, and at most 6 of the 8 that are remembered are left.
    const rehearsed = present(
      sources?.find(({ name }) => name === 'replay'),
      'replay',
    )
    expect(rehearsed.dataset.inputs.dims[0]).toBeLessThanOrEqual(12)
    expect(required(state.tensors, '0/memory/labels', 'memory').dims).toEqual([16])
    const own = {
      tensors: new Map([...state.tensors].map(([key, tensor]) => [key.replace(/^1\//, ''), tensor])),
      values: {},
    }
    const held = new Set(rowHashes(present(memoryOf(own, task), 'memory').dataset))
    expect(held.size).toBe(8)
    expect(rowHashes(rehearsed.dataset).some((hash) => held.has(hash))).toBe(false)
    const fresh = present(
      sources?.find(({ name }) => name === 'new'),
      'new',
    )
    const sampler = fresh.sampler?.({
      random: (name) => randomStream(3, name),
      pool: {} as never,
      ...{ offset: 0, newOffset: 0, saved: undefined },
    })
    expect(new Set(sampler?.next(30, new Int32Array()).rows).size).toBe(12)
  })

  it('cannot be kept out of what comes behind', async () => {
    await expect(run(compose(bic(), replay({ perClass: 8 })))).rejects.toThrow(
      expect.objectContaining({ code: 'bic-order' }),
    )
    await expect(run(compose(replay({ perClass: 8, oldShare: 0.25 }), bic()))).rejects.toThrow(
      /share of old rows/,
    )
  })
})
