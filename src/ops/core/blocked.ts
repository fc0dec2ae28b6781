import type { Attributes } from '../../onnx/graph.ts'
import type { Emitter, Value } from './define.ts'

// ONNX Runtime's blocked layout (NCHWc). A value of dims [N, C, H, W] lies as [N, C / B, H, W, B] while it keeps its dims, so a
// blocked value may go through element-wise ops, and through Reshape to those dims, but through nothing that looks at dims.

/** The domain of the runtime's own ops in that layout, which the CPU provider alone has. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc'

/** A node of the blocked domain, with one output of these dims. */
export function blockedOp(
  emit: Emitter,
  op: string,
  inputs: readonly (Value | undefined)[],
  dims: readonly number[],
  attributes: Attributes,
): Value {
  const [value] = emit.raw(op, inputs, [{ type: 'float32', dims }], attributes, BLOCKED_DOMAIN)
  if (!value) throw new Error(`${op} gave no output.`)
  return value
}

/** [N, C, H, W] to blocked; C a multiple of the block. */
export const intoBlocks = (emit: Emitter, x: Value): Value =>
  blockedOp(emit, 'ReorderInput', [x], x.dims, { channels_last: 0 })

/** Blocked back to [N, C, H, W]. */
export const outOfBlocks = (emit: Emitter, x: Value): Value =>
  blockedOp(emit, 'ReorderOutput', [x], x.dims, { channels: x.dims[1] ?? 1, channels_last: 0 })

/** Whether a value may be blocked as it is: images or volumes of two spatial dims, their channels in whole blocks. */
export const blockable = ({ type, dims }: Pick<Value, 'type' | 'dims'>, block: number): boolean =>
  type === 'float32' && dims.length === 4 && (dims[1] ?? 1) % block === 0
