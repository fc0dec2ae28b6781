import type { GraphBuilder } from '../autodiff/builder.ts'
import { specialise } from '../autodiff/specialise.ts'
import { ModelError } from '../errors.ts'
import type { Value } from '../ops/core/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { bindInputs, type StoredRows } from './inputs.ts'
import type { Model } from './model.ts'

export interface ApplyOptions {
  readonly parameters: ReadonlyMap<string, Value>
  readonly buffers: ReadonlyMap<string, Value>
  /** Batch statistics and dropout as in training. Default false. */
  readonly training?: boolean
  /** int64 scalar that changes every step; needed where the model has dropout and `training` is set. */
  readonly dropoutSeed?: Value | undefined
  /** Further values inside the graph to hand out. */
  readonly values?: readonly string[] | undefined
}

export interface Applied {
  /** [batch, outputs] */
  readonly logits: Value
  /** Buffers that training updates (running statistics), by name. */
  readonly buffers: ReadonlyMap<string, Value>
  /** Those asked for, by name. */
  readonly values: ReadonlyMap<string, Value>
}

/** Parameters and buffers as inputs of a graph, called `parameter/NAME` and `buffer/NAME`. */
export function weightInputs(
  builder: GraphBuilder,
  { parameters, buffers }: Pick<Model, 'parameters' | 'buffers'>,
): Pick<ApplyOptions, 'parameters' | 'buffers'> {
  const named = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, builder.input(`${prefix}/${name}`, tensor)]))
  return { parameters: named('parameter', parameters), buffers: named('buffer', buffers) }
}

/** Runs the model on rows as they are stored: the preprocessing is part of the graph. */
export function applyModel(
  builder: GraphBuilder,
  model: Model,
  rows: StoredRows,
  options: ApplyOptions,
): Applied {
  const bindings = new Map([...bindInputs(builder, model, rows), ...options.parameters, ...options.buffers])
  const result = specialise(builder, model.graph, model.opsets, bindings, {
    outputs: [model.output, ...(options.values ?? [])],
    ...(options.training
      ? { training: true, batchNorm: model.buffers.size > 0 ? ('batch' as const) : ('fixed' as const) }
      : {}),
    ...(options.dropoutSeed ? { dropoutSeed: options.dropoutSeed } : {}),
  })
  const logits = result.outputs.get(model.output)
  if (!logits) {
    throw new ModelError(
      'no-such-output',
      `The model has no output "${model.output}"; its outputs are ${[...result.outputs.keys()].join(', ')}.`,
    )
  }
  return { logits, buffers: result.buffers, values: result.outputs }
}
