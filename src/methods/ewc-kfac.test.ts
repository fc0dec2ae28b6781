import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy, stepContext } from '../../test/method-contexts.ts'
import { engine, toyData, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { createDataset, type Dataset } from '../data/dataset.ts'
import { conv2d, globalAveragePool, linear, mlp, network, relu, sequential } from '../model/layers/index.ts'
import type { Model } from '../model/model.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { itemAt, required } from '../required.ts'
import { splitStream } from '../tasks/split.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { ewcKfac } from './ewc-kfac.ts'
import { emptyState, type MethodState } from './method.ts'

type Matrix = number[][]
type Weights = ReadonlyMap<string, Tensor>

const LAMBDA = 3
const width = 4
const model = mlp({ widths: [5, width, 3], seed: 2 })

const dataOf = (rows: number): Dataset => {
  const all = toyData({ classes: 3, perClass: 4 })
  return createDataset({
    ...all,
    inputs: float32([rows, 5], (all.inputs.data as Float32Array).slice(0, rows * 5)),
    labels: { type: 'int32', dims: [rows], data: (all.labels.data as Int32Array).slice(0, rows) },
  })
}

const stream = splitStream(dataOf(9), dataOf(9), { scenario: 'domain', classesPerTask: 3 })

async function learned(rows: number, trained: Model = model): Promise<MethodState> {
  const context = {
    ...endOfTask(stream, 0, { model: trained }),
    outputs: 3,
    train: dataOf(rows),
    active: undefined,
  }
  return rememberedBy(ewcKfac({ lambda: LAMBDA }), emptyState, context)
}

/** The penalty of a state at given parameters, and its gradient. */
async function penaltyAt(
  state: MethodState,
  at: Weights,
): Promise<{ value: number; gradient: Map<string, number[]> }> {
  const method = ewcKfac({ lambda: LAMBDA })
  const builder = new GraphBuilder()
  const tensors = (await method.inputs?.(state, {} as never)) ?? new Map()
  const parameters = new Map([...at].map(([name, tensor]) => [name, builder.input(name, tensor)] as const))
  const inputs = new Map([...tensors].map(([key, tensor]) => [key, builder.constant(tensor)] as const))
  const terms = method.terms?.(stepContext(builder, { parameters, inputs }), state, {} as never)
  for (const { name, value } of terms?.reports ?? []) builder.output(value, name)
  const zeros = new Map([...at].map(([name, { dims }]) => [name, builder.constant(float32(dims))] as const))
  for (const [name, value] of terms?.gradients?.(zeros) ?? []) builder.output(value, `gradient/${name}`)
  const executable = await engine.load(encodeGraph(builder.finish('penalty')))
  const outputs = await executable.run(at)
  await executable.dispose()
  return {
    value: itemAt(toNumbers(required(outputs, 'penalty', 'report')), 0, 'number'),
    gradient: new Map(
      [...at.keys()].map((name) => [name, toNumbers(required(outputs, `gradient/${name}`, 'gradient'))]),
    ),
  }
}

const moved = (weights: Weights): Weights => {
  const random = randomStream(5, 'move')
  return new Map(
    [...weights].map(([name, { dims, data }]) => [
      name,
      float32(
        dims,
        (data as Float32Array).map((value) => value + 0.3 * random.normal()),
      ),
    ]),
  )
}

const matrix = (name: string): Matrix => {
  const { dims, data } = required(model.parameters, name, 'parameter')
  const columns = dims[1] ?? 1
  return Array.from({ length: dims[0] ?? 0 }, (_, row) => [
    ...(data as Float32Array).slice(row * columns, (row + 1) * columns),
  ])
}
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
const outer = (a: readonly number[], b: readonly number[]): Matrix =>
  a.map((one) => b.map((other) => one * other))
const plus = (a: Matrix, b: Matrix, factor = 1): Matrix =>
  a.map((row, i) => row.map((value, j) => value + factor * (b[i]?.[j] ?? 0)))
const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0))

/** Forward and backward of the small network by hand: what each layer reads, and its gradients of log p by class. */
function passed(x: readonly number[]) {
  const [w1, w2] = [matrix('layers.0.weight'), matrix('layers.2.weight')]
  const [b1, b2] = ['layers.0.bias', 'layers.2.bias'].map((name) =>
    toNumbers(required(model.parameters, name, 'parameter')),
  )
  const hidden = w1.map((row, at) => Math.max(0, dot(row, x) + (b1?.[at] ?? 0)))
  const logits = w2.map((row, at) => dot(row, hidden) + (b2?.[at] ?? 0))
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)
  const p = logits.map((logit) => Math.exp(logit) / sum)
  const classes = p.map((_, c) => p.map((share, at) => (at === c ? 1 : 0) - share))
  const below = classes.map((g) =>
    hidden.map((value, at) =>
      value > 0
        ? dot(
            w2.map((row) => row[at] ?? 0),
            g,
          )
        : 0,
    ),
  )
  return {
    p,
    reads: [
      [...x, 1],
      [...hidden, 1],
    ],
    gradients: [below, classes],
  }
}

/** D = (W b) - (W* b*) of a layer. */
function distance(at: Weights, layer: number): Matrix {
  const names = [`layers.${2 * layer}.weight`, `layers.${2 * layer}.bias`]
  const [w, b] = names.map((name) => required(at, name, 'parameter'))
  const [w0, b0] = names.map((name) => required(model.parameters, name, 'parameter'))
  const [rows = 0, columns = 0] = w?.dims ?? []
  const apart = (tensor?: Tensor, own?: Tensor) =>
    toNumbers(tensor ?? float32([0])).map((value, i) => value - Number(own?.data[i]))
  const [dw, db] = [apart(w, w0), apart(b, b0)]
  return Array.from({ length: rows }, (_, row) => [
    ...dw.slice(row * columns, (row + 1) * columns),
    db[row] ?? 0,
  ])
}

const rowsIn = (dataset: Dataset): number[][] =>
  Array.from({ length: dataset.inputs.dims[0] ?? 0 }, (_, row) => [
    ...(dataset.inputs.data as Float32Array).slice(row * 5, (row + 1) * 5),
  ])

it('of one row is the full Fisher of each layer: lambda/2 sum_c p_c (d . dlog p_c)^2', async () => {
  const at = moved(model.parameters)
  const { value } = await penaltyAt(await learned(1), at)
  const { p, reads, gradients } = passed(rowsIn(dataOf(1))[0] ?? [])
  let full = 0
  for (const layer of [0, 1]) {
    for (const [c, share] of p.entries()) {
      const score = outer(gradients[layer]?.[c] ?? [], reads[layer] ?? [])
      full += share * distance(at, layer).reduce((sum, row, i) => sum + dot(row, score[i] ?? []), 0) ** 2
    }
  }
  expect(value).toBeCloseTo((LAMBDA / 2) * full, 4)
})

describe('of several rows', () => {
  const rows = rowsIn(dataOf(9))
  const factors = [0, 1].map((layer) => {
    const [out, into] = layer === 0 ? [width, 6] : [3, width + 1]
    return rows.map(passed).reduce(
      ({ A, G }, { p, reads, gradients }) => ({
        A: plus(A, outer(reads[layer] ?? [], reads[layer] ?? []), 1 / rows.length),
        G: p.reduce(
          (sum, share, c) =>
            plus(sum, outer(gradients[layer]?.[c] ?? [], gradients[layer]?.[c] ?? []), share / rows.length),
          G,
        ),
      }),
      { A: zeros(into, into), G: zeros(out, out) },
    )
  })

  it('is lambda/2 <D, G D A>, with the gradient lambda G D A', async () => {
    const at = moved(model.parameters)
    const { value, gradient } = await penaltyAt(await learned(9), at)
    let sum = 0
    for (const [layer, { A, G }] of factors.entries()) {
      const D = distance(at, layer)
      const pull = G.map((row) =>
        A.map((column) => row.reduce((all, g, i) => all + g * dot(D[i] ?? [], column), 0)),
      )
      sum += D.reduce((all, row, i) => all + dot(row, pull[i] ?? []), 0)
      const own = pull.flatMap((row) => row.slice(0, -1))
      const found = ['weight', 'bias'].flatMap((part) => gradient.get(`layers.${2 * layer}.${part}`) ?? [])
      const wanted = [...own, ...pull.map((row) => row.at(-1) ?? Number.NaN)]
      expect(found).toHaveLength(wanted.length)
      for (const [place, pulls] of wanted.entries()) expect(found[place]).toBeCloseTo(LAMBDA * pulls, 3)
    }
    expect(value).toBeGreaterThan(0)
    expect(value / ((LAMBDA / 2) * sum)).toBeCloseTo(1, 4)
  })

  it('does not depend on how rows come in batches, and adds up over tasks', async () => {
    const method = ewcKfac({ lambda: LAMBDA })
    const context = { ...endOfTask(stream, 0, { model }), outputs: 3, train: dataOf(9), active: undefined }
    const once = await rememberedBy(method, emptyState, context)
    const twice = await rememberedBy(method, once, { ...context, index: 1 })
    const at = moved(model.parameters)
    expect((await penaltyAt(twice, at)).value / (await penaltyAt(once, at)).value).toBeCloseTo(2, 5)
    expect((await penaltyAt(twice, model.parameters)).value).toBe(0)
  })
})

it('holds what is no linear layer by the diagonal', async () => {
  const mixed = network({
    ...{ name: 'mixed', inputDims: [1, 4, 4], classes: ['a', 'b', 'c'], seed: 0 },
    layer: sequential({ conv: conv2d(1, 2, 3), act: relu(), pool: globalAveragePool(), fc: linear(2, 3) }),
  })
  const images = splitStream(
    toyData({ classes: 3, width: 16, dims: [1, 4, 4] }),
    toyData({ classes: 3, width: 16, dims: [1, 4, 4] }),
    { scenario: 'domain', classesPerTask: 3 },
  )
  const state = await rememberedBy(ewcKfac(), emptyState, endOfTask(images, 0, { model: mixed }))
  const keys = [...state.tensors.keys()]
  expect(keys).toContain('kronecker/0/inputs/fc.weight')
  expect(keys.filter((key) => key.startsWith('importance/')).sort()).toEqual([
    'importance/conv.bias',
    'importance/conv.weight',
  ])
})

it('refuses rows without one class each', async () => {
  const context = endOfTask(toyStream('class'), 0)
  const train = { ...context.train, labels: float32([context.train.labels.dims[0] ?? 0, 1]) }
  await expect(rememberedBy(ewcKfac(), emptyState, { ...context, train })).rejects.toThrow(
    /Kronecker factors.*one class a row/,
  )
})
