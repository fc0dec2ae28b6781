import {
  add,
  cast,
  div,
  type Emitter,
  ints,
  mul,
  neg,
  reshape,
  scale,
  sub,
  type Value,
} from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** All sets of constraints are tried, so each more doubles them. */
export const MOST_CONSTRAINTS = 10

/** Keeps equations of dependent constraints solvable, beside the mean of |r_k|^2. */
const RIDGE = 1e-12
/** Keeps those of no constraint at all solvable. */
const ALMOST_NOTHING = 1e-200

/**
 * How much of each r_k brings g to the nearest vector z with z . r_k >= 0 for all k: z = g + sum_k v_k r_k with the v >= 0 of
 * least 1/2 v^T A v + b^T v, where A_ij = r_i . r_j and b_i = r_i . g (the dual of the projection, Lopez-Paz & Ranzato 2017).
 *
 * Exact: the v sought is, for the set S of its numbers above 0, the solution of A_SS v_S = -b_S. Every set is solved, all at
 * once; each solution without a negative number is a point that may be taken, and the one of least value is the v sought.
 *
 * @param gram Float64 scalars, A.
 * @param along Float64 scalars, b.
 * @returns float32 scalars
 */
export function coneWeights(
  emit: Emitter,
  gram: readonly (readonly Value[])[],
  along: readonly Value[],
): readonly Value[] {
  const count = along.length
  const sets = 2 ** count
  const has = (set: number, at: number): number => (set >> at) & 1
  const table = (dims: readonly number[], at: (place: readonly number[]) => number): Value =>
    emit.constant(filledBy(dims, at))
  const matrix = stack(emit, gram.flat(), [1, count, count])
  const b = stack(emit, along, [1, count])
  const diagonal = stack(
    emit,
    gram.map((row, at) => itemAt(row, at, 'product')),
    [1, count],
  )
  const trace = emit.op('ReduceSum', [diagonal], { keepdims: 0 })
  const ridge = reshape(
    emit,
    add(
      emit,
      scale(emit, trace, RIDGE / count),
      table([], () => ALMOST_NOTHING),
    ),
    [1, 1, 1],
  )
  // A where both are in the set, with the ridge on the diagonal; 1 on the diagonal where not.
  const both = table([sets, count, count], ([set = 0, i = 0, j = 0]) => has(set, i) * has(set, j))
  const inside = table([sets, count, count], ([set = 0, i = 0, j = 0]) => Number(i === j) * has(set, i))
  const outside = table(
    [sets, count, count],
    ([set = 0, i = 0, j = 0]) => Number(i === j) * (1 - has(set, i)),
  )
  const chosen = table([sets, count], ([set = 0, i = 0]) => has(set, i))
  const left = add(emit, add(emit, mul(emit, matrix, both), mul(emit, ridge, inside)), outside)
  const right = reshape(emit, neg(emit, mul(emit, b, chosen)), [sets, count, 1])
  const v = mul(emit, solved(emit, left, right, [sets, count]), chosen)
  const value = emit.op('ReduceSum', [mul(emit, v, b), ints(emit, [1])], { keepdims: 0 })
  const negative = emit.op('ReduceSum', [emit.op('Relu', [neg(emit, v)]), ints(emit, [1])], { keepdims: 0 })
  const allowed = emit.op('LessOrEqual', [negative, table([], () => 0)])
  // v = 0, of value 0, is always allowed, so none above 0 is the least.
  const least = emit.op('ArgMax', [emit.op('Where', [allowed, neg(emit, value), table([], () => -1)])], {
    axis: 0,
    keepdims: 0,
  })
  const weights = cast(emit, emit.op('Gather', [v, least], { axis: 0 }), 'float32')
  return along.map((_, at) =>
    reshape(emit, emit.op('Slice', [weights, ints(emit, [at]), ints(emit, [at + 1]), ints(emit, [0])]), []),
  )
}

/** The solutions of systems side by side, [sets, count], by Gauss and Jordan; positive definite ones need no pivoting. */
function solved(emit: Emitter, left: Value, right: Value, [sets, count]: readonly [number, number]): Value {
  let rows = emit.op('Concat', [left, right], { axis: 2 })
  const part = (value: Value, axis: number, at: number): Value =>
    emit.op('Slice', [value, ints(emit, [at]), ints(emit, [at + 1]), ints(emit, [axis])])
  for (let at = 0; at < count; at++) {
    const pivot = part(rows, 1, at)
    const row = div(emit, pivot, part(pivot, 2, at))
    const own = emit.constant(filledBy([1, count, 1], ([, i]) => Number(i === at)))
    rows = sub(emit, rows, mul(emit, sub(emit, part(rows, 2, at), own), row))
  }
  return reshape(emit, part(rows, 2, count), [sets, count])
}

const stack = (emit: Emitter, values: readonly Value[], dims: readonly number[]): Value =>
  reshape(
    emit,
    emit.op(
      'Concat',
      values.map((value) => reshape(emit, value, [1])),
      { axis: 0 },
    ),
    dims,
  )

/** A float64 tensor from the place of each number. */
function filledBy(dims: readonly number[], at: (place: readonly number[]) => number): Tensor<'float64'> {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const data = Float64Array.from({ length: size }, (_, index) => {
    let rest = index
    const place = dims.map(() => 0)
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const dim = itemAt(dims, axis, 'dim')
      place[axis] = rest % dim
      rest = Math.floor(rest / dim)
    }
    return at(place)
  })
  return { type: 'float64', dims: [...dims], data }
}
