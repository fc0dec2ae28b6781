import { constantInts, ints, type Value } from '../../ops/core/index.ts'
import { toNumbers } from '../../tensor/tensor.ts'
import type { BlockRule } from './call.ts'

/** Ops whose first axis is a batch by definition: the rows of all blocks are one. */
export const onRows: BlockRule = (call) => {
  const { blocks, inputs } = call
  const [x, ...others] = inputs
  if (!x || !blocks.isHeld(x) || others.some((input) => blocks.isHeld(input))) return undefined
  // What MaxPool and BatchNormalization give beside the rows (places, statistics) is of their whole input.
  if (call.count > 1) return undefined
  const values = blocks.builder.add({ ...call, inputs: [blocks.toRows(x), ...others] })
  return values.map((value) => blocks.fromRows(value))
}

/** Images are resized by factors, or to sizes that name the batch, too. */
export const resized: BlockRule = (call) => {
  const { blocks, inputs, context, attributes } = call
  const [x, roi, scales, sizes] = inputs
  if (!x || !blocks.isHeld(x)) return undefined
  const [first = 1] = x.dims
  if (!sizes || attributes.axes !== undefined) {
    const still = attributes.axes !== undefined || (scales && constantFloats(scales)?.[0] === 1)
    return still ? onRows(call) : undefined
  }
  const [batch, ...rest] = constantInts(context, 3)
  if (batch !== first) return undefined
  return onRows({
    ...call,
    inputs: [x, roi, scales, ints(blocks.builder, [blocks.count * first, ...rest])],
  })
}

const constantFloats = ({ constant }: Value): readonly number[] | undefined => constant && toNumbers(constant)
