import { float } from '../../onnx/graph.ts'
import type { OpCase } from '../core/index.ts'

/** Values on both sides of the bounds -0.5 and 0.5, none within a difference's step of them. */
const clipped = [-0.9, -0.6, -0.3, 0.2, 0.4, 0.8]
const bound = (value: number) => ({ dims: [], values: [value] })

export const clipCases: readonly OpCase[] = [
  { name: 'both bounds', inputs: [{ dims: [2, 3], values: clipped }, bound(-0.5), bound(0.5)] },
  { name: 'low only', inputs: [{ dims: [2, 3], values: clipped }, bound(-0.5)] },
  { name: 'high only', inputs: [{ dims: [2, 3], values: clipped }, undefined, bound(0.5)] },
  { name: 'no bounds', inputs: [{ dims: [2, 3], values: clipped }] },
  { name: 'scalar', inputs: [{ dims: [], values: [0.7] }, bound(-0.5), bound(0.5)] },
  { name: 'empty', inputs: [{ dims: [0, 2] }, bound(-0.5), bound(0.5)] },
  {
    name: 'low above high',
    inputs: [
      { dims: [2, 3], values: clipped },
      { ...bound(0.5), constant: true },
      { ...bound(-0.5), constant: true },
    ],
  },
  {
    name: 'opset 11',
    inputs: [{ dims: [2, 3], values: clipped }, undefined, { ...bound(0.5), constant: true }],
    opset: 11,
  },
  {
    name: 'low bound as attribute',
    inputs: [{ dims: [2, 3], values: clipped }],
    attributes: { min: float(-0.5) },
    opset: 9,
  },
  {
    name: 'both as attributes, opset 10',
    inputs: [{ dims: [2, 3], values: clipped }],
    attributes: { min: float(-0.5), max: float(0.5) },
    opset: 10,
  },
  ...(['int8', 'uint8', 'int32', 'uint32', 'uint64'] as const).map((type) => ({
    name: type,
    inputs: [
      { dims: [4], type, values: [1, 3, 6, 9], constant: false },
      { dims: [], type, values: [2] },
      { dims: [], type, values: [6] },
    ],
  })),
  {
    name: 'constant bounds',
    inputs: [
      { dims: [6], values: clipped },
      { ...bound(-0.5), constant: true },
      { ...bound(0.5), constant: true },
    ],
  },
  {
    name: 'float64',
    inputs: [
      { dims: [6], type: 'float64', values: clipped },
      { ...bound(-0.5), type: 'float64' },
      { ...bound(0.5), type: 'float64' },
    ],
  },
  {
    name: 'int64',
    inputs: [
      { dims: [4], type: 'int64', values: [-3, 0, 2, 9], constant: false },
      { dims: [], type: 'int64', values: [0] },
      { dims: [], type: 'int64', values: [5] },
    ],
  },
  {
    name: 'bounds as attributes',
    inputs: [{ dims: [2, 3], values: clipped }],
    attributes: { min: float(-0.5), max: float(0.5) },
    opset: 6,
  },
  {
    name: 'one bound as attribute',
    inputs: [{ dims: [2, 3], values: clipped }],
    attributes: { max: float(0.5) },
    opset: 6,
  },
  { name: 'no bound as attribute', inputs: [{ dims: [2, 3], values: clipped }], opset: 6 },
]

export const modCases: readonly OpCase[] = [
  {
    name: 'floats',
    inputs: [
      { dims: [6], values: [-2.7, -1.5, -0.4, 0.5, 1.6, 2.9] },
      { dims: [], values: [1.1] },
    ],
    attributes: { fmod: 1 },
  },
  {
    name: 'float64, broadcast',
    inputs: [
      { dims: [2, 3], type: 'float64', values: [-2.7, -1.5, -0.4, 0.5, 1.6, 2.9] },
      { dims: [3], type: 'float64', values: [1.1, 1.1, 1.3] },
    ],
    attributes: { fmod: 1 },
  },
  {
    name: 'parameter over samples',
    inputs: [
      { dims: [2, 3], values: [-2.7, -1.5, -1.6, 2.5, 1.6, 2.9] },
      { dims: [3], values: [1.1, 1.1, 1.3], parameter: true },
    ],
    attributes: { fmod: 1 },
  },
  ...(['int32', 'int64', 'uint8', 'uint32'] as const).flatMap((type): OpCase[] =>
    [0, 1].map((fmod) => ({
      name: `${type}, fmod ${fmod}`,
      inputs: [
        { dims: [2, 3], type, range: [1, 9], constant: false },
        { dims: [3], type, values: [2, 3, 5], constant: false },
      ],
      attributes: { fmod },
    })),
  ),
  ...[0, 1].map((fmod) => ({
    name: `integers of both signs, fmod ${fmod}`,
    inputs: [
      { dims: [2, 1, 2], type: 'int64' as const, values: [-7, 7, -8, 8], constant: false },
      { dims: [2, 1], type: 'int64' as const, values: [3, -5], constant: false },
    ],
    attributes: { fmod },
  })),
  ...[0, 1].map((fmod) => ({
    name: `known integers of both signs, fmod ${fmod}`,
    inputs: [
      { dims: [4], type: 'int64' as const, values: [-7, 7, -8, 8] },
      { dims: [2, 1], type: 'int64' as const, values: [3, -5] },
    ],
    attributes: { fmod },
  })),
  ...(['int8', 'int16', 'uint16', 'uint64'] as const).map((type) => ({
    name: type,
    inputs: [
      { dims: [3], type, range: [1, 9] as const, constant: false },
      { dims: [2, 1], type, values: [2, 3], constant: false },
    ],
  })),
  {
    name: 'empty',
    inputs: [{ dims: [0, 2] }, { dims: [2], values: [1.1, 1.3] }],
    attributes: { fmod: 1 },
  },
  {
    name: 'scalars',
    inputs: [
      { dims: [], values: [2.7] },
      { dims: [], values: [1.1] },
    ],
    attributes: { fmod: 1 },
  },
  {
    name: 'negative divisor, both broadcast',
    inputs: [
      { dims: [2, 1], values: [-2.7, 1.6] },
      { dims: [2], values: [-1.1, 1.3] },
    ],
    attributes: { fmod: 1 },
  },
  {
    name: 'scalar by a vector, opset 10',
    inputs: [
      { dims: [], values: [2.7] },
      { dims: [2], values: [-1.1, 1.2] },
    ],
    attributes: { fmod: 1 },
    opset: 10,
  },
  {
    name: 'known while the graph is built',
    inputs: [
      { dims: [3], type: 'int64', values: [-7, 7, 8] },
      { dims: [], type: 'int64', values: [3] },
    ],
  },
]
