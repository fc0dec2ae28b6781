import type { ShapeContext, Value } from '../../ops/core/index.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import type { GraphBuilder } from '../builder.ts'
import type { NodeRequest } from './target.ts'

/** Values of blocks, and what they are for all blocks together. */
export interface BlockValues {
  /** How many blocks there are. */
  readonly count: number
  readonly builder: GraphBuilder
  /** Whether a value differs from block to block; others are of the model. */
  isHeld(value: Value | undefined): boolean
  /** [n d0, d1, …] of a value with dims [d0, d1, …] in a block; one of the model is repeated. */
  toRows(value: Value): Value
  /** [n, d0, d1, …] */
  stacked(value: Value): Value
  fromRows(rows: Value): Value
  fromStacked(stacked: Value): Value
}

/** A node of the model, one of whose inputs is held by blocks. */
export interface BlockCall extends NodeRequest {
  readonly context: ShapeContext
  /** Of the outputs, in a block. */
  readonly types: readonly TensorType[]
  readonly blocks: BlockValues
}

/** The outputs for all blocks; undefined where this form of the op has no rule, and a copy a block is written. */
export type BlockRule = (call: BlockCall) => Value[] | undefined
