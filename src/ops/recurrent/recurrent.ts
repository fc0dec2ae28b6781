import { UnsupportedOpError, UsageError } from '../../errors.ts'
import { sameDims, sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  add,
  cast,
  type Emitter,
  filled,
  fromNumbers,
  type GradientContext,
  ints,
  matmul,
  mul,
  nodeLabel,
  required,
  reshape,
  type ShapeContext,
  scalar,
  shapeError,
  sub,
  sumTo,
  transpose,
  type UpgradeContext,
  type Upgraded,
  type Value,
} from '../core/index.ts'
import { type Activations, activationsOf } from './recurrent-activations.ts'

/** Places of the inputs; the last two are an LSTM's. */
const [X, W, R, B, LENGTHS, INITIAL, INITIAL_CELL, P] = [0, 1, 2, 3, 4, 5, 6, 7]

/** Which rows of a batch a step counts for, [steps, batch, 1] each: 1 and 0, or 0 and 1. */
export interface Validity {
  readonly valid: Value
  readonly padded: Value
}

/** What one direction of a recurrent op computed, and the gradients that arrive at it. */
export interface DirectionContext {
  readonly emit: Emitter
  readonly node: GradientContext
  readonly activations: Activations
  /** From the last step to the first. */
  readonly reverse: boolean
  /** [steps, batch, inputs] */
  readonly x: Value
  /** [gates * hidden, inputs] */
  readonly w: Value
  /** [gates * hidden, hidden] */
  readonly r: Value
  /** W's and R's biases, [gates * hidden] each. */
  readonly biases: readonly [Value, Value] | undefined
  /** State before each step, [steps, batch, hidden]. */
  readonly previous: Value
  /** [batch, hidden]; undefined: zeros */
  readonly initialCell: Value | undefined
  readonly peephole: Value | undefined
  /** Of every step's output; undefined where none is needed. */
  readonly dy: Value | undefined
  /** Of the last state. */
  readonly dLast: Value
  readonly dLastCell: Value
  readonly validity: Validity | undefined
}

/** Gradients of one direction. */
export interface DirectionGradients {
  /** Of the pre-activations as the input's product entered them, [steps, batch, gates * hidden]. */
  readonly dInput: Value
  /** As the state's product entered them; often the same. */
  readonly dState: Value
  /** Of the recurrent weight, where it is not dState^T previous. */
  readonly dR?: () => Value
  /** Of the first state, [batch, hidden]. */
  readonly dInitial: Value
  readonly dInitialCell?: Value
  readonly dPeephole?: () => Value
}

export interface Cell {
  readonly gates: number
  readonly activations: readonly string[]
  /** How many outputs the op can have. */
  readonly outputs: number
  readonly backward: (context: DirectionContext) => DirectionGradients
}

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
    const hidden = r.dims[2] ?? 0
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

/** The part of `value` that belongs to one direction, without the axis of directions. */
function directionOf(emit: Emitter, value: Value, axis: number, direction: number): Value {
  const parts = value.dims[axis] ?? 1
  const dims = value.dims.filter((_, at) => at !== axis)
  const part =
    parts === 1 ? value : emit.ops('Split', [value], parts, { axis, num_outputs: parts })[direction]
  return reshape(emit, part ?? value, dims)
}

/** undefined where every row has all steps. */
function validityOf(emit: Emitter, x: Value, lengths: Value | undefined, from: number): Validity | undefined {
  const [steps = 0, batch = 0] = x.dims
  if (!lengths) return undefined
  if (lengths.constant && toNumbers(lengths.constant).every((length) => length >= steps)) return undefined
  const numbers = Array.from({ length: steps }, (_, step) => step + from)
  const step = emit.constant(fromNumbers(lengths.type, [steps, 1], numbers))
  const valid = reshape(emit, cast(emit, emit.op('Less', [step, lengths]), x.type), [steps, batch, 1])
  return { valid, padded: sub(emit, scalar(emit, 1, x), valid) }
}

/** A row without any step has a last state of zeros in ONNX Runtime, whatever its first state: nothing passes. */
function ofStarted(
  emit: Emitter,
  dLast: Value,
  validity: Validity | undefined,
  lengths: Value | undefined,
): Value {
  if (!validity || (lengths?.constant && toNumbers(lengths.constant).every((length) => length > 0)))
    return dLast
  const first = emit.op('Slice', [validity.valid, ints(emit, [0]), ints(emit, [1]), ints(emit, [0])])
  return mul(emit, dLast, reshape(emit, first, [dLast.dims[0] ?? 0, 1]))
}

/** The values before each step from those after it, [steps, batch, hidden]; `first` is [1, batch, hidden]. */
export function shifted(emit: Emitter, after: Value, first: Value, reverse: boolean): Value {
  const [steps = 0] = after.dims
  if (steps === 1) return first
  const [from, to] = reverse ? [1, steps] : [0, steps - 1]
  const kept = emit.op('Slice', [after, ints(emit, [from]), ints(emit, [to]), ints(emit, [0])])
  return emit.op('Concat', reverse ? [kept, first] : [first, kept], { axis: 0 })
}

/**
 * The state before each step, from the op's own output. Padded steps give zeros there, so that a reverse direction,
 * which starts behind them, has its first state put in their place.
 */
function previousStates(
  emit: Emitter,
  y: Value,
  initial: Value | undefined,
  reverse: boolean,
  next: Validity | undefined,
): Value {
  const at = [1, ...y.dims.slice(1)]
  const zero = filled(emit, 0, { ...y, dims: at })
  const first = initial ? reshape(emit, initial, at) : zero
  if (!next || !initial) return shifted(emit, y, first, reverse)
  return add(emit, shifted(emit, y, zero, reverse), mul(emit, next.padded, first))
}

/** `x` with steps and batch as one axis. */
const rowsOf = (emit: Emitter, x: Value): Value => {
  const width = x.dims.at(-1) ?? 1
  return reshape(emit, x, [sizeOf(x.dims) / width, width])
}

/** d^T x, summed over steps and batch: the gradient of a weight [width of d, width of x]. */
export const acrossSteps = (emit: Emitter, d: Value, x: Value): Value =>
  matmul(emit, transpose(emit, rowsOf(emit, d), [1, 0]), rowsOf(emit, x))

/** The part of everything that belongs to one direction. */
function directionContext(
  context: GradientContext,
  cell: Cell,
  y: Value,
  direction: number,
  reverse: boolean,
): DirectionContext {
  const { emit } = context
  const [x, w, r] = [required(context, X), required(context, W), required(context, R)]
  const pick = (values: readonly (Value | undefined)[], index: number, axis = 0) => {
    const value = values[index]
    return value && directionOf(emit, value, axis, direction)
  }
  const own = directionOf(emit, y, 1, direction)
  const lengths = context.inputs[LENGTHS]
  const validity = validityOf(emit, x, lengths, 0)
  const next = reverse ? validityOf(emit, x, lengths, 1) : undefined
  const state: Value = { name: '', type: x.type, dims: own.dims.slice(1) }
  const dLast = (output: number) => {
    const value = pick(context.gradients, output)
    return value ? ofStarted(emit, value, validity, lengths) : filled(emit, 0, state)
  }
  const dy = pick(context.gradients, 0, 1)
  const b = pick(context.inputs, B)
  const [wb, rb] = b ? emit.ops('Split', [b], 2, { axis: 0, num_outputs: 2 }) : []
  return {
    emit,
    node: context,
    activations: activationsOf(context, direction, cell.activations),
    reverse,
    x,
    w: pick(context.inputs, W) ?? w,
    r: pick(context.inputs, R) ?? r,
    biases: wb && rb ? [wb, rb] : undefined,
    previous: previousStates(emit, own, pick(context.inputs, INITIAL), reverse, next),
    initialCell: pick(context.inputs, INITIAL_CELL),
    peephole: pick(context.inputs, P),
    dy: dy && whereValid(emit, dy, validity),
    dLast: dLast(1),
    dLastCell: dLast(2),
    validity,
  }
}

/** One direction's gradients of the inputs. */
function inputGradients(cell: Cell, given: DirectionContext): (Value | undefined)[] {
  const { emit, x, node } = given
  const { dInput, dState, ...found } = cell.backward(given)
  const sumOf = (d: Value) => sumTo(emit, rowsOf(emit, d), [d.dims.at(-1) ?? 0])
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
      return apart.length === 1 ? apart[0] : emit.op('Concat', apart, { axis: 0 })
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
    dims = [...of.dims.slice(0, 2), weight.dims[0] ?? 0]
    sum = emit.op('Gemm', [rowsOf(emit, of), weight, sum], { transB: 1 })
  }
  if (!sum) throw new UsageError('no-terms', 'Pre-activations need a product.')
  return reshape(emit, sum, dims)
}

/** `value` where a step counts for a row, `otherwise` (default 0) where it is padding. */
export function whereValid(
  emit: Emitter,
  value: Value,
  validity: Validity | undefined,
  otherwise: 0 | 1 = 0,
): Value {
  if (!validity) return value
  const kept = mul(emit, value, validity.valid)
  return otherwise === 0 ? kept : add(emit, kept, validity.padded)
}

/** Cuts the last axis into gates. */
export const gatesOf = (emit: Emitter, x: Value, gates: number): Value[] =>
  emit.ops('Split', [x], gates, { axis: -1, num_outputs: gates })
