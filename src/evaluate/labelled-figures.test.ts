import { expect, it } from 'vitest'
import { engine } from '../../test/op-cases.ts'
import { createDataset, ignoredLabel } from '../data/dataset.ts'
import { modelFromOnnx } from '../model/import/index.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { plainNode } from '../onnx/graph.ts'
import { float32 } from '../tensor/tensor.ts'
import { labelledFigures } from './labelled-figures.ts'

/** A model whose logits are its inputs, times one: of rows, or of each token of a row. */
function passing(width: number, tokens?: number) {
  const dims = tokens === undefined ? ['batch', width] : ['batch', tokens, width]
  const bytes = encodeGraph({
    name: 'passing',
    inputs: [{ name: 'x', type: 'float32', dims }],
    outputs: [{ name: 'logits', type: 'float32', dims }],
    initializers: new Map([['one', float32([width], new Float32Array(width).fill(1))]]),
    nodes: [plainNode('Mul', ['x', 'one'], 'logits')],
  })
  return { ...modelFromOnnx(bytes), classes: ['a', 'b', 'c'].slice(0, width) }
}

it('several labels a row are right one by one, and row by row', async () => {
  const dataset = createDataset({
    ...{ name: 'tags', kind: 'multi-label', classes: ['a', 'b'] },
    inputs: float32([3, 2], [1, -1, 1, 1, -1, -1]),
    labels: float32([3, 2], [1, 0, 1, 0, 0, 1]),
  })
  expect(await labelledFigures(engine, passing(2), dataset)).toEqual({
    ...{ kind: 'multi-label', rows: 3, accuracy: expect.closeTo(4 / 6, 6), subset: expect.closeTo(1 / 3, 6) },
    subsetInterval: { lower: expect.closeTo(0.0615, 3), upper: expect.closeTo(0.7923, 3) },
    // a is always right; b is answered once and is a label once, on other rows.
    macroF1: 0.5,
  })
})

it('tokens count where they have a label, and have no interval together', async () => {
  const dataset = createDataset({
    ...{ name: 'words', kind: 'token-classification', classes: ['a', 'b', 'c'] },
    inputs: float32([2, 2, 3], [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]),
    labels: { type: 'int32', dims: [2, 2], data: Int32Array.of(0, ignoredLabel, 0, 2) },
  })
  expect(await labelledFigures(engine, passing(3, 2), dataset)).toMatchObject({
    ...{ kind: 'token-classification', rows: 3, right: 2, interval: null },
    classes: [
      { name: 'a', rows: 2, right: 1, precision: 1, f1: expect.closeTo(2 / 3, 6) },
      { name: 'c', rows: 1, right: 1 },
    ],
  })
})

it('answers that are no numbers are refused with the row, and targets of another width', async () => {
  const rows = (inputs: number[]) =>
    createDataset({
      ...{ name: 'rows', classes: ['a', 'b'], inputs: float32([2, 2], inputs) },
      labels: { type: 'int32', dims: [2], data: Int32Array.of(0, 1) },
    })
  await expect(
    labelledFigures(engine, passing(2), rows([1, 0, Number.NaN, 1]), 'm.onnx'),
  ).rejects.toMatchObject({
    code: 'logits-not-finite',
    message: expect.stringContaining('m.onnx: the answer to row 1'),
  })
  const targets = createDataset({ ...rows([1, 0, 0, 1]), classes: [], labels: float32([2, 3]) })
  await expect(labelledFigures(engine, passing(2), targets, 'm.onnx')).rejects.toMatchObject({
    code: 'model-data',
    message: expect.stringMatching(/m\.onnx answers with 2 numbers a row, but rows has 3/),
  })
})
