import {
  add,
  cast,
  div,
  type Emitter,
  ints,
  matmul,
  mul,
  neg,
  reshape,
  sub,
  type Value,
} from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'

/** All sets of constraints are tried, so each more doubles them. */
export const MOST_CONSTRAINTS = 10

/** Float32 where a device has nothing longer. */
type Type = 'float32' | 'float64'

const typeOf = ({ type }: Value): Type => (type === 'float32' ? 'float32' : 'float64')

/** Keeps equations of dependent constraints solvable, all r_k brought to length 1. */
const RIDGE = { float32: 1e-5, float64: 1e-12 }
/** Below this |r_k|^2 is no length. The runtime takes a sum with what is 0 in float32 out of a graph, of float64 too. */
const ALMOST_NOTHING = 1e-30
/** How often what the ridge and rounding leave is solved for again. */
const REFINEMENTS = { float32: 3, float64: 0 }

/**
 * How much of each r_k brings g to the nearest vector z with z . r_k >= 0 for all k: z = g + sum_k v_k r_k with the v >= 0 of
 * least 1/2 v^T A v + b^T v, where A_ij = r_i . r_j and b_i = r_i . g (the dual of the projection, Lopez-Paz & Ranzato 2017).
 *
 * Exact: the v sought is, for the set S of its numbers above 0, the solution of A_SS v_S = -b_S. Every set is solved, all at
 * once; each solution without a negative number is a point that may be taken, and the one of least value is the v sought.
 *
 * Solved for r_k of length 1, so that a short one counts as much as a long one.
 *
 * @param gram Scalars, A; float64, or float32 on a device.
 * @param along Scalars of that type, b.
 * @returns float32 scalars
 */
export function coneWeights(
  emit: Emitter,
  gram: readonly (readonly Value[])[],
  along: readonly Value[],
): readonly Value[] {
  const count = along.length
  const sets = 2 ** count
  const type = typeOf(itemAt(along, 0, 'constraint'))
  const has = (set: number, at: number): number => (set >> at) & 1
  const table = (dims: readonly number[], at: (place: readonly number[]) => number): Value =>
    emit.constant(filledBy(type, dims, at))
  const squares = stack(
    emit,
    gram.map((row, at) => itemAt(row, at, 'product')),
    [1, count],
  )
  const nothing = table([], () => ALMOST_NOTHING)
  const shares = emit.op('Reciprocal', [emit.op('Sqrt', [add(emit, squares, nothing)])])
  const b = mul(emit, stack(emit, along, [1, count]), shares)
  const pairs = mul(emit, reshape(emit, shares, [1, count, 1]), reshape(emit, shares, [1, 1, count]))
  const matrix = mul(emit, stack(emit, gram.flat(), [1, count, count]), pairs)
  // A where both are in the set, with the ridge on the diagonal; 1 on the diagonal where not.
  const both = table([sets, count, count], ([set = 0, i = 0, j = 0]) => has(set, i) * has(set, j))
  const diagonal = table([sets, count, count], ([set = 0, i = 0, j = 0]) =>
    i === j ? (has(set, i) === 1 ? RIDGE[type] : 1) : 0,
  )
  const chosen = table([sets, count], ([set = 0, i = 0]) => has(set, i))
  const equations = mul(emit, matrix, both)
  const right = reshape(emit, neg(emit, mul(emit, b, chosen)), [sets, count, 1])
  const inverse = inverses(emit, add(emit, equations, diagonal), [sets, count])
  let solution = matmul(emit, inverse, right)
  for (let round = 0; round < REFINEMENTS[type]; round++) {
    const left = sub(emit, right, matmul(emit, equations, solution))
    solution = add(emit, solution, matmul(emit, inverse, left))
  }
  const v = mul(emit, reshape(emit, solution, [sets, count]), chosen)
  const value = emit.op('ReduceSum', [mul(emit, v, b), ints(emit, [1])], { keepdims: 0 })
  const negative = emit.op('ReduceSum', [emit.op('Relu', [neg(emit, v)]), ints(emit, [1])], { keepdims: 0 })
  const allowed = emit.op('LessOrEqual', [negative, table([], () => 0)])
  // v = 0, of value 0, is always allowed, so none above 0 is the least.
  const least = emit.op('ArgMax', [emit.op('Where', [allowed, neg(emit, value), table([], () => -1)])], {
    axis: 0,
    keepdims: 0,
  })
  const weights = mul(emit, emit.op('Gather', [v, least], { axis: 0 }), reshape(emit, shares, [count]))
  return along.map((_, at) => reshape(emit, cast(emit, part(emit, weights, 0, at), 'float32'), []))
}

/** Of matrices side by side, [sets, count, count], by Gauss and Jordan; positive definite ones need no pivoting. */
function inverses(emit: Emitter, matrices: Value, [sets, count]: readonly [number, number]): Value {
  const type = typeOf(matrices)
  const unit = filledBy(type, [sets, count, count], ([, i, j]) => Number(i === j))
  let rows = emit.op('Concat', [matrices, emit.constant(unit)], { axis: 2 })
  for (let at = 0; at < count; at++) {
    const pivot = part(emit, rows, 1, at)
    const row = div(emit, pivot, part(emit, pivot, 2, at))
    const own = emit.constant(filledBy(type, [1, count, 1], ([, i]) => Number(i === at)))
    rows = sub(emit, rows, mul(emit, sub(emit, part(emit, rows, 2, at), own), row))
  }
  return emit.op('Slice', [rows, ints(emit, [count]), ints(emit, [2 * count]), ints(emit, [2])])
}

/** One of an axis, which stays. */
const part = (emit: Emitter, value: Value, axis: number, at: number): Value =>
  emit.op('Slice', [value, ints(emit, [at]), ints(emit, [at + 1]), ints(emit, [axis])])

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

/** A tensor from the place of each number. */
function filledBy(type: Type, dims: readonly number[], at: (place: readonly number[]) => number): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const numbers = Array.from({ length: size }, (_, index) => {
    let rest = index
    const place = dims.map(() => 0)
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const dim = itemAt(dims, axis, 'dim')
      place[axis] = rest % dim
      rest = Math.floor(rest / dim)
    }
    return at(place)
  })
  return type === 'float32' ? float32(dims, numbers) : { type, dims, data: Float64Array.from(numbers) }
}
