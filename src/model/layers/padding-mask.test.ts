import { expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { required } from '../../required.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelToOnnx } from '../import/onnx-model.ts'
import { crossEntropy } from '../losses/cross-entropy.ts'
import type { Model } from '../model.ts'
import { transformerEncoder } from './transformer-network.ts'

const engine = ortNode({ threads: 1 })
const small = { layers: 2, width: 8, heads: 2, feedForward: 8, vocabulary: 9, classes: 3, seed: 4, pad: 0 }

async function logits(model: Model, ids: readonly number[]): Promise<number[]> {
  const executable = await engine.load(modelToOnnx(model))
  const tokens = Number(model.input.dims?.[1])
  const outputs = await executable.run(new Map([['x', int64([ids.length / tokens, tokens], [...ids])]]))
  await executable.dispose()
  return toNumbers(required(outputs, 'logits', 'output'))
}

/** The same weights for rows twice as long: only positions that padding stands at are new. */
function longer(model: Model): Model {
  const long = transformerEncoder({ ...small, tokens: 12, seed: 7 })
  const positions = required(long.parameters, 'position.weight', 'parameter').data as Float32Array
  const own = required(model.parameters, 'position.weight', 'parameter').data as Float32Array
  const table = positions.slice()
  table.set(own)
  return { ...long, parameters: new Map([...model.parameters, ['position.weight', float32([12, 8], table)]]) }
}

const filled = (rows: readonly (readonly number[])[], tokens: number): number[] =>
  rows.flatMap((row) => [...row, ...new Array<number>(tokens - row.length).fill(0)])

it('answers alike however much padding a row has', async () => {
  const model = transformerEncoder({ ...small, tokens: 6 })
  const rows = [[3, 1, 4], [5], [2, 6, 5, 3, 8, 7], []]
  const short = await logits(model, filled(rows, 6))
  const long = await logits(longer(model), filled(rows, 12))
  expect(new Set(short.map((value) => value.toFixed(4))).size).toBeGreaterThan(6)
  for (const [at, value] of short.entries()) expect(long[at]).toBeCloseTo(value, 5)
})

it('lets padding learn nothing, and its vector say nothing', async () => {
  const model = transformerEncoder({ ...small, tokens: 6 })
  const builder = new GraphBuilder()
  const parameters = new Map(
    [...model.parameters].map(([name, tensor]) => [name, builder.parameter(name, tensor)] as const),
  )
  const ids = int64([2, 6], filled([[3, 1], [4]], 6))
  const bindings = new Map([...parameters, ['x', builder.constant(ids)]])
  const { outputs: values } = specialise(builder, model.graph, model.opsets, bindings)
  const labels = builder.constant({ type: 'int32', dims: [2], data: Int32Array.from([1, 2]) })
  const loss = crossEntropy(builder, required(values, model.output, 'value'), labels)
  const [table] = gradients(builder, loss, [required(parameters, 'embedding.weight', 'parameter')])
  if (!table) throw new Error('no gradient')
  builder.output(table, 'gradient')
  const executable = await engine.load(encodeGraph(builder.finish('step')))
  const outputs = await executable.run(new Map<string, Tensor>(model.parameters))
  await executable.dispose()
  const gradient = toNumbers(required(outputs, 'gradient', 'output'))
  expect(gradient.slice(0, 8).every((value) => value === 0)).toBe(true)
  expect(gradient.slice(8, 16).some((value) => value !== 0)).toBe(true)
})

it('is refused for a network that reads numbers', () => {
  const { vocabulary: _, ...numbers } = small
  expect(() => transformerEncoder({ ...numbers, tokens: 6 })).toThrow(
    expect.objectContaining({ code: 'pad' }),
  )
})
