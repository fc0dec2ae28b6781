import { type Dataset, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { inTwo } from './row-roles.ts'

/** What there is to learn from and to measure on. Labels are units of the updated model: old classes first. */
export interface UpdateData {
  readonly train: Dataset
  /** New rows that are not trained on. */
  readonly heldOut: Dataset
  /** Old rows to rehearse. */
  readonly exemplars?: Dataset | undefined
  /** Old rows that the model was not trained on: the budget is measured on them. */
  readonly oldHeldOut?: Dataset | undefined
  /**
   * Other such rows that the choice is checked on, once; `oldHeldOut` and `heldOut` are then for the choice alone.
   * Default: held-out rows are divided by what they say, see {@link splitHeldOut}.
   */
  readonly oldCheck?: Dataset | undefined
  readonly check?: Dataset | undefined
  /** Each class's share of the traffic, by unit, summing to 1; default: every old row counts the same. */
  readonly traffic?: readonly number[] | undefined
  /**
   * What the model's first release answered for each row of `oldHeldOut` and of `oldCheck`, -1 for rows that came later. The
   * total budget is held against it.
   */
  readonly first?:
    | { readonly name: string; readonly choose: Int32Array; readonly check: Int32Array }
    | undefined
  /** How many rows of `oldCheck` have been used by how many releases before. */
  readonly uses?: readonly { readonly releases: number; readonly rows: number }[] | undefined
  /** Inputs whose labels mean nothing. */
  readonly unlabelled?: Dataset | undefined
}

/** Held-out rows in two: those that a point is chosen on, and those that the choice is checked on, once. */
export interface Parts {
  readonly oldChoose: Dataset | undefined
  readonly oldCheck: Dataset | undefined
  readonly newChoose: Dataset
  readonly newCheck: Dataset
}

/**
 * Splits what is held out. Which part a row plays is told by what it says, and by nothing else: a row that chooses goes on to
 * choose and one that checks to check, whatever rows join them, in whatever order they come, and whether they are new or have
 * become old. So what is announced next month is not measured on rows that this month's choice was made on.
 *
 * @throws UsageError `update-data` without new rows to train on, or fewer than two to measure on.
 */
export function splitHeldOut(data: UpdateData): Parts {
  const { train, heldOut, oldHeldOut } = data
  for (const [what, dataset, least] of [
    ['to train on', train, 1],
    ['held out from training', heldOut, data.check ? 1 : 2],
  ] as const) {
    if (samples(dataset) >= least) continue
    throw new UsageError(
      'update-data',
      `An update needs new rows ${what}, but "${dataset.name}" has ${samples(dataset)}.`,
    )
  }
  const [newChoose, newCheck] = data.check ? [heldOut, data.check] : inTwo(heldOut)
  const [oldChoose, oldCheck] =
    oldHeldOut && data.oldCheck
      ? [oldHeldOut, data.oldCheck]
      : oldHeldOut && samples(oldHeldOut) > 1
        ? inTwo(oldHeldOut)
        : []
  return { oldChoose, oldCheck, newChoose, newCheck }
}
