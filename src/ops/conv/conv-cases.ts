import type { OpCase } from '../core/index.ts'

const weights = (dims: readonly number[]) => ({ dims, parameter: true })

/** ONNX Runtime's CPU provider convolves in float32 only, so there are no float64 cases; nor does it take dilations together with
 * auto_pad SAME. */
export const convCases: readonly OpCase[] = [
  { name: 'one spatial dim', inputs: [{ dims: [3, 2, 7] }, weights([4, 2, 3])] },
  {
    name: 'one spatial dim: stride, pads, dilation, bias',
    inputs: [{ dims: [2, 3, 10] }, weights([4, 3, 3]), { dims: [4] }],
    attributes: { strides: [2], pads: [1, 2], dilations: [2] },
  },
  {
    name: 'one spatial dim: groups',
    inputs: [{ dims: [2, 4, 6] }, weights([6, 2, 3])],
    attributes: { group: 2, pads: [1, 1] },
  },
  // Dims that WebGPU's own kernel would get wrong: conv-device.ts.
  {
    name: 'six channels, outputs by fours',
    inputs: [{ dims: [1, 6, 4, 4] }, weights([4, 6, 3, 3]), { dims: [4] }],
    attributes: { pads: [1, 1, 1, 1] },
  },
  {
    name: 'groups of six outputs',
    inputs: [{ dims: [2, 4, 3, 4] }, weights([12, 2, 2, 2]), { dims: [12] }],
    attributes: { group: 2, strides: [1, 2] },
  },
  { name: 'no padding', inputs: [{ dims: [2, 3, 5, 6] }, weights([4, 3, 3, 3])] },
  {
    name: 'bias',
    inputs: [{ dims: [2, 2, 4, 5] }, { dims: [3, 2, 3, 3] }, { dims: [3], parameter: true }],
    attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
  },
  {
    name: 'same size, padding 1',
    inputs: [{ dims: [2, 3, 5, 4] }, weights([4, 3, 3, 3]), { dims: [4] }],
    attributes: { pads: [1, 1, 1, 1] },
  },
  {
    name: 'kernel of one',
    inputs: [{ dims: [2, 4, 3, 3] }, weights([5, 4, 1, 1]), { dims: [5] }],
  },
  {
    name: 'kernel of one, stride 2 that leaves a row over',
    inputs: [{ dims: [2, 4, 4, 5] }, weights([3, 4, 1, 1])],
    attributes: { strides: [2, 2] },
  },
  {
    name: 'padding wider than the kernel reaches',
    inputs: [{ dims: [1, 2, 3, 3] }, weights([2, 2, 1, 2])],
    attributes: { pads: [1, 2, 1, 0] },
  },
  {
    name: 'asymmetric pads, rectangular kernel',
    inputs: [{ dims: [2, 2, 5, 6] }, weights([3, 2, 2, 3]), { dims: [3] }],
    attributes: { pads: [1, 0, 0, 2] },
  },
  {
    name: 'stride 2, padding 1',
    inputs: [{ dims: [2, 2, 7, 7] }, weights([3, 2, 3, 3])],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: 'stride that leaves rows over',
    inputs: [{ dims: [2, 2, 8, 9] }, weights([3, 2, 3, 3])],
    attributes: { strides: [3, 2], pads: [0, 1, 0, 1] },
  },
  {
    name: 'strides that differ by axis',
    inputs: [{ dims: [2, 2, 5, 8] }, weights([3, 2, 3, 2])],
    attributes: { strides: [1, 3], pads: [1, 1, 1, 1] },
  },
  {
    name: 'dilations',
    inputs: [{ dims: [2, 2, 7, 8] }, weights([3, 2, 3, 2]), { dims: [3] }],
    attributes: { dilations: [2, 3], pads: [2, 1, 1, 2] },
  },
  {
    name: 'stride and dilation',
    inputs: [{ dims: [2, 2, 9, 9] }, weights([3, 2, 3, 3])],
    attributes: { strides: [2, 2], dilations: [2, 2], pads: [1, 2, 2, 1] },
  },
  {
    name: 'two groups',
    inputs: [{ dims: [2, 4, 5, 5] }, weights([6, 2, 3, 3]), { dims: [6] }],
    attributes: { group: 2, pads: [1, 1, 1, 1] },
  },
  {
    name: 'two groups, stride 2',
    inputs: [{ dims: [2, 4, 6, 5] }, weights([4, 2, 3, 3])],
    attributes: { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: 'depthwise',
    inputs: [{ dims: [3, 4, 5, 5] }, weights([4, 1, 3, 3]), { dims: [4] }],
    attributes: { group: 4, pads: [1, 1, 1, 1] },
  },
  {
    name: 'depthwise with two outputs a channel, stride 2',
    inputs: [{ dims: [2, 3, 6, 6] }, weights([6, 1, 3, 3])],
    attributes: { group: 3, strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: 'auto_pad VALID',
    inputs: [{ dims: [2, 2, 5, 5] }, weights([3, 2, 3, 3])],
    attributes: { auto_pad: 'VALID', strides: [2, 1] },
  },
  {
    name: 'auto_pad SAME_UPPER',
    inputs: [{ dims: [2, 2, 5, 6] }, weights([3, 2, 2, 3])],
    attributes: { auto_pad: 'SAME_UPPER' },
  },
  {
    name: 'auto_pad SAME_UPPER, strides',
    inputs: [{ dims: [2, 2, 6, 7] }, weights([3, 2, 3, 2])],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 3] },
  },
  {
    name: 'auto_pad SAME_LOWER',
    inputs: [{ dims: [2, 2, 5, 6] }, weights([3, 2, 2, 4]), { dims: [3] }],
    attributes: { auto_pad: 'SAME_LOWER', strides: [1, 2] },
  },
  {
    name: 'three spatial dims',
    inputs: [{ dims: [2, 2, 3, 4, 4] }, weights([3, 2, 2, 3, 3]), { dims: [3] }],
    attributes: { pads: [1, 1, 1, 0, 1, 1], strides: [1, 2, 1] },
  },
  {
    name: 'three spatial dims, groups',
    inputs: [{ dims: [2, 2, 3, 3, 3] }, weights([2, 1, 2, 2, 2])],
    attributes: { group: 2 },
  },
  {
    name: 'auto_pad NOTSET, pads',
    inputs: [{ dims: [1, 2, 4, 5] }, weights([2, 2, 3, 3])],
    attributes: { auto_pad: 'NOTSET', pads: [1, 0, 1, 2] },
  },
  {
    name: 'one spatial dim, auto_pad SAME_LOWER, stride, groups',
    inputs: [{ dims: [2, 4, 7] }, weights([4, 2, 4])],
    attributes: { auto_pad: 'SAME_LOWER', strides: [2], group: 2 },
  },
  {
    name: 'one spatial dim, depthwise, dilation',
    inputs: [{ dims: [1, 3, 8] }, weights([3, 1, 3]), { dims: [3] }],
    attributes: { group: 3, dilations: [2], pads: [4, 0] },
  },
  {
    name: 'groups, stride and dilation',
    inputs: [{ dims: [1, 4, 8, 7] }, weights([2, 2, 2, 3])],
    attributes: { group: 2, strides: [2, 1], dilations: [3, 2], pads: [1, 1, 0, 2] },
  },
  {
    name: 'three spatial dims, dilations',
    inputs: [{ dims: [1, 2, 4, 5, 5] }, weights([2, 2, 2, 2, 3])],
    attributes: { dilations: [2, 3, 2], pads: [0, 1, 1, 1, 0, 1] },
  },
  {
    name: 'three spatial dims, auto_pad SAME_UPPER',
    inputs: [{ dims: [1, 1, 3, 4, 3] }, weights([2, 1, 2, 3, 2])],
    attributes: { auto_pad: 'SAME_UPPER', strides: [1, 2, 2] },
  },
  {
    name: 'no samples',
    inputs: [{ dims: [0, 2, 4, 4] }, { dims: [3, 2, 2, 2] }, { dims: [3] }],
  },
  { name: 'one by one to one', inputs: [{ dims: [1, 1, 1, 1] }, weights([1, 1, 1, 1]), { dims: [1] }] },
  {
    name: 'kernel of one with groups and padding',
    inputs: [{ dims: [2, 4, 3, 2] }, weights([4, 2, 1, 1])],
    attributes: { group: 2, pads: [1, 1, 1, 1] },
  },
  {
    name: 'opset 7',
    inputs: [{ dims: [1, 2, 4, 4] }, weights([3, 2, 3, 3]), { dims: [3] }],
    attributes: { pads: [1, 1, 1, 1] },
    opset: 7,
  },
  { name: 'kernel of the whole input', inputs: [{ dims: [2, 3, 4, 4] }, weights([5, 3, 4, 4])] },
]
