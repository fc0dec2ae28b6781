import { float } from '../../onnx/graph.ts'
import { defineOp, rowsFirst } from '../core/index.ts'
import { channelsOf, groupGradient, groupShape, groupSquares, positiveScale } from './group-normalization.ts'

/** Normalises each sample's channels over space: every channel its own group. ONNX Runtime's CPU has it in float32. */
export const InstanceNormalization = defineOp('InstanceNormalization', {
  shape: groupShape(channelsOf),
  gradient: groupGradient(channelsOf),
  squares: groupSquares(channelsOf),
  rows: rowsFirst,
  cases: [
    { name: 'images', inputs: [{ dims: [2, 3, 2, 2] }, positiveScale([3]), { dims: [3] }] },
    { name: 'sequences', inputs: [{ dims: [2, 3, 4] }, positiveScale([3]), { dims: [3] }] },
    {
      name: 'volumes, a batch of one',
      inputs: [{ dims: [1, 2, 2, 3, 2] }, positiveScale([2]), { dims: [2] }],
    },
    { name: 'opset 7', inputs: [{ dims: [2, 3, 4] }, positiveScale([3]), { dims: [3] }], opset: 7 },
    {
      name: 'epsilon',
      inputs: [{ dims: [2, 3, 4] }, positiveScale([3]), { dims: [3] }],
      attributes: { epsilon: float(0.1) },
    },
    { name: 'squares of scale', inputs: [{ dims: [4, 3, 2, 3] }, positiveScale([3], true), { dims: [3] }] },
    {
      name: 'squares of bias',
      inputs: [{ dims: [4, 3, 5] }, positiveScale([3]), { dims: [3], parameter: true }],
    },
  ],
})
