import { expect, it } from 'vitest'
import { createDataset } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import { ortNode } from '../engine/ort-node.ts'
import { modelFromOnnx, modelToOnnx } from '../model/import/index.ts'
import { cnn, mlp } from '../model/layers/index.ts'
import type { Model } from '../model/model.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { frozenOutputs } from './frozen-outputs.ts'
import { eachOutput } from './outputs.ts'

const engine = ortNode({ threads: 1 })

const rows = (dims: readonly number[]) => {
  const inputs = float32(dims)
  randomStream(1, 'rows').fillNormal(inputs.data)
  const labels = { type: 'int32' as const, dims: [dims[0] ?? 0], data: new Int32Array(dims[0] ?? 0) }
  return createDataset({ name: 'rows', inputs, labels, classes: ['a', 'b'] })
}

const convolutions = cnn({ channels: [4, 8], classes: 2, inputDims: [1, 8, 8] })

it.each<[string, Model, number, readonly number[]]>([
  ['several batches, the last of them not full', mlp({ widths: [5, 4, 2] }), 301, [5]],
  ['one row', mlp({ widths: [5, 4, 2] }), 1, [5]],
  ['no row', mlp({ widths: [5, 4, 2] }), 0, [5]],
  ['convolutions with norms between', modelFromOnnx(modelToOnnx(convolutions)), 9, [1, 8, 8]],
])('gives what the model gives, for %s', async (_, model, count, row) => {
  const data = rows([count, ...row])
  const found = await frozenOutputs(engine, model, data)
  const parts: Tensor<'float32'>[] = []
  await eachOutput(engine, model, data, (output) => parts.push(output))
  const expected = parts.length > 0 ? concatenateRows(parts) : float32([0])
  expect(found.dims).toEqual(expected.dims)
  expect([...found.data]).toEqual([...expected.data].map((value) => expect.closeTo(value, 4)))
})
