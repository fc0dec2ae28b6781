import { GraphBuilder } from '../autodiff/builder.ts'
import { scan } from '../autodiff/scan.ts'
import { type Dataset, samples } from '../data/dataset.ts'
import { type Loadable, loadable } from '../engine/loadable.ts'
import { applyModel, weightInputs } from '../model/apply.ts'
import type { Model } from '../model/model.ts'
import { add, cast, type Emitter, firstPlace, ints, reshape, type Value } from '../ops/core/index.ts'
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts'

/** A graph that answers for rows of a data set, several batches a call. */
export interface PredictGraph {
  readonly bytes: Uint8Array
  /** As {@link Loadable}: weights that are no parameters. */
  readonly held: Loadable['held']
  readonly inputs: ReadonlySet<string>
  readonly batchSize: number
  /** Values that all ops of one batch give together. */
  readonly activations: number
  /** Logits of one batch. */
  readonly answers: number
}

/**
 * Reads `inputs` (the data set's rows), `rows` int32 [batches, batchSize], `offsets` [1, outputs] added to the logits,
 * and the parameters and buffers by name; gives `logits` [batches, batchSize, ..., outputs] and `classes` int64 (int32 where flat)
 * [batches, batchSize, ...], the unit with the largest offset logit; the dims between are those of models that answer for
 * each token.
 *
 * @param flat One batch a call, as an engine may want it.
 */
export function buildPredict(
  model: Model,
  dataset: Pick<Dataset, 'inputs' | 'preprocessing'>,
  outputs: number,
  batchSize: number,
  flat = false,
): PredictGraph {
  const builder = new GraphBuilder(undefined, { flat })
  const inputs = builder.input('inputs', dataset.inputs, ['rows_of_data', ...dataset.inputs.dims.slice(1)])
  const rows = builder.input('rows', { type: 'int32', dims: [1, batchSize] }, ['batches', batchSize])
  const offsets = builder.input('offsets', { type: 'float32', dims: [1, outputs] })
  const weights = weightInputs(builder, model)
  let activations = 0
  const result = scan(builder, [], [rows], (body, _state, [chosen]) => {
    if (!chosen) return { state: [], outputs: [] }
    const stored = body.op('Gather', [inputs, chosen])
    const { logits } = applyModel(body, model, { stored, preprocessing: dataset.preprocessing }, weights)
    activations = sum(body.steps.flatMap(({ outputs: values }) => values.map(({ dims }) => sizeOf(dims))))
    const offset = add(body, logits, offsets)
    return { state: [], outputs: [logits, likeliest(body, offset, flat)] }
  })
  const [logits, classes] = result.outputs
  if (logits) builder.output(logits, 'logits', ['batches', ...logits.dims.slice(1)])
  if (classes) builder.output(classes, 'classes', ['batches', ...classes.dims.slice(1)])
  const graph = builder.finish('predict')
  const names = new Set(graph.inputs.map(({ name }) => name))
  const answers = sizeOf(logits?.dims.slice(1) ?? [])
  return { ...loadable(graph), inputs: names, batchSize, activations, answers }
}

/** The first place of the largest value along the last axis, int64 (int32 where flat). */
export const likeliest = (emit: Emitter, values: Value, flat = false): Value =>
  flat ? firstLargest(emit, values) : emit.op('ArgMax', [values], { axis: -1, keepdims: 0 })

/** What `ArgMax` says along the last axis, as int32: devices that want flat graphs have no other use for int64. */
function firstLargest(emit: Emitter, values: Value): Value {
  const outputs = values.dims.at(-1) ?? 1
  const most = emit.op('ReduceMax', [values, ints(emit, [-1])], { keepdims: 1 })
  const place = firstPlace(emit, values, most, outputs - 1)
  return cast(emit, reshape(emit, place, values.dims.slice(0, -1)), 'int32')
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)

/** Row numbers of a whole data set in full batches; the last row fills up the last batch. */
export function predictRows(dataset: Dataset, batchSize: number): Tensor<'int32'> {
  const count = samples(dataset)
  const batches = Math.ceil(count / batchSize)
  const data = Int32Array.from({ length: batches * batchSize }, (_, row) => Math.min(row, count - 1))
  return { type: 'int32', dims: [batches, batchSize], data }
}

/** 0 for active units, far below any logit for the others. */
export function unitOffsets(outputs: number, active: readonly number[] | undefined): Tensor<'float32'> {
  const data = new Float32Array(outputs).fill(active ? -1e30 : 0)
  for (const unit of active ?? []) data[unit] = 0
  return float32([1, outputs], data)
}
