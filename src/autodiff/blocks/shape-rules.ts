import { dimOf, ints, reshape, type Value } from '../../ops/core/index.ts'
import type { BlockCall, BlockRule } from './call.ts'

/** Dims alone change: rows of a block are rows behind it where the first dim stays. */
export const renamed: BlockRule = ({ blocks, inputs: [x], types: [type], name }: BlockCall) => {
  if (!x || !type || !blocks.isHeld(x)) return undefined
  const { builder, count } = blocks
  const { dims } = type
  const rows = dims.length > 0 && x.dims.length > 0 && dims[0] === x.dims[0]
  const source = x.dims.length > 0 ? blocks.toRows(x) : blocks.stacked(x)
  const wanted = rows ? [count * (dims[0] ?? 1), ...dims.slice(1)] : [count, ...dims]
  const [value] = builder.add({
    op: 'Reshape',
    inputs: [source, ints(builder, wanted)],
    count: 1,
    attributes: wanted.includes(0) ? { allowzero: 1 } : {},
    name,
  })
  if (!value) return undefined
  return [rows ? blocks.fromRows(value) : blocks.fromStacked(value)]
}

/** A held value broadcast to dims that the model says. */
export const expanded: BlockRule = ({ blocks, inputs: [x], types: [type], name }) => {
  if (!x || !type || !blocks.isHeld(x)) return undefined
  const { builder, count } = blocks
  const lead = new Array<number>(type.dims.length - x.dims.length).fill(1)
  const ranked = reshape(builder, blocks.stacked(x), [count, ...lead, ...x.dims])
  const shape = ints(builder, [count, ...type.dims])
  const values = builder.add({ op: 'Expand', inputs: [ranked, shape], count: 1, attributes: {}, name })
  return values.map((value) => blocks.fromStacked(value))
}

export const tiled: BlockRule = ({ blocks, inputs: [x, repeats], types: [type], name }) => {
  if (!x || !type || !blocks.isHeld(x) || !repeats?.constant) return undefined
  const { builder } = blocks
  const each = type.dims.map((dim, axis) => (dimOf(x, axis) === 0 ? 1 : dim / (x.dims[axis] ?? 1)))
  const values: Value[] = builder.add({
    op: 'Tile',
    inputs: [blocks.stacked(x), ints(builder, [1, ...each])],
    count: 1,
    attributes: {},
    name,
  })
  return values.map((value) => blocks.fromStacked(value))
}
