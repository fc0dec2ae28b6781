import type { OpCase } from '../core/index.ts'

const weights = (dims: readonly number[]) => ({ dims, parameter: true })

/** ONNX Runtime's CPU provider has this op in float32 only, so there are no float64 cases. It refuses output_padding
 * as large as the stride, also where the dilation is larger. */
export const convTransposeCases: readonly OpCase[] = [
  { name: 'one spatial dim', inputs: [{ dims: [3, 2, 5] }, weights([2, 4, 3])] },
  {
    name: 'one spatial dim: stride, pads, dilation, bias',
    inputs: [{ dims: [2, 3, 4] }, weights([3, 4, 3]), { dims: [4] }],
    attributes: { strides: [2], pads: [1, 2], dilations: [2] },
  },
  { name: 'plain', inputs: [{ dims: [2, 3, 4, 3] }, weights([3, 2, 3, 2])] },
  {
    name: 'bias',
    inputs: [{ dims: [3, 2, 3, 4] }, { dims: [2, 3, 3, 3] }, { dims: [3], parameter: true }],
    attributes: { pads: [1, 1, 1, 1], kernel_shape: [3, 3] },
  },
  {
    name: 'stride 2',
    inputs: [{ dims: [2, 2, 3, 4] }, weights([2, 3, 3, 3]), { dims: [3] }],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: 'stride larger than the kernel',
    inputs: [{ dims: [2, 2, 3, 2] }, weights([2, 3, 2, 2])],
    attributes: { strides: [3, 4] },
  },
  {
    name: 'output_padding',
    inputs: [{ dims: [2, 2, 3, 3] }, weights([2, 3, 3, 3]), { dims: [3] }],
    attributes: { strides: [2, 3], pads: [1, 1, 1, 1], output_padding: [1, 2] },
  },
  {
    name: 'output_shape',
    inputs: [{ dims: [2, 2, 3, 3] }, weights([2, 3, 3, 3])],
    attributes: { strides: [2, 2], output_shape: [6, 5] },
  },
  {
    name: 'output_shape with an odd rest, SAME_UPPER',
    inputs: [{ dims: [2, 2, 3, 3] }, weights([2, 3, 3, 3])],
    attributes: { strides: [3, 3], output_shape: [8, 8], auto_pad: 'SAME_UPPER' },
  },
  {
    name: 'output_shape with an odd rest, SAME_LOWER',
    inputs: [{ dims: [2, 2, 3, 3] }, weights([2, 3, 3, 3])],
    attributes: { strides: [3, 3], output_shape: [8, 8], auto_pad: 'SAME_LOWER' },
  },
  {
    name: 'output_shape larger than the windows reach',
    inputs: [{ dims: [2, 2, 3, 3] }, weights([2, 3, 3, 3])],
    attributes: { strides: [3, 2], output_shape: [10, 8] },
  },
  {
    name: 'auto_pad SAME_UPPER',
    inputs: [{ dims: [2, 2, 3, 4] }, weights([2, 3, 3, 4])],
    attributes: { strides: [2, 1], auto_pad: 'SAME_UPPER' },
  },
  {
    name: 'auto_pad SAME_LOWER',
    inputs: [{ dims: [2, 2, 3, 4] }, weights([2, 3, 3, 4])],
    attributes: { strides: [2, 1], auto_pad: 'SAME_LOWER' },
  },
  {
    name: 'auto_pad VALID',
    inputs: [{ dims: [2, 2, 3, 4] }, weights([2, 3, 3, 2])],
    attributes: { strides: [2, 1], auto_pad: 'VALID' },
  },
  {
    name: 'asymmetric pads, dilations',
    inputs: [{ dims: [2, 2, 4, 4] }, weights([2, 3, 2, 3])],
    attributes: { pads: [1, 0, 0, 2], dilations: [2, 2] },
  },
  {
    name: 'groups',
    inputs: [{ dims: [2, 4, 3, 3] }, weights([4, 3, 3, 3]), { dims: [6] }],
    attributes: { group: 2, strides: [2, 1], pads: [1, 1, 1, 1] },
  },
  {
    name: 'depthwise',
    inputs: [{ dims: [3, 3, 4, 4] }, weights([3, 1, 2, 2])],
    attributes: { group: 3, strides: [2, 2] },
  },
  {
    name: 'kernel of one, a batch of one',
    inputs: [{ dims: [1, 3, 2, 2] }, weights([3, 2, 1, 1]), { dims: [2] }],
  },
  { name: 'no samples', inputs: [{ dims: [0, 2, 3, 3] }, { dims: [2, 3, 2, 2] }, { dims: [3] }] },
  {
    name: 'kernel of one, stride 2',
    inputs: [{ dims: [1, 2, 2, 3] }, weights([2, 2, 1, 1])],
    attributes: { strides: [2, 2], output_padding: [1, 0] },
  },
  {
    name: 'auto_pad NOTSET, pads',
    inputs: [{ dims: [1, 2, 3, 4] }, weights([2, 2, 3, 2])],
    attributes: { auto_pad: 'NOTSET', pads: [1, 0, 0, 1], strides: [2, 1] },
  },
  {
    name: 'one spatial dim, groups, output_padding',
    inputs: [{ dims: [3, 4, 3] }, weights([4, 1, 3]), { dims: [2] }],
    attributes: { group: 2, strides: [3], output_padding: [1] },
  },
  {
    name: 'one spatial dim, auto_pad SAME_UPPER',
    inputs: [{ dims: [1, 2, 4] }, weights([2, 3, 4])],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2] },
  },
  {
    name: 'groups, dilations, output_padding',
    inputs: [{ dims: [1, 4, 3, 2] }, weights([4, 2, 2, 3])],
    attributes: { group: 2, strides: [2, 2], dilations: [2, 1], output_padding: [1, 1] },
  },
  {
    name: 'one spatial dim, output_shape',
    inputs: [{ dims: [1, 2, 3] }, weights([2, 2, 3])],
    attributes: { strides: [2], output_shape: [7] },
  },
  {
    name: 'three spatial dims, groups, output_padding',
    inputs: [{ dims: [1, 2, 2, 2, 2] }, weights([2, 1, 2, 2, 3])],
    attributes: { group: 2, strides: [2, 2, 1], output_padding: [1, 0, 0] },
  },
  {
    name: 'opset 7',
    inputs: [{ dims: [1, 2, 3, 3] }, weights([2, 3, 2, 2]), { dims: [3] }],
    attributes: { strides: [2, 2] },
    opset: 7,
  },
  {
    name: 'three spatial dims',
    inputs: [{ dims: [2, 2, 2, 3, 3] }, weights([2, 3, 2, 3, 3]), { dims: [3] }],
    attributes: { strides: [2, 1, 2], pads: [0, 1, 1, 1, 1, 1] },
  },
]
