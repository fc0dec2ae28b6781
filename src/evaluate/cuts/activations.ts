import { type Dataset, samples } from '../../data/dataset.ts'
import { sourceOf } from '../../data/spilled.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Model } from '../../model/model.ts'
import { nodesBehind } from '../../onnx/walk.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { eachFrozenOutput } from '../frozen-outputs.ts'
import type { Place } from './cut.ts'
import { activationsName, isPlain, packed, rowDimsOf } from './entry.ts'
import { type ActivationStore, collector } from './store.ts'

export interface ActivationOptions {
  /** Default float32. */
  readonly store?: ActivationStore | undefined
}

/**
 * A data set with activations in place of inputs, for {@link modelAbove}: what the layers below a cut make of each row, as
 * at inference, but for the last digits: see `eachFrozenOutput`. Its preprocessing says how what is stored becomes what that model reads.
 *
 * @param dataset Rows of the dims that the cut was found for.
 * @throws DataError `activations-range` for values that float16 or uint8 cannot hold.
 * @example
 * const activations = await activationsAt(engine, model, cut, dataset, { store: 'float16' })
 */
export async function activationsAt(
  engine: Engine,
  model: Model,
  cut: Place,
  dataset: Dataset,
  { store = 'float32' }: ActivationOptions = {},
): Promise<Dataset> {
  const { take, stored } = collector(store, samples(dataset), rowDimsOf(cut), sourceOf(dataset.inputs)?.spill)
  await eachFrozenOutput(engine, modelBelow(model, cut), dataset, take)
  return { ...dataset, ...stored() }
}

/**
 * Activations in another form.
 *
 * @param activations As float32.
 * @throws DataError `activations-range` for values that float16 or uint8 cannot hold.
 */
export function storedAs(activations: Dataset, store: ActivationStore): Dataset {
  const { inputs } = activations
  const { take, stored } = collector(store, samples(activations), inputs.dims.slice(1))
  take(inputs as Tensor<'float32'>, 0)
  return { ...activations, ...stored() }
}

/** The layers below a cut as a model of its own: what it gives, {@link modelAbove} reads. */
export function modelBelow(model: Model, cut: Place): Model {
  const { nodes } = nodesBehind(model.graph.nodes, cut.values)
  const output = activationsName(cut)
  const pack = isPlain(cut) ? [] : packed(cut, output)
  return { ...model, graph: { ...model.graph, nodes: [...nodes, ...pack], outputs: [] }, output }
}
