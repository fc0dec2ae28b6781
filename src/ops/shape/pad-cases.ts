import type { OpCase } from '../core/index.ts'

const list = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

const modeCases = (mode: string): OpCase[] => [
  { name: mode, inputs: [{ dims: [3, 4] }, list([1, 2, 2, 1])], attributes: { mode } },
  {
    name: `${mode}, one axis`,
    inputs: [{ dims: [2, 3, 3] }, list([0, 0, 2, 0, 0, 1])],
    attributes: { mode },
  },
  {
    name: `${mode}, float64`,
    inputs: [{ dims: [2, 3], type: 'float64' }, list([0, 1, 0, 2])],
    attributes: { mode },
  },
  {
    name: `${mode}, axes`,
    inputs: [{ dims: [2, 3, 3] }, list([1, 2]), undefined, list([-1])],
    attributes: { mode },
  },
  {
    name: `${mode}, folded`,
    inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }, list([0, 1, 1, 2])],
    attributes: { mode },
  },
]

/** ONNX Runtime's shape inference takes axes in int64 only. */
export const padCases: readonly OpCase[] = [
  ...['constant', 'edge', 'reflect', 'wrap'].flatMap(modeCases),
  {
    name: 'value',
    inputs: [{ dims: [2, 3] }, list([1, 0, 0, 2]), { dims: [], values: [5], constant: true }],
  },
  { name: 'value by gradient', inputs: [{ dims: [2, 3] }, list([1, 0, 0, 2]), { dims: [] }] },
  { name: 'negative pads', inputs: [{ dims: [4, 5] }, list([-1, 2, 1, -2])] },
  { name: 'only negative pads', inputs: [{ dims: [4, 5] }, list([-1, 0, -2, -1])] },
  { name: 'edge, negative', inputs: [{ dims: [2, 4] }, list([0, -1, 0, 2])], attributes: { mode: 'edge' } },
  {
    name: 'reflect, negative',
    inputs: [{ dims: [2, 4] }, list([0, 2, 0, -1])],
    attributes: { mode: 'reflect' },
  },
  { name: 'nothing to do', inputs: [{ dims: [2, 3] }, list([0, 0, 0, 0])] },
  {
    name: 'axes out of order, one negative, value',
    inputs: [{ dims: [2, 3, 2] }, list([1, 0, 0, 2]), { dims: [], values: [3] }, list([-1, 0])],
  },
  {
    name: 'negative pads of some axes',
    inputs: [{ dims: [2, 4, 3] }, list([-1, 1, -1, -1]), undefined, list([1, 2])],
  },
  {
    name: 'wrap, negative',
    inputs: [{ dims: [2, 4] }, list([0, -1, 0, 2])],
    attributes: { mode: 'wrap' },
  },
  {
    name: 'wrap, more than once round',
    inputs: [{ dims: [3] }, list([3, 4])],
    attributes: { mode: 'wrap' },
  },
  {
    name: 'edge, three axes',
    inputs: [{ dims: [1, 2, 2] }, list([1, 0, 2, 0, 1, 1])],
    attributes: { mode: 'edge' },
  },
  {
    name: 'images, reflect',
    inputs: [{ dims: [1, 2, 3, 4] }, list([0, 0, 1, 2, 0, 0, 2, 3])],
    attributes: { mode: 'reflect' },
  },
  { name: 'of nothing', inputs: [{ dims: [0, 2] }, list([1, 0, 1, 1])] },
  {
    name: 'int64, value',
    inputs: [
      { dims: [2], type: 'int64', range: [0, 9], constant: false },
      list([1, 1]),
      { dims: [], type: 'int64', values: [7] },
    ],
  },
  {
    name: 'opset 11',
    inputs: [{ dims: [2, 3] }, list([0, 1, 1, 0]), { dims: [], values: [2] }],
    opset: 11,
  },
  {
    name: 'axes, opset 18',
    inputs: [{ dims: [2, 3] }, list([2, 1]), undefined, list([-1])],
    attributes: { mode: 'edge' },
    opset: 18,
  },
  {
    name: 'reflect, pads as attribute',
    inputs: [{ dims: [2, 3] }],
    attributes: { pads: [0, 2, 0, 1], mode: 'reflect' },
    opset: 10,
  },
  {
    name: 'negative pads as attribute',
    inputs: [{ dims: [2, 3] }],
    attributes: { pads: [0, -1, 1, 0], value: { kind: 'float', value: 2 } },
    opset: 7,
  },
  {
    name: 'pads as attribute',
    inputs: [{ dims: [2, 3] }],
    attributes: { pads: [0, 1, 1, 0], value: { kind: 'float', value: 2 } },
    opset: 2,
  },
]
