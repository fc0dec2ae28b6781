import { create } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { AttributeCode } from '../../onnx/codes.ts'
import { AttributeProtoSchema, NodeProtoSchema } from '../../onnx/onnx_pb.ts'
import { decodeModel } from '../../onnx/read.ts'
import { encodeModel } from '../../onnx/write.ts'
import { modelFromOnnx, modelToOnnx } from '../import/onnx-model.ts'
import { mlp } from '../layers/networks.ts'
import { findHead } from './head.ts'
import { withHeadOf } from './stored-head.ts'
import { widenHead } from './widen.ts'

/** A model whose weights lie in Constant nodes, as Paddle's exporter writes them. */
function withConstants(): Uint8Array {
  const proto = decodeModel(modelToOnnx(mlp({ widths: [3, 2], seed: 1 })))
  const { graph } = proto
  if (!graph) throw new Error('There is no graph.')
  const constants = graph.initializer.map((t) =>
    create(NodeProtoSchema, {
      opType: 'Constant',
      output: [t.name ?? ''],
      attribute: [create(AttributeProtoSchema, { name: 'value', type: AttributeCode.tensor, t })],
    }),
  )
  return encodeModel({
    ...proto,
    metadataProps: [],
    graph: { ...graph, initializer: [], node: [...constants, ...graph.node] },
  })
}

it('declares the classes of a widened head whose weight lies in a Constant node', () => {
  const bytes = withConstants()
  const model = modelFromOnnx(bytes, { classes: ['0', '180'] })
  expect(findHead(model)?.classes).toBe(2)
  const wider = widenHead(model, { classes: ['90'] })
  const written = modelFromOnnx(withHeadOf(bytes, wider))
  expect(written.graph.outputs[0]?.dims?.at(-1)).toBe(3)
  expect(written.classes).toEqual(['0', '180', '90'])
})
