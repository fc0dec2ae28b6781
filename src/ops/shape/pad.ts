import { itemAt } from '../../required.ts'
import { sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  dimOf,
  type Emitter,
  foldableInputs,
  fromNumbers,
  ints,
  LARGEST_FOLD,
  offsetOf,
  pickElements,
  positiveAxis,
  required,
  reshape,
  type ShapeContext,
  scalar,
  shapeError,
  stridesOf,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { padCases } from './pad-cases.ts'

/** `x` with zeros before and after each axis; negative numbers cut elements off. */
export function padZeros(
  emit: Emitter,
  x: Value,
  before: readonly number[],
  after: readonly number[],
): Value {
  const pads = [...before, ...after]
  if (pads.every((pad) => pad === 0)) return x
  if (pads.some((pad) => pad > 0)) return emit.op('Pad', [x, ints(emit, pads)], { mode: 'constant' })
  const cut = x.dims.flatMap((_, axis) => (before[axis] || after[axis] ? [axis] : []))
  const starts = cut.map((axis) => -itemAt(before, axis, 'pad'))
  const ends = cut.map((axis) => dimOf(x, axis) + itemAt(after, axis, 'pad'))
  return emit.op('Slice', [x, ints(emit, starts), ints(emit, ends), ints(emit, cut)])
}

interface Margins {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

function marginsOf(context: Omit<ShapeContext, 'outputs'>): Margins {
  const full: ShapeContext = { ...context, outputs: 1 }
  const rank = required(full, 0).dims.length
  const pads = constantInts(full, 1)
  const axes = context.inputs[3]
    ? constantInts(full, 3).map((axis) => positiveAxis(full, axis, rank))
    : Array.from({ length: rank }, (_, axis) => axis)
  if (pads.length !== 2 * axes.length) throw shapeError(full, `pads [${pads}] must be two numbers an axis.`)
  const before = new Array<number>(rank).fill(0)
  const after = new Array<number>(rank).fill(0)
  axes.forEach((axis, index) => {
    before[axis] = itemAt(pads, index, 'pad')
    after[axis] = itemAt(pads, index + axes.length, 'pad')
  })
  return { before, after }
}

function padShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const { before, after } = marginsOf(context)
  const dims = x.dims.map((dim, axis) => dim + itemAt(before, axis, 'pad') + itemAt(after, axis, 'pad'))
  if (dims.some((dim) => dim < 0)) throw shapeError(context, 'pads cut off more than there is.')
  checkReach(context, x.dims, { before, after })
  return [{ type: x.type, dims }]
}

/**
 * ONNX Runtime 1.30 mirrors once at the most (reflect), and where wrap goes more than once round in front it reads memory
 * that is not the tensor's.
 */
function checkReach(context: ShapeContext, dims: readonly number[], { before, after }: Margins): void {
  const mode = context.attributes.string('mode', 'constant')
  dims.forEach((dim, axis) => {
    const [head = 0, tail = 0] = [before[axis], after[axis]]
    const kept = dim + Math.min(0, head) + Math.min(0, tail)
    const wide =
      mode === 'reflect' ? Math.max(head, tail) >= Math.max(kept, 1) : mode === 'wrap' && head > kept
    if (wide)
      throw shapeError(
        context,
        `ONNX Runtime's mode ${mode} does not give ${Math.max(head, tail)} elements beyond the ${kept} of axis ${axis}.`,
      )
  })
}

/**
 * Where each place along a padded axis takes its element from; undefined where it holds the padding's value. Elements
 * that negative pads cut off are gone before the rest is mirrored.
 */
function sourcesAlong(mode: string, dim: number, before: number, after: number): (number | undefined)[] {
  const first = Math.max(0, -before)
  const size = dim - first - Math.max(0, -after)
  const period = Math.max(1, 2 * (size - 1))
  const inside = (place: number): number | undefined => {
    if (place >= 0 && place < size) return place
    if (mode === 'edge') return place < 0 ? 0 : size - 1
    if (mode === 'wrap') return ((place % size) + size) % size
    if (mode !== 'reflect') return undefined
    const folded = ((place % period) + period) % period
    return folded < size ? folded : period - folded
  }
  return Array.from({ length: dim + before + after }, (_, place) => {
    const found = inside(place - Math.max(0, before))
    return found === undefined ? undefined : found + first
  })
}

/** dx along one axis: each element gathers the gradients of all places it was copied to, by a product with 0s and 1s. */
function gatherAlong(
  emit: Emitter,
  dy: Value,
  axis: number,
  dim: number,
  sources: readonly (number | undefined)[],
): Value {
  const places = sources.length
  const matrix = new Array<number>(dim * places).fill(0)
  sources.forEach((source, place) => {
    if (source !== undefined) matrix[source * places + place] = 1
  })
  const selection = emit.constant(fromNumbers(dy.type, [dim, places], matrix))
  const lead = dy.dims.slice(0, axis)
  const trail = dy.dims.slice(axis + 1)
  const stacked = reshape(emit, dy, [sizeOf(lead), places, sizeOf(trail)])
  return reshape(emit, emit.op('MatMul', [selection, stacked]), [...lead, dim, ...trail])
}

/** Before opset 11 pads and value were attributes. */
function padsAsInputs({ attributes, inputs, emit }: UpgradeContext) {
  const { pads, value, ...rest } = attributes
  const [x] = inputs
  if (!Array.isArray(pads) || !x) return { inputs, attributes }
  const given = typeof value === 'object' && 'kind' in value && value.kind === 'float' ? value.value : 0
  return { inputs: [x, ints(emit, pads), scalar(emit, given, x)], attributes: rest }
}

/**
 * Elements around the tensor: a value, the border's (edge), the mirror image (reflect), the other side's (wrap). The
 * gradient of a copied element goes to where it was copied from.
 */
export const Pad = defineOp('Pad', {
  shape: padShape,
  gradient: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    const [dy] = context.gradients
    if (!dy) return []
    const { before, after } = marginsOf(context)
    const mode = attributes.string('mode', 'constant')
    // The padding's value is a setting: a gradient for it is only asked for where a model computes it.
    const value = context.needs[2] ? paddingGradient(emit, dy, before, after) : undefined
    if (mode === 'constant') {
      const back = (pads: readonly number[]) => pads.map((pad) => -pad)
      return [padZeros(emit, dy, back(before), back(after)), undefined, value]
    }
    const dx = x.dims.reduce((sum, dim, axis) => {
      const [head = 0, tail = 0] = [before[axis], after[axis]]
      return head || tail ? gatherAlong(emit, sum, axis, dim, sourcesAlong(mode, dim, head, tail)) : sum
    }, dy)
    return [dx]
  },
  rows: (context) => {
    const { before, after } = marginsOf({ op: 'Pad', name: '', ...context })
    return context.carries[0] === true && before[0] === 0 && after[0] === 0
  },
  fold: (inputs, context) => {
    const [x, , value] = inputs
    if (!x || !foldableInputs([x]) || (context.inputs[2] && !value)) return undefined
    const [out] = padShape(context)
    if (!out || sizeOf(out.dims) > LARGEST_FOLD) return undefined
    const { before, after } = marginsOf(context)
    const mode = context.attributes.string('mode', 'constant')
    if (mode === 'constant' && value && toNumbers(value)[0] !== 0) return undefined
    const sources = x.dims.map((dim, axis) =>
      sourcesAlong(mode, dim, itemAt(before, axis, 'pad'), itemAt(after, axis, 'pad')),
    )
    const strides = stridesOf(x.dims)
    return [
      pickElements(x, out.dims, (at) => {
        const from = at.map((place, axis) => sources[axis]?.[place] ?? -1)
        return from.includes(-1) ? undefined : offsetOf(from, strides)
      }),
    ]
  },
  upgrade: padsAsInputs,
  cases: padCases,
})

/** All of dy but what came from x. */
function paddingGradient(
  emit: Emitter,
  dy: Value,
  before: readonly number[],
  after: readonly number[],
): Value {
  const grown = (pads: readonly number[]) => pads.map((pad) => Math.max(0, pad))
  const cut = (pads: readonly number[]) => grown(pads).map((pad) => -pad)
  const axes = ints(
    emit,
    dy.dims.map((_, axis) => axis),
  )
  const total = (x: Value) => emit.op('ReduceSum', [x, axes], { keepdims: 0 })
  return emit.op('Sub', [total(dy), total(padZeros(emit, dy, cut(before), cut(after)))])
}
