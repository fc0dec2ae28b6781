import { beforeAll, describe, expect, it } from 'vitest'
import { toyDecoder, toyTexts } from '../../../test/toy-language.ts'
import { engine, largest, relativeError } from '../../../test/toy-learning.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { type Dataset, ignoredLabel, samples, subset } from '../../data/dataset.ts'
import type { Executable } from '../../engine/engine.ts'
import { applyModel } from '../../model/apply.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { filled, mul, reduceSum, type Value } from '../../ops/core/index.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { fisherDiagonal } from './fisher.ts'
import type { FisherOptions } from './options.ts'

const vocabulary = 5
const model = toyDecoder({ vocabulary })
/** Rows of 8 tokens; every third one has labels for half of them. */
const rows = toyTexts(2, 3, vocabulary)
const names = [...model.parameters.keys()]

const fisher = (dataset: Dataset, options: Partial<FisherOptions> = {}) =>
  fisherDiagonal({
    ...{ engine, model, parameters: model.parameters, dataset, random: randomStream(1, 'fisher') },
    ...options,
  })

/** Another program: gradients of one row's chosen log-probabilities, sum_tc w_tc log p_tc, and the shares p [8, V]. */
function oneRow(): GraphBuilder {
  const builder = new GraphBuilder()
  const named = (tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  const [parameters, buffers] = [named(model.parameters), named(model.buffers)]
  const stored = builder.input('row', { type: 'int64', dims: [1, 8] })
  const chosen = builder.input('chosen', { type: 'float32', dims: [1, 8, vocabulary] })
  const { preprocessing } = rows
  const { logits } = applyModel(builder, model, { stored, preprocessing }, { parameters, buffers })
  const logs = builder.op('LogSoftmax', [logits], { axis: -1 })
  const sum = reduceSum(builder, mul(builder, logs, chosen), [0, 1, 2])
  const all = [...parameters.values()]
  const found = gradients(builder, sum, all)
  all.forEach((parameter: Value, at) => {
    builder.output(found[at] ?? filled(builder, 0, parameter), `gradient/${names[at]}`)
  })
  builder.output(logs, 'logs')
  return builder
}

type Square = ReadonlyMap<string, Float32Array>
let program: Executable
async function ask(row: number, weights: Float32Array) {
  const ids = (rows.inputs.data as BigInt64Array).slice(row * 8, (row + 1) * 8)
  return program.run(
    new Map<string, Tensor>(
      [
        ...model.parameters,
        ['row', { type: 'int64', dims: [1, 8], data: ids }],
        ['chosen', float32([1, 8, vocabulary], weights)],
      ].filter(([name]) => program.inputs.includes(String(name))) as [string, Tensor][],
    ),
  )
}
const labelOf = (row: number, place: number) => Number(rows.labels.data[row * 8 + place])
const tokens = [...rows.labels.data].filter((label) => label !== ignoredLabel).length

/** Adds the squares of a gradient, so many times. */
function add(sums: Map<string, Float32Array>, found: ReadonlyMap<string, Tensor>, times: number): void {
  for (const name of names) {
    const values = toNumbers(found.get(`gradient/${name}`) as Tensor)
    const sum = sums.get(name) ?? new Float32Array(values.length)
    values.forEach((value, at) => {
      sum[at] = (sum[at] ?? 0) + times * value * value
    })
    sums.set(name, sum)
  }
}

/** The exact diagonal of one prediction: 1/tokens sum_t sum_c p_t(c) (d log p_t(c) / d theta)^2. */
async function exact(): Promise<Square> {
  const sums = new Map<string, Float32Array>()
  for (let row = 0; row < samples(rows); row++) {
    for (let place = 0; place < 8; place++) {
      if (labelOf(row, place) === ignoredLabel) continue
      for (let unit = 0; unit < vocabulary; unit++) {
        const weights = new Float32Array(8 * vocabulary)
        weights[place * vocabulary + unit] = 1
        const found = await ask(row, weights)
        const log = toNumbers(found.get('logs') as Tensor)[place * vocabulary + unit] ?? 0
        add(sums, found, Math.exp(log) / tokens)
      }
    }
  }
  return sums
}

/** Squares of the rows' own gradients. */
async function empirical(): Promise<Square> {
  const sums = new Map<string, Float32Array>()
  for (let row = 0; row < samples(rows); row++) {
    const weights = new Float32Array(8 * vocabulary)
    for (let place = 0; place < 8; place++) {
      if (labelOf(row, place) !== ignoredLabel) weights[place * vocabulary + labelOf(row, place)] = 1
    }
    add(sums, await ask(row, weights), 1 / tokens)
  }
  return sums
}

function worst(found: Awaited<ReturnType<typeof fisher>>, expected: Square): number {
  const tensors = new Map([...expected].map(([name, values]) => [name, float32([values.length], values)]))
  const least = 1e-3 * Math.max(...[...tensors.values()].map(largest))
  return Math.max(
    ...[...tensors].map(([name, tensor]) => relativeError(found.diagonal.get(name), tensor, least)),
  )
}

beforeAll(async () => {
  program = await engine.load(encodeGraph(oneRow().finish('row')))
  return () => program.dispose()
})

describe('the Fisher of texts', () => {
  it('has the exact diagonal of a prediction for its mean over draws', async () => {
    const many = subset(
      rows,
      Int32Array.from({ length: 3 * 1000 }, (_, at) => at % 3),
    )
    const found = await fisher(many)
    expect(found.tokens).toBe(1000 * tokens)
    expect(worst(found, await exact())).toBeLessThan(0.12)
  })

  it('of the data’s own tokens is the square of a row’s gradient, what fills rows up left out', async () => {
    expect(tokens).toBeLessThan(24)
    expect(worst(await fisher(rows, { labels: 'true' }), await empirical())).toBeLessThan(1e-3)
    expect(worst(await fisher(rows, { labels: 'true' }), await exact())).toBeGreaterThan(0.3)
  })

  it('does not depend on the batch, nor on how often it is asked', async () => {
    const whole = await fisher(rows)
    const expected = new Map([...whole.diagonal].map(([name, { data }]) => [name, Float32Array.from(data)]))
    expect(worst(await fisher(rows, { batchSize: 1 }), expected)).toBeLessThan(1e-3)
    expect(worst(await fisher(rows, { batchSize: 2 }), expected)).toBeLessThan(1e-3)
  })

  it('of batches is the square of the mean over their tokens', async () => {
    const one = await fisher(rows, { labels: 'batch', batchSize: 1, samples: 1 })
    const [row] = [...randomStream(1, 'fisher').choose(3, 1)]
    const alone = subset(rows, Int32Array.of(row ?? 0))
    const own = await fisher(alone, { labels: 'true' })
    // (1/n sum)^2 = 1/n times what is 1/n sum^2.
    const expected = new Map(
      [...own.diagonal].map(([name, { data }]) => [
        name,
        Float32Array.from(data, (value) => value / (own.tokens ?? 0)),
      ]),
    )
    expect(worst(one, expected)).toBeLessThan(1e-3)
  })

  it('is not taken over all classes of all tokens', async () => {
    await expect(fisher(rows, { labels: 'exact' })).rejects.toMatchObject({ code: 'fisher-labels' })
  })
})
