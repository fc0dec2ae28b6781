import { type Dataset, samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import type { Place } from '../../evaluate/cuts/index.ts'
import type { Model } from '../../model/model.ts'
import { answered, usedBy } from './answered.ts'
import { activationKeys, activationsOf, type HeldActivations, placeFor } from './held-activations.ts'
import { type HeldOutChoice, heldOutRows } from './held-out-rows.ts'
import { trunkHash } from './trunk-hash.ts'

export interface ActivationChoice {
  /** Rows at most; default none. */
  readonly heldOutActivations?: number | undefined
  /** The name of a value of the graph; default what the head reads. */
  readonly activationsAt?: string | undefined
}

/**
 * Rows of a private pack are features already.
 *
 * @throws UsageError `keep-activations`
 */
export function refuseActivations({ heldOutActivations = 0 }: ActivationChoice): void {
  if (heldOutActivations === 0) return
  throw new UsageError(
    'keep-activations',
    'A private pack holds features of all of its rows: its held-out rows are activations already. Say how many with --held-out, and leave --held-out-activations out.',
  )
}

/** Held-out rows that join a pack as activations: of those that are neither exemplars nor held out as inputs, by the same shares. */
export function restHeldOut(
  dataset: Dataset,
  others: readonly (Dataset | undefined)[],
  { heldOutActivations: most = 0, seed, traffic }: HeldOutChoice & ActivationChoice,
): Dataset | undefined {
  return most === 0 ? undefined : heldOutRows(dataset, others, { heldOutRows: most, seed, traffic })
}

/**
 * Where activations are taken; undefined where none are asked for.
 *
 * @throws What {@link placeFor} throws.
 */
export const cutFor = (
  model: Model,
  { inputs }: Dataset,
  { heldOutActivations = 0, activationsAt: at }: ActivationChoice,
): Place | undefined => (heldOutActivations > 0 ? placeFor(model, inputs.dims.slice(1), at) : undefined)

/** What the layers below the cut make of rows that no release has been proved on, and what the model answers for them. */
export async function newActivations(
  { engine, model, cut }: { readonly engine: Engine; readonly model: Model; readonly cut: Place },
  rows: Dataset,
): Promise<HeldActivations> {
  const { predictions } = await answered(engine, model, rows)
  return {
    cut,
    trunk: trunkHash(model, cut),
    dataset: await activationsOf(engine, model, cut, rows, predictions.data),
    keys: activationKeys(rows),
    uses: usedBy(samples(rows), 0),
    answers: [predictions],
  }
}
