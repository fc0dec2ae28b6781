import { describe, expect, it } from 'vitest'
import { engine, largest, relativeError, torchBytes, torchValues } from '../../../test/toy-learning.ts'
import { createDataset, type Dataset, subset } from '../../data/dataset.ts'
import { takeRows } from '../../data/rows.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { linear, relu, sequential } from '../../model/layers/layers.ts'
import { network } from '../../model/layers/network.ts'
import { transformerEncoder } from '../../model/layers/transformer-network.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { type FisherResult, fisherDiagonal } from './fisher.ts'
import type { FisherOptions } from './options.ts'

const values = torchValues('mlp')
const model = modelFromOnnx(torchBytes('mlp.onnx'))
const names = [...model.parameters.keys()]

function dataOf(given: (key: string) => Tensor, classes: number): Dataset {
  const labels = Int32Array.from(toNumbers(given('input/labels')))
  return createDataset({
    name: 'fixture',
    inputs: given('input/x'),
    labels: { type: 'int32', dims: [labels.length], data: labels },
    classes: Array.from({ length: classes }, (_, label) => String(label)),
  })
}

const dataset = dataOf(values, 4)
const fisher = (options: Partial<FisherOptions> = {}): Promise<FisherResult> => {
  const used = options.model ?? model
  return fisherDiagonal({
    engine,
    model: used,
    parameters: used.parameters,
    dataset,
    random: randomStream(1, 'fisher'),
    ...options,
  })
}

/** The worst relative error over all parameters; some (a key's bias) have no gradient, and noise for one. */
function worst(found: FisherResult, expected: ReadonlyMap<string, Tensor>): number {
  expect([...found.diagonal.keys()].sort()).toEqual([...expected.keys()].sort())
  const least = 1e-4 * Math.max(...[...expected.values()].map(largest))
  return Math.max(
    ...[...expected].map(([name, tensor]) => relativeError(found.diagonal.get(name), tensor, least)),
  )
}

const fromTorch = (kind: string): Map<string, Tensor> =>
  new Map(names.map((name) => [name, values(`${kind}/${name}`)]))

describe("the Fisher's diagonal is PyTorch's", () => {
  it.each([
    ['fisher-exact', { labels: 'exact' }],
    ['fisher-exact-of-classes-1-2', { labels: 'exact', units: [1, 2] }],
    ['fisher-true', { labels: 'true' }],
    ['fisher-batch-of-4', { labels: 'batch', batchSize: 4 }],
    ['fisher-batch-of-8', { labels: 'batch', batchSize: 8 }],
  ] as const)('%s', async (kind, options) => {
    expect(worst(await fisher(options), fromTorch(kind))).toBeLessThan(1e-5)
  })

  it('is exact by default', async () => {
    expect(worst(await fisher(), fromTorch('fisher-exact'))).toBeLessThan(1e-5)
  })
})

describe('the batch size', () => {
  it.each(['exact', 'true', 'sampled'] as const)('changes nothing for %s labels', async (labels) => {
    const whole = await fisher({ labels, batchSize: 8 })
    // 8 = 3 + 3 + 2: a smaller batch is left over.
    for (const batchSize of [1, 3, 5, 100]) {
      const found = await fisher({ labels, batchSize })
      expect(worst(found, whole.diagonal), `batches of ${batchSize}`).toBeLessThan(1e-6)
      expect(found.samples).toBe(8)
    }
  })

  it('changes the square of mini-batch means, by orders of magnitude', async () => {
    const ones = await fisher({ labels: 'batch', batchSize: 1 })
    expect(worst(ones, fromTorch('fisher-true'))).toBeLessThan(1e-5)
    expect(worst(await fisher({ labels: 'batch', batchSize: 8 }), ones.diagonal)).toBeGreaterThan(0.3)
  })

  it('averages a smaller last batch of means as one batch', async () => {
    const found = await fisher({ labels: 'batch', batchSize: 6 })
    const rows = (from: number, to: number) =>
      subset(
        dataset,
        Int32Array.from({ length: to - from }, (_, at) => from + at),
      )
    const first = await fisher({ labels: 'batch', batchSize: 6, dataset: rows(0, 6) })
    const second = await fisher({ labels: 'batch', batchSize: 2, dataset: rows(6, 8) })
    const mean = new Map(
      names.map((name) => {
        const [a, b] = [first, second].map(({ diagonal }) => toNumbers(diagonal.get(name) ?? float32([0])))
        return [
          name,
          float32(diagonalDims(found, name), a?.map((value, at) => (value + (b?.[at] ?? 0)) / 2) ?? []),
        ]
      }),
    )
    expect(worst(found, mean)).toBeLessThan(1e-6)
  })
})

const diagonalDims = ({ diagonal }: FisherResult, name: string): readonly number[] =>
  diagonal.get(name)?.dims ?? []

describe('sampled labels', () => {
  const repeated = (times: number): Dataset => {
    const rows = Int32Array.from({ length: 8 * times }, (_, at) => at % 8)
    return subset(dataset, rows)
  }

  it('come to the exact Fisher with many draws', async () => {
    const found = await fisher({ labels: 'sampled', dataset: repeated(16_000) })
    expect(worst(found, fromTorch('fisher-exact'))).toBeLessThan(0.03)
  })

  it('are drawn from the active classes only', async () => {
    const found = await fisher({ labels: 'sampled', units: [1, 2], dataset: repeated(4000) })
    expect(worst(found, fromTorch('fisher-exact-of-classes-1-2'))).toBeLessThan(0.03)
  })

  it('are the same for the same seed, and others for another', async () => {
    const options = { labels: 'sampled', dataset: repeated(2) } as const
    const [first, again, other] = await Promise.all(
      [5, 5, 6].map((seed) => fisher({ ...options, random: randomStream(seed, 'fisher') })),
    )
    expect(again?.diagonal).toEqual(first?.diagonal)
    expect(other?.diagonal).not.toEqual(first?.diagonal)
  })
})

describe('a number of samples', () => {
  it('is drawn without replacement: all of them are all of them', async () => {
    const found = await fisher({ samples: 8 })
    expect(worst(found, fromTorch('fisher-exact'))).toBeLessThan(1e-5)
  })

  it('is the mean over the rows that the stream chooses', async () => {
    const rows = randomStream(9, 'fisher').choose(8, 3)
    const expected = await fisher({ dataset: subset(dataset, rows) })
    const found = await fisher({ samples: 3, random: randomStream(9, 'fisher') })
    expect(found.samples).toBe(3)
    expect(worst(found, expected.diagonal)).toBeLessThan(1e-6)
  })

  it.each([0, 9, Number.NaN])('cannot be %s of 8', async (samples) => {
    await expect(fisher({ samples })).rejects.toThrow(expect.objectContaining({ code: 'fisher-samples' }))
  })
})

describe('what cannot be is refused', () => {
  it('labels of an unknown kind', async () => {
    await expect(fisher({ labels: 'empirical' as 'true' })).rejects.toThrow(
      expect.objectContaining({ code: 'fisher-labels' }),
    )
  })

  it('float targets, of which there is no distribution to take it over', async () => {
    const targets = { ...dataset, labels: float32([8, 4]), classes: [] }
    await expect(fisher({ dataset: targets })).rejects.toThrow(
      expect.objectContaining({ code: 'fisher-targets' }),
    )
  })
})

/** The definition, sample by sample and class by class, through 'batch' with batches of one. */
async function byDefinition(used: Model, given: Dataset): Promise<Map<string, Tensor>> {
  const result = await fisherDiagonal({
    engine,
    model: used,
    parameters: used.parameters,
    dataset: given,
    labels: 'batch',
    batchSize: 1,
    random: randomStream(0, 'none'),
  })
  return result.diagonal
}

describe('parameters without a closed form', () => {
  const first = linear(6, 6)
  /** The same weight twice: its gradient is a sum of two uses, whose square is not the sum of squares. */
  const tied = network({
    name: 'tied',
    inputDims: [6],
    classes: 4,
    seed: 2,
    layer: (writer, x) => {
      const weight = writer.parameter('weight', [6, 6], 'kaiming-uniform')
      const once = writer.node('Relu', [writer.node('MatMul', [x.name, weight])])
      const twice = writer.node('MatMul', [once, weight])
      return sequential({ head: linear(6, 4) })(writer, { name: twice, dims: ['N', 6] })
    },
  })
  /** A parameter that acts through an op without squares: a slope that multiplies itself. */
  const odd = network({
    name: 'odd',
    inputDims: [6],
    classes: 4,
    seed: 3,
    layer: (writer, x) => {
      const hidden = sequential({ first, act: relu() })(writer, x)
      const slope = writer.parameter('slope', [1, 6], 'kaiming-uniform')
      const grown = writer.node('Mul', [hidden.name, writer.node('Exp', [slope])])
      return sequential({ head: linear(6, 4) })(writer, { name: grown, dims: ['N', 6] })
    },
  })

  it.each([
    ['tied weights', tied, 'weight'],
    ['an op without squares', odd, 'slope'],
  ] as const)('go one by one: %s', async (_, used, name) => {
    const found = await fisher({ model: used, labels: 'true', batchSize: 3 })
    expect(found.oneByOne).toContain(name)
    expect(found.oneByOne).not.toContain('head.weight')
    expect(worst(found, await byDefinition(used, dataset))).toBeLessThan(1e-5)
  })

  it.each(['exact', 'sampled', 'true', 'batch'] as const)(
    'need no loop, like all others: %s labels',
    async (labels) => {
      for (const used of [model, tied, odd]) {
        const given = { model: used, labels, batchSize: 3 }
        const found = await fisher({ ...given, engine: { ...engine, flat: true } })
        expect(worst(found, (await fisher(given)).diagonal)).toBeLessThan(1e-5)
      }
    },
  )

  it('have the same exact and sampled Fisher in any batches', async () => {
    for (const labels of ['exact', 'sampled'] as const) {
      const [ones, threes] = await Promise.all(
        [1, 3].map((batchSize) =>
          fisher({ model: tied, labels, batchSize, random: randomStream(4, 'fisher') }),
        ),
      )
      if (!ones || !threes) throw new Error('no result')
      expect(worst(threes, ones.diagonal)).toBeLessThan(1e-6)
    }
  })

  it('have the exact Fisher that its definition gives, a class at a time', async () => {
    const exact = await fisher({ model: tied })
    const sums = new Map<string, Float64Array>()
    const probabilities = await classProbabilities(tied, dataset)
    for (let row = 0; row < 8; row++) {
      for (let label = 0; label < 4; label++) {
        const one = {
          ...dataset,
          inputs: takeRows(dataset.inputs, Int32Array.of(row)),
          labels: { type: 'int32' as const, dims: [1], data: Int32Array.of(label) },
        }
        for (const [name, { data }] of await byDefinition(tied, one)) {
          const sum = sums.get(name) ?? new Float64Array(data.length)
          sums.set(name, sum)
          for (const [at, value] of (data as Float32Array).entries())
            sum[at] = (sum[at] ?? 0) + ((probabilities[row * 4 + label] ?? 0) * value) / 8
        }
      }
    }
    const expected = new Map(
      [...sums].map(([name, sum]) => [name, float32(diagonalDims(exact, name), Float32Array.from(sum))]),
    )
    expect(worst(exact, expected)).toBeLessThan(1e-5)
  })
})

async function classProbabilities(used: Model, given: Dataset): Promise<number[]> {
  const { createEvaluator } = await import('../../evaluate/evaluate.ts')
  const evaluator = createEvaluator(engine, used, 4)
  const state = new Map([...used.parameters].map(([name, tensor]) => [`parameter/${name}`, tensor]))
  const logits = toNumbers(await evaluator.logits(given, state))
  await evaluator.dispose()
  return logits.map((logit, at) => {
    const from = at - (at % 4)
    const total = logits.slice(from, from + 4).reduce((sum, value) => sum + Math.exp(value), 0)
    return Math.exp(logit) / total
  })
}

describe('per-sample squares are PyTorch’s', () => {
  it.each([
    ['linear', 'linear'],
    ['mlp', 'mlp'],
    ['conv', 'conv'],
    ['layernorm', 'layernorm'],
    ['groupnorm', 'groupnorm'],
    ['embedding', 'embedding'],
    ['encoder-batch-first', 'encoder-batch-first'],
    // With statistics fixed, though the file says they move.
    ['batchnorm-train', 'batchnorm-eval'],
  ] as const)('%s, in batches of any size', async (file, source) => {
    const given = torchValues(source)
    const used = modelFromOnnx(torchBytes(`${file}.onnx`), { batchNorm: 'train' })
    const outputs = given('output/logits').dims[1] ?? 0
    const samples = given('input/labels').dims[0] ?? 0
    for (const batchSize of [samples, samples - 1, 1]) {
      const buffers = new Map([...used.buffers.keys()].map((name) => [name, given(`buffer/${name}`)]))
      const found = await fisher({
        model: used,
        buffers,
        dataset: dataOf(given, outputs),
        labels: 'true',
        batchSize,
      })
      const expected = new Map(
        [...used.parameters].map(([name, { dims }]) => {
          const sums = toNumbers(given(`squares/${name}`))
          return [
            name,
            float32(
              dims,
              sums.map((sum) => sum / samples),
            ),
          ]
        }),
      )
      expect(worst(found, expected), `batches of ${batchSize}`).toBeLessThan(1e-4)
    }
  })
})

describe('attention that puts the batch second', () => {
  /** Constant folding transposed these and took their names. */
  const folded = new Map([
    ['onnx::MatMul_142', 'body.self_attn.in_proj_weight'],
    ['onnx::MatMul_143', 'body.linear1.weight'],
    ['onnx::MatMul_144', 'body.linear2.weight'],
  ])
  const transposed = ({ dims, data }: Tensor): Tensor => {
    const [rows = 0, columns = 0] = dims
    const values = Array.from(
      { length: rows * columns },
      (_, at) => (data as Float32Array)[(at % rows) * columns + Math.floor(at / rows)] ?? 0,
    )
    return float32([columns, rows], values)
  }

  it('has squares that are PyTorch’s', async () => {
    const given = torchValues('encoder')
    const used = modelFromOnnx(torchBytes('encoder-dynamic.onnx'))
    const expected = new Map(
      [...used.parameters.keys()].map((name) => {
        const original = folded.get(name)
        const sums = original ? transposed(given(`squares/${original}`)) : given(`squares/${name}`)
        return [
          name,
          float32(
            sums.dims,
            toNumbers(sums).map((sum) => sum / 4),
          ),
        ]
      }),
    )
    for (const batchSize of [4, 3, 1]) {
      const found = await fisher({ model: used, dataset: dataOf(given, 4), labels: 'true', batchSize })
      expect(worst(found, expected), `batches of ${batchSize}`).toBeLessThan(1e-4)
    }
  })
})

describe('an embedding under the expectation over the labels', () => {
  // For two classes and one sample the gradients are p_1 v and -p_0 v, so that the expectation p_0 p_1 v^2 is the geometric mean of the two squares.
  it('lies between those of the two labels', async () => {
    const words = transformerEncoder({
      ...{ layers: 1, width: 8, heads: 2, feedForward: 16 },
      ...{ tokens: 4, vocabulary: 5, classes: 2, seed: 3 },
    })
    const under = (label: number, labels: 'exact' | 'true') =>
      fisher({
        model: words,
        labels,
        dataset: createDataset({
          name: 'words',
          inputs: { type: 'int64', dims: [1, 4], data: BigInt64Array.of(3n, 1n, 3n, 0n) },
          labels: { type: 'int32', dims: [1], data: Int32Array.of(label) },
          classes: words.classes,
        }),
      })
    const [exact, first, second] = [await under(0, 'exact'), await under(0, 'true'), await under(1, 'true')]
    const squares = ({ diagonal }: FisherResult, name: string) =>
      toNumbers(diagonal.get(name) ?? float32([0]))
    const expected = new Map(
      [...words.parameters].map(([name, { dims }]) => {
        const other = squares(second, name)
        return [
          name,
          float32(
            dims,
            squares(first, name).map((value, at) => Math.sqrt(value * (other[at] ?? Number.NaN))),
          ),
        ]
      }),
    )
    expect(largest(exact.diagonal.get('embedding.weight') ?? float32([0]))).toBeGreaterThan(0)
    expect(worst(exact, expected)).toBeLessThan(1e-4)
  })
})
