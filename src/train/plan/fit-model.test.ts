import { expect, test } from 'vitest'
import { createDataset } from '../../data/dataset.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Node } from '../../onnx/graph.ts'
import { float32 } from '../../tensor/tensor.ts'
import { fitToModel } from './fit-model.ts'
import { parsePlan } from './plan.ts'

const node = (op: string, inputs: readonly string[], output: string): Node => ({
  op,
  domain: '',
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes: {},
})
const model = modelFromOnnx(
  encodeGraph({
    name: 'sigmoid',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
    outputs: [{ name: 'p', type: 'float32', dims: ['N', 1] }],
    initializers: new Map([['w', float32([2, 1], [1, 2])]]),
    nodes: [node('MatMul', ['x', 'w'], 'z'), node('Sigmoid', ['z'], 'p')],
  }),
)
const plan = parsePlan({
  data: { source: 'rows.csv' },
  stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'only', source: 'rows.csv' }] },
  model: { kind: 'onnx', path: 'model.onnx' },
})
const inputs = float32([2, 2], [1, 2, 3, 4])
const fitted = (part: ReturnType<typeof createDataset>) =>
  fitToModel(plan, [{ train: part, test: part }], model).model

test('one sigmoid is two logits for classes, and the number itself for numbers to predict', () => {
  const labels = { type: 'int32' as const, dims: [2], data: Int32Array.of(0, 1) }
  const classes = createDataset({ name: 'classes', inputs, labels, classes: ['0', '1'] })
  expect(fitted(classes)).toMatchObject({ output: model.output, binary: { logit: 'z', answer: 'p' } })
  const numbers = createDataset({
    name: 'numbers',
    inputs,
    labels: float32([2, 1], [0.2, 0.7]),
    classes: ['share'],
    kind: 'regression',
  })
  expect(fitted(numbers)).toMatchObject({ output: 'p', classes: [] })
  expect(fitted(numbers).binary).toBeUndefined()
})
