import { concatenateRows } from '../data/rows.ts'
import { add, cast, type Emitter, reshape, scalar, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { RowRange, SourceRows } from './method.ts'
import { rowsOfBatch } from './teacher.ts'

// A table with a row for each slot of a reservoir, carried from step to step beside it: what the model said of a row when
// it was taken in, say. The columns are those that the reservoir's sampler plans.

/** [capacity, …]: what is remembered, then room. */
export function tableAtStart(held: Tensor | undefined, [capacity = 0, ...row]: readonly number[]): Tensor {
  const room = float32([capacity - (held?.dims[0] ?? 0), ...row])
  return held ? concatenateRows([held as Tensor<'float32'>, room]) : room
}

/**
 * The table's rows for some of the rows drawn, [size, …]; and `held` [size, 1], 0 while nothing is remembered: the rows
 * are then new ones and stand in for none.
 */
export function drawnFrom(
  emit: Emitter,
  table: Value,
  columns: SourceRows['columns'],
  range: RowRange,
): { readonly stored: Value; readonly held: Value } {
  const { slots, some } = slotsOf(emit, columns, range)
  const places = emit.op('Where', [some, slots, scalar(emit, 0, slots)])
  return { stored: emit.op('Gather', [table, places]), held: heldOf(emit, columns, range) }
}

/** 1 for rows that are remembered, [size, 1], and 0 while nothing is. */
export function heldOf(emit: Emitter, columns: SourceRows['columns'], range: RowRange): Value {
  return reshape(emit, cast(emit, slotsOf(emit, columns, range).some, 'float32'), [range.size, 1])
}

function slotsOf(emit: Emitter, columns: SourceRows['columns'], range: RowRange) {
  const slots = rowsOfBatch(emit, required(columns, 'drawn', 'column'), range)
  return { slots, some: emit.op('GreaterOrEqual', [slots, scalar(emit, 0, slots)]) }
}

/** The table after the step: a slot that took in a new row of the batch has that row of `fresh`. */
export function tableAfter(emit: Emitter, table: Value, columns: SourceRows['columns'], fresh: Value): Value {
  const written = required(columns, 'written', 'column')
  const capacity = itemAt(written.dims, 0, 'dim')
  // Row s of the table, or row capacity + j of table and batch together.
  const data = Int32Array.from({ length: capacity }, (_, slot) => slot)
  const own = emit.constant({ type: 'int32', dims: [capacity], data })
  const stays = emit.op('Less', [written, scalar(emit, 0, written)])
  const from = emit.op('Where', [stays, own, add(emit, written, scalar(emit, capacity, written))])
  return emit.op('Gather', [emit.op('Concat', [table, fresh], { axis: 0 }), from])
}
