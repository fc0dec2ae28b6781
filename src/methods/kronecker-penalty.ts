import {
  type Emitter,
  ints,
  matmul,
  mul,
  reduceSum,
  reshape,
  sub,
  transpose,
  type Value,
} from '../ops/core/index.ts'
import { required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { LinearLayer } from './fisher/index.ts'
import type { MethodState, Named } from './method.ts'

// The penalty <D, G D A> of linear layers, as the step and the state hold it: a set of factors for each past task.

/** A layer as a past task left it. */
export type Held = LinearLayer & { readonly task: number }

export const heldLayers = ({ values }: MethodState): readonly Held[] =>
  (values.layers ?? []) as unknown as readonly Held[]
export const keyOf = (part: string, { task, weight }: Held): string => `kronecker/${task}/${part}/${weight}`

/** Lambda counts once, with G. */
export function factorInputs({ tensors, ...state }: MethodState, lambda: number): [string, Tensor][] {
  if (lambda === 0) return []
  return heldLayers({ tensors, ...state }).flatMap((layer) =>
    ['inputs', 'gradients', 'weight', ...(layer.bias === undefined ? [] : ['bias'])].map(
      (part): [string, Tensor] => {
        const key = keyOf(part, layer)
        const tensor = required(tensors, key, 'factor') as Tensor<'float32'>
        return [
          key,
          part === 'gradients'
            ? float32(
                tensor.dims,
                tensor.data.map((value) => value * lambda),
              )
            : tensor,
        ]
      },
    ),
  )
}

/** <D, G D A> and G D A, by the names and in the dims of weight and bias. */
export function pulled(
  emit: Emitter,
  layer: Held,
  { parameters, inputs }: { readonly parameters: Named; readonly inputs: Named },
) {
  const { weight, bias, layout } = layer
  const part = (name: string): Value => required(inputs, keyOf(name, layer), 'input')
  const apart = (name: string, anchor: string): Value =>
    sub(emit, required(parameters, name, 'parameter'), part(anchor))
  const turned = (value: Value): Value => (layout === 'out-in' ? value : transpose(emit, value, [1, 0]))
  const own = turned(apart(weight, 'weight'))
  const [outputs = 0, width = 0] = own.dims
  const column = bias === undefined ? undefined : reshape(emit, apart(bias, 'bias'), [outputs, 1])
  const distance = column ? emit.op('Concat', [own, column], { axis: 1 }) : own
  const pull = matmul(emit, matmul(emit, part('gradients'), distance), part('inputs'))
  const columns = (from: number, to: number): Value =>
    emit.op('Slice', [pull, ints(emit, [from]), ints(emit, [to]), ints(emit, [1])])
  const gradients = new Map([[weight, turned(bias === undefined ? pull : columns(0, width))]])
  if (bias !== undefined) gradients.set(bias, reshape(emit, columns(width, width + 1), [outputs]))
  return { value: reduceSum(emit, mul(emit, distance, pull), [0, 1]), gradients }
}
