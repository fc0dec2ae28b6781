import { beforeAll, describe, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { type FeatureSums, sumsUnder } from '../../evaluate/sums.ts'
import { widenHead } from '../../model/heads/index.ts'
import { mlp } from '../../model/layers/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { JudgedRows } from './classifier.ts'
import { type ClosedFormOptions, closedFormHead } from './closed-form-head.ts'

const engine = ortNode({ threads: 1 })
const WIDTH = 8
const OLD = 3
const CLASSES = 5

/** Class k lies at 3 in feature k, and its rows about it. */
function drawn(classes: readonly number[], each: number, name: string): JudgedRows {
  const random = randomStream(1, name)
  const labels = Int32Array.from({ length: classes.length * each }, (_, row) =>
    itemAt(classes, row % classes.length, 'class'),
  )
  const features = float32([labels.length, WIDTH])
  for (const [row, label] of labels.entries()) {
    for (let at = 0; at < WIDTH; at++)
      features.data[row * WIDTH + at] = (at === label ? 3 : 0) + random.normal()
  }
  return { features, labels }
}

const old = drawn([0, 1, 2], 200, 'old')
const fresh = drawn([3, 4], 60, 'new')
const untouched = drawn([0, 1, 2, 3, 4], 100, 'untouched')
const exemplars: JudgedRows = {
  features: float32([60, WIDTH], old.features.data.subarray(0, 60 * WIDTH)),
  labels: old.labels.subarray(0, 60),
}
const all: JudgedRows = {
  features: float32([720, WIDTH], [...old.features.data, ...fresh.features.data]),
  labels: Int32Array.of(...old.labels, ...fresh.labels),
}

/** Knows the old classes: logits of 4 times their feature, less a constant. */
function widened(): Model {
  const model = mlp({ widths: [WIDTH, OLD] })
  const [weight = '', bias = ''] = [...model.parameters.keys()]
  const trained = float32(
    [OLD, WIDTH],
    Array.from({ length: OLD * WIDTH }, (_, at) => (at % WIDTH === Math.floor(at / WIDTH) ? 4 : 0)),
  )
  const parameters = new Map([
    [weight, trained],
    [bias, float32([OLD], [-1, -1, -1])],
  ])
  return widenHead({ ...model, parameters }, { classes: ['3', '4'] })
}

const model = widened()
const names = [...model.parameters.keys()]
const [weightName = '', biasName = ''] = names

/** The share of rows that are answered right, old and new. */
function accuracies(parameters: ReadonlyMap<string, Tensor>): {
  readonly old: number
  readonly fresh: number
} {
  const [weight, bias] = [
    required(parameters, weightName, 'weight').data,
    required(parameters, biasName, 'bias').data,
  ]
  const hits = [...untouched.labels].map((label, row) => {
    const x = untouched.features.data.subarray(row * WIDTH, (row + 1) * WIDTH)
    const logits = Array.from({ length: CLASSES }, (_, unit) =>
      x.reduce((sum, value, at) => sum + value * Number(weight[unit * WIDTH + at]), Number(bias[unit])),
    )
    return { isOld: label < OLD, right: logits.indexOf(Math.max(...logits)) === label }
  })
  const share = (isOld: boolean) => {
    const own = hits.filter((hit) => hit.isOld === isOld)
    return own.filter(({ right }) => right).length / own.length
  }
  return { old: share(true), fresh: share(false) }
}

let sums: FeatureSums
beforeAll(async () => {
  sums = await featureSums({ engine, ...all, classes: CLASSES })
})
const head = (options: Pick<ClosedFormOptions, 'kind' | 'old'> & Partial<ClosedFormOptions>) =>
  closedFormHead({ model, oldClasses: OLD, sums, fresh, exemplars, ...options })

describe.each(['ridge', 'lda'] as const)('a head from sums by %s', (kind) => {
  it('leaves the old rows as they are, bit for bit, and puts the new ones beside them', async () => {
    const { parameters, chosenBy } = await head({ kind, old: 'fixed' })
    expect([...parameters.keys()]).toEqual(names)
    for (const [name, count] of [
      [weightName, OLD * WIDTH],
      [biasName, OLD],
    ] as const) {
      const [was, is] = [model.parameters, parameters].map((map) =>
        (required(map, name, 'parameter').data as Float32Array).subarray(0, count),
      )
      expect(is).toEqual(was)
      expect(required(parameters, name, 'parameter').dims).toEqual(
        required(model.parameters, name, 'parameter').dims,
      )
    }
    expect(chosenBy).toBe('leave-one-out')
    const { old: kept, fresh: learned } = accuracies(parameters)
    expect(kept).toBeGreaterThan(0.88)
    expect(learned).toBeGreaterThan(0.88)
  })

  it('works all rows out in the scale of the trained logits', async () => {
    const { parameters } = await head({ kind, old: 'free' })
    const { old: kept, fresh: learned } = accuracies(parameters)
    expect(kept).toBeGreaterThan(0.88)
    expect(learned).toBeGreaterThan(0.88)
    const spread = (tensors: ReadonlyMap<string, Tensor>) => {
      const weight = required(tensors, weightName, 'weight').data as Float32Array
      const bias = required(tensors, biasName, 'bias').data as Float32Array
      const logits = [...old.labels.keys()].map((row) => {
        const x = old.features.data.subarray(row * WIDTH, (row + 1) * WIDTH)
        return [0, 1, 2].map((unit) =>
          x.reduce((sum, value, at) => sum + value * (weight[unit * WIDTH + at] ?? 0), bias[unit] ?? 0),
        )
      })
      const squares = logits.map((row) => {
        const mean = row.reduce((sum, value) => sum + value) / OLD
        return row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / OLD
      })
      return Math.sqrt(squares.reduce((sum, value) => sum + value) / squares.length)
    }
    expect(spread(parameters) / spread(model.parameters)).toBeCloseTo(1, 1)
  })

  it('finds the same border without old rows, from what the sums say of them', async () => {
    const { scale, offset, chosenBy, parameters } = await head({ kind, old: 'fixed', exemplars: undefined })
    const beside = await head({ kind, old: 'fixed', exemplars: old })
    expect(chosenBy).toBe('sums')
    expect(scale / beside.scale).toBeGreaterThan(0.7)
    expect(scale / beside.scale).toBeLessThan(1.4)
    expect(Math.abs(offset - beside.offset)).toBeLessThan(2)
    const { old: kept, fresh: learned } = accuracies(parameters)
    expect(kept).toBeGreaterThan(0.88)
    expect(learned).toBeGreaterThan(0.88)
  })

  it('gives new logits the scale of the trained ones where no old row says another', async () => {
    const without = await head({ kind: 'ridge', old: 'fixed', exemplars: undefined })
    const all = await head({ kind: 'ridge', old: 'free', exemplars: undefined })
    expect(without.scale).toBe(all.scale)
  })

  it('leaves the row of a class of which nothing was summed as it was trained', async () => {
    const some = sumsUnder(sums, [0, 1, 2, 3, 4], CLASSES)
    some.counts[1] = 0
    some.sums.fill(0, WIDTH, 2 * WIDTH)
    const seen = [...exemplars.labels].flatMap((label, row) => (label === 1 ? [] : [row]))
    const others: JudgedRows = {
      features: float32(
        [seen.length, WIDTH],
        seen.flatMap((row) => [...exemplars.features.data.subarray(row * WIDTH, (row + 1) * WIDTH)]),
      ),
      labels: Int32Array.from(seen, (row) => itemAt(exemplars.labels, row, 'label')),
    }
    const { parameters } = await head({ kind, old: 'free', sums: some, exemplars: others })
    const [was, is] = [model.parameters, parameters].map((map) =>
      (required(map, weightName, 'weight').data as Float32Array).subarray(WIDTH, 2 * WIDTH),
    )
    expect(is).toEqual(was)
  })
})

describe('what cannot be a head from sums', () => {
  it('is refused: other features, nothing to add, a head without a bias for discriminants', async () => {
    const narrow = { ...sums, width: 4, sums: new Float64Array(4 * CLASSES), scatter: new Float64Array(16) }
    await expect(head({ kind: 'ridge', old: 'free', sums: narrow })).rejects.toThrow(
      expect.objectContaining({ code: 'sums-mismatch' }),
    )
    await expect(head({ kind: 'ridge', old: 'fixed', oldClasses: CLASSES })).rejects.toThrow(
      expect.objectContaining({ code: 'closed-form-old' }),
    )
  })

  it('updates every row where no class is new', async () => {
    const { parameters, offset } = await head({ kind: 'ridge', old: 'free', oldClasses: CLASSES })
    expect(offset).toBe(0)
    expect(accuracies(parameters).fresh).toBeGreaterThan(0.88)
  })
})
