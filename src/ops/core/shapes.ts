import { ModelError } from '../../errors.ts'
import { type Tensor, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import type { RowsContext, ShapeContext, Value } from './define.ts'

/** What the messages of shape rules call the node. */
export const nodeLabel = (context: { readonly op: string; readonly name: string }): string =>
  context.name ? `${context.op} "${context.name}"` : context.op

export function shapeError(context: ShapeContext, problem: string): ModelError {
  const found = context.inputs.map((input) => (input ? `${input.type}[${input.dims}]` : 'none')).join(', ')
  return new ModelError('shape-mismatch', `${nodeLabel(context)}: ${problem} Inputs: ${found}.`)
}

/** The input at `index`, which the specification requires. */
export function required(
  context: { op: string; name: string; inputs: readonly (Value | undefined)[] },
  index: number,
): Value {
  const input = context.inputs[index]
  if (!input)
    throw new ModelError('missing-input', `${nodeLabel(context)}: input ${index} is required but left out.`)
  return input
}

/**
 * The size of an axis that has to be there; negative ones count from the back.
 *
 * @throws ModelError `shape-mismatch` naming the dims.
 */
export function dimOf({ dims }: Pick<TensorType, 'dims'>, axis: number): number {
  const size = dims.at(axis)
  if (size !== undefined) return size
  throw new ModelError(
    'shape-mismatch',
    `A value of dims [${dims}] was given where axis ${axis} is read: it has too few of them.`,
  )
}

/** NumPy-style broadcasting of dims. */
export function broadcastDims(context: ShapeContext, ...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((dims) => dims.length))
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1
    for (const dims of shapes) {
      const dim = dims[axis - rank + dims.length]
      if (dim === undefined || dim === 1 || dim === size) continue
      if (size !== 1) throw shapeError(context, `dims cannot be broadcast together (${size} against ${dim}).`)
      size = dim
    }
    return size
  })
}

/** An axis counted from the front; negative ones count from the back. */
export function positiveAxis(context: ShapeContext, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= Math.max(rank, 1))
    throw shapeError(context, `axis ${axis} is outside rank ${rank}.`)
  return positive
}

/** The values of an input that must be known while the graph is built (axes, shapes, pads, …). */
export function constantInput(context: ShapeContext, index: number): Tensor {
  const input = required(context, index)
  if (!input.constant) {
    throw new ModelError(
      'not-constant',
      `${nodeLabel(context)}: input ${index} ("${input.name}") decides the output's dims, but is computed at run time.`,
    )
  }
  return input.constant
}

export const constantInts = (context: ShapeContext, index: number): number[] =>
  toNumbers(constantInput(context, index))

/** The only number of such an input. */
export function constantInt(context: ShapeContext, index: number): number {
  const values = constantInts(context, index)
  const [only] = values
  if (only !== undefined && values.length === 1) return only
  throw shapeError(context, `input ${index} should hold one number, but holds [${values}].`)
}

/** Whether an axis that a node names is its input's first, which has the samples. */
export const isFirstAxis = (axis: number, input: Value | undefined): boolean =>
  axis === 0 || (input !== undefined && axis === -input.dims.length)

export const sameAsFirst = (context: ShapeContext): TensorType[] => {
  const first = required(context, 0)
  return [{ type: first.type, dims: first.dims }]
}

/** For element-wise ops: samples stay along axis 0 when every carrying input reaches the output's full rank and size. */
export function rowsElementwise({ inputs, outputs, carries }: RowsContext): boolean {
  const out = outputs[0]
  if (!out) return false
  return inputs.every((input, index) => {
    if (!input) return true
    if (carries[index]) return input.dims.length === out.dims.length && input.dims[0] === out.dims[0]
    return input.dims.length < out.dims.length || input.dims[0] === 1 || input.dims.length === 0
  })
}

/** For ops whose first input's axis 0 is the batch and stays so. */
export const rowsFirst = ({ carries, inputs, outputs }: RowsContext): boolean =>
  carries[0] === true &&
  carries.slice(1).every((carried) => !carried) &&
  inputs[0]?.dims[0] === outputs[0]?.dims[0]
