import { itemAt } from '../../required.ts'
import { zeros } from '../../tensor/bytes.ts'
import { sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { OpDefinition, ShapeContext } from './define.ts'
import { foldableInputs, LARGEST_FOLD } from './fold.ts'

/** Elements of any type, by position: what folding moves about is never converted, since int64 does not fit a number. */
type Cells = Record<number, unknown>

/** How far apart neighbours along each axis are in row-major order. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1)
  for (let axis = dims.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (dims[axis + 1] ?? 1)
  }
  return strides
}

/** The flat position of `at`, where axis i advances by strides[i]. */
export const offsetOf = (at: readonly number[], strides: readonly number[]): number =>
  at.reduce((sum, position, axis) => sum + position * itemAt(strides, axis, 'stride'), 0)

/** Calls `visit` for every position of a tensor of `dims`, in row-major order. `at` is reused between calls. */
export function eachPosition(
  dims: readonly number[],
  visit: (at: readonly number[], index: number) => void,
): void {
  const at = dims.map(() => 0)
  const size = sizeOf(dims)
  for (let index = 0; index < size; index++) {
    visit(at, index)
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = itemAt(at, axis, 'axis') + 1
      at[axis] = next
      if (next < itemAt(dims, axis, 'axis')) break
      at[axis] = 0
    }
  }
}

/** A tensor whose element at a position is the one of `source` at the offset given for it; zero where that is undefined. */
export function pickElements(
  source: Tensor,
  dims: readonly number[],
  offset: (at: readonly number[]) => number | undefined,
): Tensor {
  const out = zeros(source.type, dims)
  const from: Cells = source.data
  const to: Cells = out.data
  eachPosition(dims, (at, index) => {
    const position = offset(at)
    if (position !== undefined) to[index] = from[position]
  })
  return out
}

/** Sets elements `start`, `start + 1`, … of `target` to those of `source`, both of one type. */
export function copyElements(
  target: Tensor,
  start: number,
  source: Tensor,
  from: number,
  count: number,
): void {
  const to: Cells = target.data
  const cells: Cells = source.data
  for (let index = 0; index < count; index++) to[start + index] = cells[from + index]
}

/**
 * Folds an op that only picks elements of its first input. `offsets` is asked once for the rule that gives, for a
 * position in the output, the place of its element.
 */
export const foldPicking =
  (
    shape: (context: ShapeContext) => readonly { readonly dims: readonly number[] }[],
    offsets: (context: ShapeContext, source: Tensor) => (at: readonly number[]) => number | undefined,
  ): NonNullable<OpDefinition['fold']> =>
  ([source], context) => {
    const known = context.inputs.every((input) => !input || input.constant)
    if (!source || !known || !foldableInputs([source])) return undefined
    const [out] = shape(context)
    if (!out || sizeOf(out.dims) > LARGEST_FOLD) return undefined
    return [pickElements(source, out.dims, offsets(context, source))]
  }
