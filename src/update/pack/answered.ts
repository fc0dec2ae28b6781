import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { ModelError } from '../../errors.ts'
import { openJudge } from '../../evaluate/judge.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { predicted } from '../path/index.ts'
import type { Answered, HeldOut } from './pack.ts'

/**
 * What a model answers for rows.
 *
 * @throws ModelError `logits-not-finite` naming the row.
 */
export async function answered(engine: Engine, model: Model, dataset: Dataset): Promise<Answered> {
  const width = model.classes.length
  const judge = openJudge(engine, model, width)
  const answers = await judge.answers(dataset).finally(() => judge.dispose())
  const { logits } = answers
  const at = logits.data.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) {
    throw new ModelError(
      'logits-not-finite',
      `The model's answers for row ${Math.floor(at / width)} of ${dataset.name} are not all finite numbers, so they cannot be kept.`,
    )
  }
  const predictions = predicted(answers, width, 0)
  return { dataset, logits, predictions: { type: 'int32', dims: [predictions.length], data: predictions } }
}

/** So many rows, on each of which so many releases have been proved. */
export const usedBy = (rows: number, releases: number): HeldOut['uses'] => ({
  type: 'int32',
  dims: [rows],
  data: new Int32Array(rows).fill(releases),
})

/** Predictions for the first rows, and -1 for the others. */
export function predictionsOf(count: number, known: Int32Array | undefined): Tensor<'int32'> {
  const data = new Int32Array(count).fill(-1)
  if (known) data.set(known)
  return { type: 'int32', dims: [count], data }
}
