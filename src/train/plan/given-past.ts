import type { Dataset } from '../../data/dataset.ts'
import { normalised } from '../../data/reading.ts'
import { rowChunks } from '../../data/row-chunks.ts'
import { UsageError } from '../../errors.ts'
import { largest } from '../../extent.ts'
import { requireHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { range, type TaskStream } from '../../tasks/stream.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { GivenPast } from '../run/index.ts'
import type { RunPlan } from './plan.ts'

/** The model's file, fitted to the data, and what is known of its past. */
interface PastInputs {
  readonly model?: Model | undefined
  readonly old?: Dataset | undefined
  readonly known?: number | undefined
}

/**
 * What the model of a plan had learned before; undefined for one that is new, or whose file holds nothing that was trained.
 *
 * @throws UsageError `model-data` for old data with classes that the model does not know.
 */
export function planPast(
  { model: asked, data }: RunPlan,
  { model, old, known }: PastInputs,
  { outputs }: TaskStream,
): GivenPast | undefined {
  if (asked.kind !== 'onnx' || asked.trained === false || !model) return undefined
  if (asked.head === 'replace') {
    const { weight, bias } = requireHead(model)
    return { units: [], fresh: bias === undefined ? [weight] : [weight, bias] }
  }
  const units = range(0, known ?? outputs)
  if (!old) return { units }
  if (old.labels.type === 'int32' && largestLabel(old.labels) >= units.length) {
    throw new UsageError(
      'model-data',
      `model.old is what ${asked.path} was trained on, but ${old.name} has classes that this model does not know. Leave these rows out of it.`,
    )
  }
  return { units, train: normalised(old, data.preprocessing) }
}

function largestLabel(labels: Tensor<'int32'>): number {
  let most = -1
  for (const { rows } of rowChunks(labels)) most = Math.max(most, largest(rows.data))
  return most
}
