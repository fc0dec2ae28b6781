import { UnsupportedOpError, UsageError } from '../../errors.ts'
import { sameDims, type TensorType } from '../../tensor/tensor.ts'
import {
  add,
  concat,
  dimOf,
  type Emitter,
  type GradientContext,
  matmul,
  nodeLabel,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  sumTo,
  transpose,
  type UpgradeContext,
  type Upgraded,
  type Value,
} from '../core/index.ts'
import {
  B,
  type Cell,
  type DirectionContext,
  directionContext,
  INITIAL,
  INITIAL_CELL,
  LENGTHS,
  P,
  R,
  rowsOf,
  W,
  X,
} from './direction.ts'

const directionsOf = (context: { attributes: ShapeContext['attributes'] }): readonly boolean[] => {
  const direction = context.attributes.string('direction', 'forward')
  return direction === 'bidirectional' ? [false, true] : [direction === 'reverse']
}

/** Y [steps, directions, batch, hidden], then the last states [directions, batch, hidden]. */
export const recurrentShape =
  (cell: Cell) =>
  (context: ShapeContext): TensorType[] => {
    const [x, w, r] = [required(context, X), required(context, W), required(context, R)]
    const [steps = 0, batch = 0, inputs = 0] = x.dims
    const directions = directionsOf(context).length
    const hidden = dimOf(r, 2)
    const rows = cell.gates * hidden
    const { outputs } = context
    const expected: readonly (readonly [number, string, readonly number[]])[] = [
      [W, 'W', [directions, rows, inputs]],
      [R, 'R', [directions, rows, hidden]],
      [B, 'B', [directions, 2 * rows]],
      [LENGTHS, 'sequence_lens', [batch]],
      [INITIAL, 'initial_h', [directions, batch, hidden]],
      [INITIAL_CELL, 'initial_c', [directions, batch, hidden]],
      [P, 'P', [directions, 3 * hidden]],
    ]
    if (x.dims.length !== 3) throw shapeError(context, 'X must be [steps, batch, inputs].')
    if (w.dims.length !== 3 || r.dims.length !== 3)
      throw shapeError(context, 'W and R must have three axes, directions first.')
    for (const [index, name, dims] of expected) {
      const input = context.inputs[index]
      if (input && !sameDims(input.dims, dims)) throw shapeError(context, `${name} must be [${dims}].`)
    }
    if (context.attributes.int('hidden_size', hidden) !== hidden)
      throw shapeError(context, `hidden_size must be that of R (${hidden}).`)
    const state = [directions, batch, hidden]
    const all = [[steps, ...state], state, state].map((dims) => ({ type: x.type, dims }))
    return all.slice(0, Math.min(outputs, cell.outputs))
  }

/**
 * layout=1, batch first, which ONNX Runtime does not compute on the CPU, becomes layout=0 between transpositions: X and the
 * first states go in with their first two axes exchanged, and what comes out goes back.
 */
export function batchLater({ attributes, inputs, emit }: UpgradeContext): Upgraded {
  const { layout, ...rest } = attributes
  if (layout !== 1) return { inputs, attributes }
  const exchanged = (value: Value) => transpose(emit, value, [1, 0, 2])
  const batched = [X, INITIAL, INITIAL_CELL]
  return {
    inputs: inputs.map((input, index) => input && (batched.includes(index) ? exchanged(input) : input)),
    attributes: rest,
    outputs: ([y, ...last]) => [...(y ? [transpose(emit, y, [2, 0, 1, 3])] : []), ...last.map(exchanged)],
  }
}

/** d^T x, summed over steps and batch: the gradient of a weight [width of d, width of x]. */
export const acrossSteps = (emit: Emitter, d: Value, x: Value): Value =>
  matmul(emit, transpose(emit, rowsOf(emit, d), [1, 0]), rowsOf(emit, x))

/** One direction's gradients of the inputs. */
function inputGradients(cell: Cell, given: DirectionContext): (Value | undefined)[] {
  const { emit, x, node } = given
  const { dInput, dState, ...found } = cell.backward(given)
  const sumOf = (d: Value) => sumTo(emit, rowsOf(emit, d), [dimOf(d, -1)])
  const wanted: readonly (() => Value | undefined)[] = [
    () => reshape(emit, matmul(emit, rowsOf(emit, dInput), given.w), x.dims),
    () => acrossSteps(emit, dInput, x),
    () => found.dR?.() ?? acrossSteps(emit, dState, given.previous),
    () => emit.op('Concat', [sumOf(dInput), sumOf(dState)], { axis: 0 }),
    () => undefined,
    () => found.dInitial,
    () => found.dInitialCell,
    () => found.dPeephole?.(),
  ]
  return wanted.map((make, index) => (node.needs[index] ? make() : undefined))
}

/**
 * Gradients of LSTM, GRU and RNN without unrolling. The states before each step are known from Y, so the
 * pre-activations of all steps are two products. All that is left for a loop, a `Scan` in reverse, is element-wise and
 * one product with R a step; it gives the gradients of all pre-activations, from which those of X, W, R and B are one
 * product each.
 */
export const recurrentGradient =
  (cell: Cell) =>
  (context: GradientContext): (Value | undefined)[] => {
    const { emit } = context
    const [y] = context.outputs
    if (!y) return []
    refuseClip(context)
    const parts = directionsOf(context).map((reverse, direction) =>
      inputGradients(cell, directionContext(context, cell, y, direction, reverse)),
    )
    return context.inputs.map((input, index) => {
      const values = parts.flatMap((part) => part[index] ?? [])
      const [first, second] = values
      if (!input || !first) return undefined
      if (index === X) return second ? add(emit, first, second) : first
      const apart = values.map((value) => reshape(emit, value, [1, ...value.dims]))
      return concat(emit, apart, 0)
    })
  }

function refuseClip(context: GradientContext): void {
  const clip = context.attributes.float('clip', 0)
  if (clip === 0) return
  throw new UnsupportedOpError(
    'recurrent-clip',
    `${nodeLabel(context)}: a gradient has to pass, and none is known for clip=${clip}. Freeze the parameters before and in this node.`,
  )
}

/** Pre-activations of all steps: the sum of each term's `of` weight^T, and the bias: [steps, batch, rows of the weights]. */
export function preActivations(
  emit: Emitter,
  terms: readonly (readonly [of: Value, weight: Value])[],
  bias: Value | undefined,
): Value {
  let sum = bias
  let dims: readonly number[] = []
  for (const [of, weight] of terms) {
    dims = [...of.dims.slice(0, 2), dimOf(weight, 0)]
    sum = emit.op('Gemm', [rowsOf(emit, of), weight, sum], { transB: 1 })
  }
  if (!sum) throw new UsageError('no-terms', 'Pre-activations need a product.')
  return reshape(emit, sum, dims)
}

/** Cuts the last axis into gates. */
export const gatesOf = (emit: Emitter, x: Value, gates: number): Value[] =>
  emit.ops('Split', [x], gates, { axis: -1, num_outputs: gates })
