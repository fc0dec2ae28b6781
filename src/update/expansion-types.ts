import type { FeatureSums } from '../evaluate/sums.ts'
import type { Model } from '../model/model.ts'

/** The model to update without the random features that were put before its head, to tell what these gain. */
export interface PlainHead {
  /** With outputs for the new classes, too. */
  readonly widened: Model
  /** Random features that were asked for. */
  readonly width: number
  /** Sums of the features that its head reads, where the update has sums. */
  readonly sums?: FeatureSums | undefined
}

/** What random features before the head gain and cost. */
export interface ExpansionGain {
  /** How many there are. */
  readonly width: number
  /** Numbers that the model has more by them: their directions, and the head's rows for them. */
  readonly numbers: number
  /**
   * New accuracy of a head that is worked out in closed form, as it would be shipped inside the budget, with the random features and without:
   * the same test on the same rows. Fractions; null where no such head was tried, or no old row proves anything.
   */
  readonly closedForm: { readonly with: number; readonly without: number } | null
}
