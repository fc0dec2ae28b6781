import { constantInt, constantInts, fromNumbers, ints, transpose, type Value } from '../../ops/core/index.ts'
import { int64 } from '../../tensor/tensor.ts'
import type { BlockCall, BlockRule } from './call.ts'

/** The first input held, and how many axes it has in a block. */
function first({ blocks, inputs: [x] }: BlockCall): { readonly x: Value; readonly rank: number } | undefined {
  return x && blocks.isHeld(x) ? { x, rank: x.dims.length } : undefined
}

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** What an op gave, for rows or stacks as it was given them. */
const back = ({ blocks }: BlockCall, values: readonly Value[], rows: boolean): Value[] =>
  values.map((value) => (rows ? blocks.fromRows(value) : blocks.fromStacked(value)))

/**
 * An op that works along one axis (an attribute): on rows where that is not the first, else one axis further back. Other
 * inputs are settings, or scales of the model.
 */
export const alongAxis =
  (usual: number): BlockRule =>
  (call) => {
    const held = first(call)
    const { blocks, inputs, attributes, op } = call
    const [, ...others] = inputs
    if (!held || others.some((input) => blocks.isHeld(input))) return undefined
    const { x, rank } = held
    // Trilu has no axis: it works on the last two.
    const isTrilu = op === 'Trilu'
    const axis = isTrilu ? rank - 2 : fromFront(call.context.attributes.int('axis', usual), rank)
    const rows = axis > 0
    const moved = isTrilu ? attributes : { ...attributes, axis: rows ? axis : axis + 1 }
    const given = [rows ? blocks.toRows(x) : blocks.stacked(x), ...others]
    return back(call, blocks.builder.add({ ...call, inputs: given, attributes: moved }), rows)
  }

/** The same for ops all of whose inputs have the axis; those of the model are repeated. */
export const allAlongAxis: BlockRule = (call) => {
  const { blocks, inputs, attributes } = call
  const axis = fromFront(call.context.attributes.int('axis', 0), inputs[0]?.dims.length ?? 0)
  const rows = call.op === 'Concat' && axis > 0
  const given = inputs.map((input) => input && (rows ? blocks.toRows(input) : blocks.stacked(input)))
  const moved = { ...attributes, axis: rows ? axis : axis + 1 }
  return back(call, blocks.builder.add({ ...call, inputs: given, attributes: moved }), rows)
}

/** Sums along an axis that is an input. */
export const cumulated: BlockRule = (call) => {
  const held = first(call)
  const { blocks, context } = call
  if (!held || call.inputs[1]?.constant === undefined) return undefined
  const axis = fromFront(constantInt(context, 1), held.rank)
  const at = blocks.builder.constant(int64([], [axis + 1]))
  return back(call, blocks.builder.add({ ...call, inputs: [blocks.stacked(held.x), at] }), false)
}

/** Reduces over axes that are an input, or over all. */
export const reductions: BlockRule = (call) => {
  const held = first(call)
  if (!held) return undefined
  const { blocks, inputs, context, attributes } = call
  const { x, rank } = held
  const listed = inputs[1] ? constantInts(context, 1) : []
  // No axes, and that is meant: each element is reduced by itself.
  if (listed.length === 0 && context.attributes.int('noop_with_empty_axes', 0) !== 0) {
    return back(call, blocks.builder.add({ ...call, inputs: [blocks.stacked(x), inputs[1]] }), false)
  }
  const axes = listed.length > 0 ? listed.map((axis) => fromFront(axis, rank)) : x.dims.map((_, axis) => axis)
  const rows = rank > 0 && !axes.includes(0)
  const moved = ints(blocks.builder, rows ? axes : axes.map((axis) => axis + 1))
  // All axes of a scalar are none: the runtime would take all of the stack for them.
  if (axes.length === 0) return undefined
  const given = [rows ? blocks.toRows(x) : blocks.stacked(x), moved]
  return back(call, blocks.builder.add({ ...call, inputs: given, attributes }), rows)
}

export const sliced: BlockRule = (call) => {
  const held = first(call)
  const { blocks, inputs, context } = call
  const [, starts, ends, , steps] = inputs
  if (!held || inputs.slice(1).some((input) => blocks.isHeld(input)) || !starts) return undefined
  const { x, rank } = held
  const axes = inputs[3]
    ? constantInts(context, 3).map((axis) => fromFront(axis, rank))
    : constantInts(context, 1).map((_, axis) => axis)
  const rows = !axes.includes(0)
  const numbers = rows ? axes : axes.map((axis) => axis + 1)
  // Bounds and axes are of one type.
  const moved = blocks.builder.constant(fromNumbers(starts.type, [numbers.length], numbers))
  const given = [rows ? blocks.toRows(x) : blocks.stacked(x), starts, ends, moved, steps]
  return back(call, blocks.builder.add({ ...call, inputs: given }), rows)
}

export const padded: BlockRule = (call) => {
  const held = first(call)
  const { blocks, inputs, context } = call
  if (!held || inputs.slice(1).some((input) => blocks.isHeld(input))) return undefined
  const { x, rank } = held
  const pads = constantInts(context, 1)
  const [, , value, asked] = inputs
  const axes = asked
    ? constantInts(context, 3).map((axis) => fromFront(axis, rank))
    : x.dims.map((_, at) => at)
  const given = [
    blocks.stacked(x),
    ints(blocks.builder, pads),
    value,
    ints(
      blocks.builder,
      axes.map((axis) => axis + 1),
    ),
  ]
  return back(call, blocks.builder.add({ ...call, inputs: given }), false)
}

/** Rows of a table by indices that are held, or places of what is held by indices that are not. */
export const gathers: BlockRule = (call) => {
  const { blocks, inputs, context, attributes } = call
  const [data, indices] = inputs
  if (!data || !indices) return undefined
  const axis = fromFront(context.attributes.int('axis', 0), data.dims.length)
  const { builder } = blocks
  if (blocks.isHeld(data)) {
    if (blocks.isHeld(indices)) return undefined
    const rows = axis > 0
    const given = [rows ? blocks.toRows(data) : blocks.stacked(data), indices]
    const moved = { ...attributes, axis: rows ? axis : axis + 1 }
    return back(call, builder.add({ ...call, inputs: given, attributes: moved }), rows)
  }
  if (axis > 0) return undefined
  const rows = indices.dims.length > 0
  const given = [data, rows ? blocks.toRows(indices) : blocks.stacked(indices)]
  return back(call, builder.add({ ...call, inputs: given, attributes: { ...attributes, axis: 0 } }), rows)
}

export const transposed: BlockRule = (call) => {
  const held = first(call)
  if (!held) return undefined
  const { blocks, context } = call
  const { x, rank } = held
  const perm = context.attributes.ints('perm') ?? x.dims.map((_, axis) => rank - 1 - axis)
  const rows = rank > 0 && perm[0] === 0
  const value = rows
    ? transpose(blocks.builder, blocks.toRows(x), perm)
    : transpose(blocks.builder, blocks.stacked(x), [0, ...perm.map((axis) => axis + 1)])
  return back(call, [value], rows)
}
