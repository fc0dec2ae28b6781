import { cast, type Emitter, reshape, type Value } from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { TaskContext } from './method.ts'

// Output units of tasks, as masks and as labels.

/** The units of the tasks so far, this one included, ascending. */
export const unitsSoFar = ({ units, index }: Pick<TaskContext, 'units' | 'index'>): readonly number[] =>
  [...new Set(units.slice(0, index + 1).flat())].sort((a, b) => a - b)

/** 1 for some units, 0 for others, [1, outputs]. */
export function unitMask(
  { outputs }: Pick<TaskContext, 'outputs'>,
  units: readonly number[],
): Tensor<'float32'> {
  const mask = float32([1, outputs])
  for (const unit of units) mask.data[unit] = 1
  return mask
}

/** 1 at each row's label, 0 elsewhere, [rows, outputs]. */
export function oneHotLabels(emit: Emitter, labels: Value, outputs: number): Value {
  const units = Int32Array.from({ length: outputs }, (_, unit) => unit)
  const each = emit.constant({ type: 'int32', dims: [1, outputs], data: units })
  const column = reshape(emit, labels, [itemAt(labels.dims, 0, 'dim'), 1])
  return cast(emit, emit.op('Equal', [column, each]), 'float32')
}
