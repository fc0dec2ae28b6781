import type { OpCase } from '../core/index.ts'

const pooling = (
  name: string,
  dims: readonly number[],
  attributes: NonNullable<OpCase['attributes']>,
  opset?: number,
): OpCase => ({
  name,
  inputs: [{ dims, distinct: true, range: [-9, 9] }],
  attributes,
  ...(opset === undefined ? {} : { opset }),
})

/** Combinations that both kinds of pooling take. */
export const poolCases: readonly OpCase[] = [
  pooling('kernel of one', [1, 2, 3, 3], { kernel_shape: [1, 1] }),
  pooling('kernel of one, stride 2', [1, 2, 3, 4], { kernel_shape: [1, 1], strides: [2, 2] }),
  pooling('no samples', [0, 2, 3, 3], { kernel_shape: [2, 2] }),
  pooling('kernel of the whole input', [2, 1, 3, 2], { kernel_shape: [3, 2] }),
  pooling('auto_pad NOTSET, pads', [1, 2, 4, 4], {
    kernel_shape: [2, 2],
    auto_pad: 'NOTSET',
    pads: [1, 0, 0, 1],
  }),
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].map((auto_pad) =>
    pooling(`one spatial dim, auto_pad ${auto_pad}`, [1, 2, 7], {
      kernel_shape: [4],
      strides: [2],
      auto_pad,
    }),
  ),
  ...['SAME_UPPER', 'SAME_LOWER'].map((auto_pad) =>
    pooling(`three spatial dims, auto_pad ${auto_pad}`, [1, 1, 3, 4, 5], {
      kernel_shape: [2, 3, 2],
      strides: [2, 1, 2],
      auto_pad,
    }),
  ),
  pooling('one spatial dim, dilation', [1, 2, 8], { kernel_shape: [3], dilations: [2], pads: [1, 2] }),
  pooling('one spatial dim, ceil_mode', [1, 2, 6], { kernel_shape: [3], strides: [2], ceil_mode: 1 }),
  pooling('one spatial dim, ceil_mode, pads', [1, 1, 6], {
    kernel_shape: [3],
    strides: [3],
    pads: [1, 1],
    ceil_mode: 1,
  }),
  pooling('three spatial dims, dilations', [1, 1, 4, 4, 5], {
    kernel_shape: [2, 2, 2],
    dilations: [2, 1, 3],
    strides: [1, 2, 1],
  }),
  pooling('three spatial dims, ceil_mode', [1, 1, 4, 5, 4], {
    kernel_shape: [2, 2, 3],
    strides: [2, 2, 2],
    pads: [0, 0, 1, 0, 0, 1],
    ceil_mode: 1,
  }),
  pooling('ceil_mode and dilations', [1, 2, 7, 8], {
    kernel_shape: [2, 3],
    strides: [2, 3],
    dilations: [2, 2],
    ceil_mode: 1,
  }),
  pooling('opset 7', [1, 2, 5, 5], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }, 7),
  pooling(
    'opset 8, auto_pad',
    [1, 2, 5, 5],
    { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
    8,
  ),
  pooling('opset 10, ceil_mode', [1, 2, 6, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, 10),
  pooling(
    'opset 12, ceil_mode, pads',
    [1, 2, 6, 6],
    {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 0, 0],
      ceil_mode: 1,
    },
    12,
  ),
]

/** With and without the padding among what is averaged. */
export const averagePoolCases: readonly OpCase[] = poolCases.flatMap((item) => [
  item,
  {
    ...item,
    name: `${item.name}, count_include_pad`,
    attributes: { ...item.attributes, count_include_pad: 1 },
  },
])

export const globalPoolCases: readonly OpCase[] = [
  { name: 'a batch of one, one position', inputs: [{ dims: [1, 2, 1, 1], distinct: true, range: [-9, 9] }] },
  { name: 'no samples', inputs: [{ dims: [0, 2, 3, 2] }] },
  { name: 'opset 7', inputs: [{ dims: [1, 2, 3, 2], distinct: true, range: [-9, 9] }], opset: 7 },
]
