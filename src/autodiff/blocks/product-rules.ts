import { reshape, transpose, type Value } from '../../ops/core/index.ts'
import type { BlockCall, BlockRule } from './call.ts'

const ones = (count: number): number[] => new Array<number>(Math.max(0, count)).fill(1)

/** Products of stacks of matrices: the blocks are one more axis in front. Vectors count as a row or a column. */
export const matmul: BlockRule = (call) => {
  const { blocks, inputs, types } = call
  const [a, b] = inputs
  const [type] = types
  if (!a || !b || !type) return undefined
  const { builder, count } = blocks
  if (blocks.isHeld(a) && !blocks.isHeld(b) && a.dims.length >= 2 && b.dims.length <= 2) {
    return builder.add({ ...call, inputs: [blocks.toRows(a), b] }).map((value) => blocks.fromRows(value))
  }
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims
  const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims
  const rank = Math.max(left.length, right.length)
  const operand = (value: Value, dims: readonly number[]): Value =>
    blocks.isHeld(value)
      ? reshape(builder, blocks.stacked(value), [count, ...ones(rank - dims.length), ...dims])
      : reshape(builder, value, dims)
  const [product] = builder.add({ ...call, inputs: [operand(a, left), operand(b, right)] })
  return product && [blocks.fromStacked(reshape(builder, product, [count, ...type.dims]))]
}

/** Rows that are multiplied with a weight of the model. */
export const gemm: BlockRule = (call) => {
  const { blocks, inputs, context } = call
  const [a, b, c] = inputs
  if (!a || !blocks.isHeld(a) || blocks.isHeld(b) || blocks.isHeld(c)) return undefined
  const bias = c === undefined || c.dims.length < 2 || c.dims[0] === 1
  if (context.attributes.int('transA', 0) !== 0 || !bias) return undefined
  const values = blocks.builder.add({ ...call, inputs: [blocks.toRows(a), b, c] })
  return values.map((value) => blocks.fromRows(value))
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** One more letter, for the blocks, in front of what is held and of the output. */
export const einsum: BlockRule = (call: BlockCall) => {
  const { blocks, inputs, context, attributes } = call
  const equation = context.attributes.string('equation', '').replaceAll(' ', '')
  const [terms = '', output] = equation.split('->')
  const letter = [...letters].find((candidate) => !equation.includes(candidate))
  if (output === undefined || letter === undefined || equation.includes('.')) return undefined
  const parts = terms.split(',').map((term, at) => (blocks.isHeld(inputs[at]) ? `${letter}${term}` : term))
  const values = blocks.builder.add({
    ...call,
    inputs: inputs.map((input) => (input && blocks.isHeld(input) ? blocks.stacked(input) : input)),
    attributes: { ...attributes, equation: `${parts.join(',')}->${letter}${output}` },
  })
  return values.map((value) => blocks.fromStacked(value))
}

/** Recurrent ops have the batch behind the steps: X [steps, batch, inputs], states [directions, batch, hidden]. */
export const recurrent: BlockRule = (call) => {
  const { blocks, inputs } = call
  const [x, w, r, b, lengths, hidden, cell, peepholes] = inputs
  if (!x || !blocks.isHeld(x) || [w, r, b, peepholes].some((input) => blocks.isHeld(input))) return undefined
  const { builder, count } = blocks
  const joined = (value: Value | undefined): Value | undefined => {
    if (!value) return undefined
    const [steps = 1, batch = 1, width = 1] = value.dims
    return reshape(builder, transpose(builder, blocks.stacked(value), [1, 0, 2, 3]), [
      steps,
      count * batch,
      width,
    ])
  }
  const values = builder.add({
    ...call,
    inputs: [joined(x), w, r, b, lengths && blocks.toRows(lengths), joined(hidden), joined(cell), peepholes],
  })
  const [, batch = 1] = x.dims
  return values.map((value) => {
    const axis = value.dims.length - 2
    const split = [...value.dims.slice(0, axis), count, batch, ...value.dims.slice(axis + 1)]
    const parted = reshape(builder, value, split)
    const perm = [axis, ...split.map((_, at) => at).filter((at) => at !== axis)]
    return blocks.fromStacked(transpose(builder, parted, perm))
  })
}
