import { ModelError } from '../errors.ts'
import type { DType } from '../tensor/tensor.ts'
import { defineOp, type OpDefinition } from './define.ts'
import { cast, typeOfElement } from './emit.ts'
import { foldElementwise } from './fold.ts'
import { broadcastDims, required, rowsElementwise } from './shapes.ts'

function comparison(apply: (a: number, b: number) => boolean): Omit<OpDefinition, 'op'> {
  return {
    shape: (context) => [
      { type: 'bool', dims: broadcastDims(context, required(context, 0).dims, required(context, 1).dims) },
    ],
    gradient: null,
    rows: rowsElementwise,
    fold: foldElementwise(
      (a, b) => Number(apply(a, b)),
      () => 'bool',
    ),
    cases: [{ name: 'broadcast', inputs: [{ dims: [2, 3], distinct: true }, { dims: [3] }] }],
  }
}

export const Equal = defineOp(
  'Equal',
  comparison((a, b) => a === b),
)
export const Greater = defineOp(
  'Greater',
  comparison((a, b) => a > b),
)
export const GreaterOrEqual = defineOp(
  'GreaterOrEqual',
  comparison((a, b) => a >= b),
)
export const Less = defineOp(
  'Less',
  comparison((a, b) => a < b),
)
export const LessOrEqual = defineOp(
  'LessOrEqual',
  comparison((a, b) => a <= b),
)

function castTarget(code: number): DType {
  const type = typeOfElement(code)
  if (!type)
    throw new ModelError(
      'unknown-type',
      `Cast to element type ${code}: the ONNX specification knows no such type.`,
    )
  return type
}

/** Between float types the gradient is cast back; from and to integers none passes. */
export const Cast = defineOp('Cast', {
  shape: (context) => [
    { type: castTarget(context.attributes.int('to', 1)), dims: required(context, 0).dims },
  ],
  gradient: ({ emit, inputs: [x], gradients: [dy] }) => [x && dy && cast(emit, dy, x.type)],
  rows: rowsElementwise,
  fold: (inputs, context) =>
    foldElementwise(
      (x) => x,
      () => castTarget(context.attributes.int('to', 1)),
    )(inputs, context),
  cases: [
    { name: 'to float64', inputs: [{ dims: [2, 3] }], attributes: { to: 11 } },
    {
      name: 'integers to float',
      inputs: [{ dims: [2, 3], type: 'int64', range: [0, 5] }],
      attributes: { to: 1 },
    },
  ],
})
