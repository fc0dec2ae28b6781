import { float32 } from '../../tensor/tensor.ts'
import type { Emitter, Value } from './define.ts'
import { ints, scalar } from './emit.ts'
import { dimOf } from './shapes.ts'

/** 0, 1, … count - 1, as float32 [count]. */
export const counting = (emit: Emitter, count: number): Value =>
  emit.constant(
    float32(
      [count],
      Float32Array.from({ length: count }, (_, at) => at),
    ),
  )

/**
 * The first place along the last axis at which `values` [..., n] are `most` [..., 1], as float32 [..., 1]; `none` where that is nowhere.
 * For devices that give no places themselves, or as int64 alone.
 */
export function firstPlace(emit: Emitter, values: Value, most: Value, none: number): Value {
  const numbers = counting(emit, dimOf(values, -1))
  const candidates = emit.op('Where', [emit.op('Equal', [values, most]), numbers, scalar(emit, none, values)])
  return emit.op('ReduceMin', [candidates, ints(emit, [-1])], { keepdims: 1 })
}
