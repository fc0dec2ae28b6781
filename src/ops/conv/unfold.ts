import { itemAt } from '../../required.ts'
import { type Emitter, ints, type Value } from '../core/index.ts'
import { padZeros } from '../shape/index.ts'
import { outputSizes, paddingReached, type WindowAxis } from './windows.ts'

/** `x` with zeros (beginning, end) around the axes from `first` on; itself where there are none. */
export function padAxes(
  emit: Emitter,
  x: Value,
  first: number,
  amounts: readonly (readonly [number, number])[],
): Value {
  const before = x.dims.map((_, axis) => amounts[axis - first]?.[0] ?? 0)
  const after = x.dims.map((_, axis) => amounts[axis - first]?.[1] ?? 0)
  return padZeros(emit, x, before, after)
}

/** Padded so that every window lies inside. */
export const padForWindows = (emit: Emitter, x: Value, axes: readonly WindowAxis[], first: number): Value =>
  padAxes(
    emit,
    x,
    first,
    axes.map((axis) => [axis.before, paddingReached(axis)]),
  )

/** `x[.., start : start + step * (count - 1) + 1 : step, ..]` along the axes from `first` on. */
export function sliceAxes(
  emit: Emitter,
  x: Value,
  first: number,
  ranges: readonly { readonly start: number; readonly count: number; readonly step: number }[],
): Value {
  const whole = ranges.every(
    ({ start, count, step }, at) => start === 0 && step === 1 && count === x.dims[first + at],
  )
  if (whole) return x
  return emit.op('Slice', [
    x,
    ints(
      emit,
      ranges.map(({ start }) => start),
    ),
    ints(
      emit,
      ranges.map(({ start, count, step }) => start + step * (count - 1) + 1),
    ),
    ints(
      emit,
      ranges.map((_, at) => first + at),
    ),
    ints(
      emit,
      ranges.map(({ step }) => step),
    ),
  ])
}

/** `x` backwards along these axes; itself where they have one element each. */
export function backwards(emit: Emitter, x: Value, axes: readonly number[]): Value {
  const flipped = axes.filter((axis) => (x.dims[axis] ?? 1) > 1)
  if (flipped.length === 0) return x
  const same = (value: number) =>
    ints(
      emit,
      flipped.map(() => value),
    )
  return emit.op('Slice', [x, same(-1), same(-(2 ** 31)), ints(emit, flipped), same(-1)])
}

/** Every place in the kernel, last axis fastest. */
export function kernelPlaces(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, at) => [...place, at])),
    [[]],
  )
}

/**
 * What each place of the kernel sees: one tensor of the output's spatial dims a place, last kernel axis fastest. The
 * spatial axes of `x` are those from `first` on.
 */
export function windowSlices(emit: Emitter, x: Value, axes: readonly WindowAxis[], first = 2): Value[] {
  const padded = padForWindows(emit, x, axes, first)
  const sizes = outputSizes(axes)
  return kernelPlaces(axes.map((axis) => axis.kernel)).map((place) =>
    sliceAxes(
      emit,
      padded,
      first,
      axes.map((axis, at) => ({
        start: itemAt(place, at, 'place') * axis.dilation,
        count: sizes[at] ?? 1,
        step: axis.stride,
      })),
    ),
  )
}
