import { GraphBuilder } from '../autodiff/builder.ts'
import { type Dataset, samples } from '../data/dataset.ts'
import { concatenateRows, takeRows } from '../data/rows.ts'
import type { Engine } from '../engine/engine.ts'
import { loadable } from '../engine/loadable.ts'
import { applyModel } from '../model/apply.ts'
import { type Model, parameterCount } from '../model/model.ts'
import { required } from '../required.ts'
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts'
import { MOST_ACTIVATIONS } from './evaluate.ts'
import { eachOutput } from './outputs.ts'

/** Rows of one call at most: with more, what the layers of an image network make of them leaves a core's own cache. */
const ROWS = 125
/** A graph of 2 GiB cannot be handed over: larger models are read with their weights beside the graph. */
const MOST_WEIGHTS = 2 ** 28

/** What a model gives for all rows, float32 [N, ...]; [0] for none. See {@link eachFrozenOutput}. */
export async function frozenOutputs(
  engine: Engine,
  model: Model,
  dataset: Dataset,
): Promise<Tensor<'float32'>> {
  const parts: Tensor<'float32'>[] = []
  await eachFrozenOutput(engine, model, dataset, (output) => parts.push(output))
  return parts.length === 0 ? float32([0]) : concatenateRows(parts)
}

/**
 * Runs a model with its own weights, and hands out what it gives for rows from some row on, float32 [rows, ...], as `eachOutput` does, but
 * for the last digits: the weights are constants of the graph, so that the runtime lays them out as its kernels like them and folds batch
 * normalisation into convolutions. For one pass over many rows.
 */
export async function eachFrozenOutput(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  take: (output: Tensor<'float32'>, from: number) => void,
): Promise<void> {
  const count = samples(dataset)
  if (count === 0) return
  if (parameterCount(model) > MOST_WEIGHTS) return eachOutput(engine, model, dataset, take)
  const { graph, size } = fittingGraph(model, dataset, Math.min(ROWS, count))
  const executable = await engine.load(graph)
  try {
    for (let from = 0; from < count; from += size) {
      // The last batch is filled up with its last row.
      const rows = Int32Array.from({ length: size }, (_, at) => Math.min(from + at, count - 1))
      const results = await executable.run(new Map([['inputs', takeRows(dataset.inputs, rows)]]))
      take(firstRows(required(results, 'values', 'output') as Tensor<'float32'>, count - from), from)
    }
  } finally {
    await executable.dispose()
  }
}

const firstRows = ({ dims, data }: Tensor<'float32'>, most: number): Tensor<'float32'> => {
  const [rows = 0, ...row] = dims
  const count = Math.min(rows, most)
  return float32([count, ...row], data.subarray(0, (data.length / rows) * count))
}

/** For as many rows as leave the runtime's memory, and a signal that has to wait, within bounds. */
function fittingGraph(model: Model, dataset: Dataset, wanted: number) {
  const asked = graphOf(model, dataset, wanted)
  const fits = Math.max(1, Math.floor((wanted * MOST_ACTIVATIONS) / asked.activations))
  return fits < wanted ? graphOf(model, dataset, fits) : asked
}

function graphOf(model: Model, dataset: Dataset, size: number) {
  const builder = new GraphBuilder()
  const stored = builder.input('inputs', {
    type: dataset.inputs.type,
    dims: [size, ...dataset.inputs.dims.slice(1)],
  })
  const held = (tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, builder.parameter(name, tensor)]))
  const { logits } = applyModel(
    builder,
    model,
    { stored, preprocessing: dataset.preprocessing },
    { parameters: held(model.parameters), buffers: held(model.buffers) },
  )
  builder.output(logits, 'values')
  let activations = 0
  for (const { outputs } of builder.steps) for (const { dims } of outputs) activations += sizeOf(dims)
  return { graph: loadable(builder.finish('frozen')), size, activations }
}
