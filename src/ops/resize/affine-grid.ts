import { sizeOf, toNumbers } from '../../tensor/tensor.ts'
import {
  type CaseInput,
  defineComposite,
  fromNumbers,
  refusal,
  required,
  reshape,
  transpose,
} from '../core/index.ts'

/**
 * The centres of `size` elements spread over [-1, 1]; with `aligned`, the first and the last lie on the ends, and
 * a single one where the runtime puts it, at 1.
 */
const centres = (size: number, aligned: boolean): number[] =>
  Array.from({ length: size }, (_, at) =>
    aligned ? (size === 1 ? 1 : (2 * at) / (size - 1) - 1) : (2 * at + 1) / size - 1,
  )

/** Opset 20: the points of a grid, (x, y, 1) or (x, y, z, 1), times the transposed matrices theta. */
export const AffineGrid = defineComposite('', 'AffineGrid', {
  expand: (context) => {
    const { emit, attributes } = context
    const theta = required(context, 0)
    const size = required(context, 1).constant
    if (!size) throw refusal(context, 'its size is computed at run time. Make it a constant.')
    const [batch = 1, , ...space] = toNumbers(size)
    const aligned = attributes.int('align_corners', 0) !== 0
    const along = space.map((length) => centres(length, aligned))
    const points = along.reduce<number[][]>(
      (before, values) => before.flatMap((point) => values.map((value) => [value, ...point])),
      [[]],
    )
    const rows = points.flatMap((point) => [...point, 1])
    const grid = emit.constant(fromNumbers(theta.type, [sizeOf(space), space.length + 1], rows))
    const moved = emit.op('MatMul', [grid, transpose(emit, theta, [0, 2, 1])])
    return [reshape(emit, moved, [batch, ...space, space.length])]
  },
  cases: [0, 1].flatMap((align_corners) => {
    const size = (values: readonly number[]): CaseInput => ({ dims: [values.length], type: 'int64', values })
    const name = align_corners ? ', align_corners' : ''
    return [
      {
        name: `image${name}`,
        inputs: [{ dims: [2, 2, 3] }, size([2, 3, 4, 5])],
        attributes: { align_corners },
      },
      {
        name: `one row${name}`,
        inputs: [{ dims: [1, 2, 3] }, size([1, 1, 1, 3])],
        attributes: { align_corners },
      },
      {
        name: `volume${name}`,
        inputs: [{ dims: [2, 3, 4] }, size([2, 1, 2, 3, 4])],
        attributes: { align_corners },
      },
    ]
  }),
})
