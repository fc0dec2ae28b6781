import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import type { Place } from '../evaluate/cuts/index.ts'

/** How many rows have proved how many releases before, ascending. */
export type Uses = readonly { readonly releases: number; readonly rows: number }[]

/** Old rows as what the layers below a cut make of them: they prove what trains above it. */
export interface ActivationRows {
  /** In the model that is updated. */
  readonly cut: Place
  /** Activations in place of inputs; labels are units of the updated model. */
  readonly rows: Dataset
  /** What the model's first release answered for each, -1 for rows that came later. */
  readonly first?: Int32Array | undefined
  readonly uses?: Uses | undefined
  /** Whether rows that stand elsewhere, too, are among them: how many. */
  readonly inCommon?: ((dataset: Dataset) => number) | undefined
}

/** Old rows that the budget is proved on: first those that are there as inputs, then those that are activations. */
export interface ProofRows {
  readonly inputs: Dataset | undefined
  readonly above: ActivationRows | undefined
  /** Of all of them. */
  readonly labels: Int32Array
  /** What the first release answered for all of them, where that is known. */
  readonly first: Int32Array | undefined
  readonly uses: Uses | undefined
}

/** What there is to prove on, as an update's data have it. */
interface Given {
  readonly oldHeldOut?: Dataset | undefined
  readonly oldActivations?: ActivationRows | undefined
  readonly first?: { readonly answers: Int32Array } | undefined
  readonly uses?: Uses | undefined
}

/** All old rows that are held out; undefined where there are none. */
export function proofRows({ oldHeldOut, oldActivations: given, first, uses }: Given): ProofRows | undefined {
  const inputs = oldHeldOut && samples(oldHeldOut) > 0 ? oldHeldOut : undefined
  const above = given && samples(given.rows) > 0 ? given : undefined
  if (!inputs && !above) return undefined
  const unasked = above && new Int32Array(samples(above.rows)).fill(-1)
  return {
    inputs,
    above,
    labels: joined(inputs && classLabels(inputs), above && classLabels(above.rows)),
    first: first && joined(inputs && first.answers, above?.first ?? unasked),
    uses: uses || above?.uses ? summed([...(uses ?? []), ...(above?.uses ?? [])]) : undefined,
  }
}

/** Numbers of rows that are there as inputs, and then of those that are activations. */
export const joined = (inputs: Int32Array | undefined, above: Int32Array | undefined): Int32Array =>
  Int32Array.from([...(inputs ?? []), ...(above ?? [])])

function summed(uses: Uses): Uses {
  const rows = new Map<number, number>()
  for (const each of uses) rows.set(each.releases, (rows.get(each.releases) ?? 0) + each.rows)
  return [...rows].sort(([a], [b]) => a - b).map(([releases, count]) => ({ releases, rows: count }))
}
