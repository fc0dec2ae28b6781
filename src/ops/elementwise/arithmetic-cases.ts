import type { OpCase } from '../core/index.ts'

export const broadcastCases: readonly OpCase[] = [
  { name: 'same dims', inputs: [{ dims: [3, 4] }, { dims: [3, 4] }] },
  { name: 'right broadcast', inputs: [{ dims: [2, 3, 4] }, { dims: [4] }] },
  { name: 'left broadcast', inputs: [{ dims: [4] }, { dims: [2, 3, 4] }] },
  { name: 'both broadcast', inputs: [{ dims: [2, 1, 4] }, { dims: [3, 1] }] },
  { name: 'scalar', inputs: [{ dims: [3, 2] }, { dims: [] }] },
  { name: 'scalars', inputs: [{ dims: [] }, { dims: [] }] },
  { name: 'size 1 against nothing', inputs: [{ dims: [2, 1] }, { dims: [2, 0] }] },
  {
    name: 'float64',
    inputs: [
      { dims: [2, 1], type: 'float64' },
      { dims: [2], type: 'float64' },
    ],
  },
]

/** Integers have no gradient: they are counted, at run time and while the graph is built. */
export const integerPairs = (['int32', 'int64'] as const).flatMap((type): OpCase[] =>
  [false, true].map((constant) => ({
    name: constant ? `${type}, known while the graph is built` : type,
    inputs: [
      { dims: [2, 1], type, values: [-7, 8], constant },
      { dims: [3], type, values: [1, 2, 3], constant },
    ],
  })),
)

/** The same cases with values in `range` for the second input (divisors, bases). */
export const withSecondIn = (range: readonly [number, number], first?: readonly [number, number]): OpCase[] =>
  broadcastCases.map((item) => ({
    ...item,
    inputs: item.inputs.map((input, index) =>
      input && index === 1 ? { ...input, range } : input && first ? { ...input, range: first } : input,
    ),
  }))

const distinctCases = broadcastCases.map((item) => ({
  ...item,
  inputs: item.inputs.map((input) => input && { ...input, distinct: true }),
}))

export const parameterCases: readonly OpCase[] = [
  {
    name: 'parameter over samples',
    inputs: [
      { dims: [4, 2, 3], range: [1, 2] },
      { dims: [3], range: [1, 2], parameter: true },
    ],
  },
  {
    name: 'parameter over positions',
    inputs: [
      { dims: [2, 1], range: [1, 2], parameter: true },
      { dims: [4, 2, 3], range: [1, 2] },
    ],
  },
]

export const powerCases: readonly OpCase[] = [
  ...withSecondIn([-2, 2], [0.5, 2]),
  { name: 'squared', inputs: [{ dims: [3, 4] }, { dims: [], values: [2], constant: true }] },
  { name: 'cubed', inputs: [{ dims: [3, 4] }, { dims: [], values: [3], constant: true }] },
  {
    name: 'inverse root',
    inputs: [
      { dims: [3, 4], range: [0.5, 2] },
      { dims: [], values: [-0.5], constant: true },
    ],
  },
  ...[0, 1, 2, 3].map((exponent) => ({
    name: `bases of both signs to the ${exponent}, exponent [1]`,
    inputs: [
      { dims: [2, 2], values: [-1.5, 0, 0.5, 2] },
      { dims: [1], values: [exponent], constant: true },
    ],
  })),
  ...(['int32', 'int64', 'float64'] as const).map((type) => ({
    name: `exponents of ${type}, one 0`,
    inputs: [
      { dims: [2, 3], values: [0.5, -1.5, 0, 2, -0.5, 0.2] },
      { dims: [3], type, values: [3, 2, 0], constant: true },
    ],
  })),
  {
    name: 'base 0',
    inputs: [
      { dims: [2], values: [0, 2], constant: true },
      { dims: [2], values: [1.5, -1] },
    ],
  },
  {
    name: 'integers to a float',
    inputs: [
      { dims: [3], type: 'int64', values: [2, 3, 4], constant: false },
      { dims: [], values: [2], constant: true },
    ],
  },
  { name: 'opset 7', inputs: [{ dims: [2, 3], range: [0.5, 2] }, { dims: [3] }], opset: 7 },
]

export const extremumCases: readonly OpCase[] = [
  ...distinctCases,
  {
    name: 'three inputs',
    inputs: [
      { dims: [2, 3], distinct: true },
      { dims: [3], distinct: true },
      { dims: [1], distinct: true },
    ],
  },
  { name: 'one input', inputs: [{ dims: [2, 3], distinct: true }] },
  {
    name: 'four inputs, one empty',
    inputs: [{ dims: [1] }, { dims: [2, 0] }, { dims: [] }, { dims: [2, 1] }],
  },
  {
    name: 'three inputs, none of full dims',
    inputs: [
      { dims: [2, 1, 1], values: [-1.1, 0.4] },
      { dims: [3, 1], values: [-0.8, 0.1, 0.9] },
      { dims: [2], values: [-0.35, 0.65] },
    ],
  },
  ...(['int32', 'uint32', 'int64', 'uint64'] as const).map((type) => ({
    name: type,
    inputs: [
      { dims: [2, 3], type, range: [0, 9] as const, constant: false },
      { dims: [3], type, range: [0, 9] as const, constant: false },
    ],
  })),
  {
    name: 'known while the graph is built',
    inputs: [
      { dims: [2], type: 'int64', values: [-3, 5] },
      { dims: [1], type: 'int64', values: [2] },
    ],
  },
]

export const variadicCases: readonly OpCase[] = [
  { name: 'one input', inputs: [{ dims: [2, 3] }] },
  { name: 'two inputs, both broadcast', inputs: [{ dims: [2, 1] }, { dims: [3] }] },
  { name: 'three inputs', inputs: [{ dims: [2, 3] }, { dims: [3] }, { dims: [1] }] },
  { name: 'three inputs, none of full dims', inputs: [{ dims: [] }, { dims: [2, 1, 3] }, { dims: [4, 1] }] },
  { name: 'four scalars', inputs: [{ dims: [] }, { dims: [] }, { dims: [] }, { dims: [] }] },
  { name: 'empty', inputs: [{ dims: [0, 2] }, { dims: [2] }] },
]
