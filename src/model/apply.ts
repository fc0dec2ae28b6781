import type { GraphBuilder } from '../autodiff/builder.ts'
import { specialise } from '../autodiff/specialise.ts'
import type { Preprocessing } from '../data/dataset.ts'
import { ModelError } from '../errors.ts'
import type { Value } from '../ops/define.ts'
import { cast, div, mul, scalar, sub } from '../ops/emit.ts'
import { float32 } from '../tensor/tensor.ts'
import type { Model } from './model.ts'

export interface ApplyOptions {
  readonly parameters: ReadonlyMap<string, Value>
  readonly buffers: ReadonlyMap<string, Value>
  /** Batch statistics and dropout as in training. Default false. */
  readonly training?: boolean
  /** int64 scalar that changes every step; needed where the model has dropout and `training` is set. */
  readonly dropoutSeed?: Value | undefined
}

export interface Applied {
  /** [batch, outputs] */
  readonly logits: Value
  /** Buffers that training updates (running statistics), by name. */
  readonly buffers: ReadonlyMap<string, Value>
}

/** Runs the model on rows as they are stored: the preprocessing is part of the graph. */
export function applyModel(
  builder: GraphBuilder,
  model: Model,
  rows: { readonly stored: Value; readonly preprocessing: Preprocessing },
  options: ApplyOptions,
): Applied {
  const input = model.input.type.startsWith('float')
    ? preprocess(builder, rows.stored, rows.preprocessing)
    : cast(builder, rows.stored, model.input.type)
  const bindings = new Map([[model.input.name, input], ...options.parameters, ...options.buffers])
  const result = specialise(builder, model.graph, model.opsets, bindings, {
    outputs: [model.output],
    ...(options.training ? { training: true } : {}),
    ...(options.dropoutSeed ? { dropoutSeed: options.dropoutSeed } : {}),
  })
  const logits = result.outputs.get(model.output)
  if (!logits) {
    throw new ModelError(
      'no-such-output',
      `The model has no output "${model.output}"; its outputs are ${[...result.outputs.keys()].join(', ')}.`,
    )
  }
  return { logits, buffers: result.buffers }
}

/** (stored * scale - mean) / std, in as few passes as the constants allow. */
function preprocess(builder: GraphBuilder, stored: Value, { scale, mean, std }: Preprocessing): Value {
  const x = cast(builder, stored, 'float32')
  const perChannel = (values: readonly number[]) =>
    builder.constant(
      float32([values.length, ...new Array<number>(Math.max(x.dims.length - 2, 0)).fill(1)], values),
    )
  const constant = (values: number | readonly number[]) =>
    typeof values === 'number' ? scalar(builder, values, x) : perChannel(values)
  const scaled = scale === 1 ? x : mul(builder, x, scalar(builder, scale, x))
  const centred = mean === 0 ? scaled : sub(builder, scaled, constant(mean))
  return std === 1 ? centred : div(builder, centred, constant(std))
}
