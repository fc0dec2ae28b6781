import { sizeOf, toNumbers } from '../../tensor/tensor.ts'
import {
  add,
  cast,
  dimOf,
  type Emitter,
  filled,
  fromNumbers,
  type GradientContext,
  ints,
  mul,
  required,
  reshape,
  scalar,
  sub,
  type Value,
} from '../core/index.ts'
import { type Activations, activationsOf } from './recurrent-activations.ts'

/** Places of the inputs; the last two are an LSTM's. */
export const [X, W, R, B, LENGTHS, INITIAL, INITIAL_CELL, P] = [0, 1, 2, 3, 4, 5, 6, 7]

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
  return mul(emit, dLast, reshape(emit, first, [dimOf(dLast, 0), 1]))
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
export const rowsOf = (emit: Emitter, x: Value): Value => {
  const width = x.dims.at(-1) ?? 1
  return reshape(emit, x, [sizeOf(x.dims) / width, width])
}

/** The part of everything that belongs to one direction. */
export function directionContext(
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

export interface Cell {
  readonly gates: number
  readonly activations: readonly string[]
  /** How many outputs the op can have. */
  readonly outputs: number
  readonly backward: (context: DirectionContext) => DirectionGradients
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
