import type { Dataset, Preprocessing } from '../../data/dataset.ts'
import { rowHashes } from '../../data/fingerprint.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { HeldActivations } from './held-activations.ts'
import type { PackSums } from './pack-sums.ts'
import type { Traffic } from './traffic.ts'

/** The version of the file format that is written; older ones are read. */
export const packVersion = 4

/** How exemplars are chosen; see `keepModel`. */
export type Choice = 'herding' | 'random' | 'hardest'

/**
 * What must not be forgotten of a model and its data, in one file: enough to update the model, and to measure what the
 * update costs, when the data are gone. Labels are the model's outputs, and `classes` their names in that order.
 */
export interface Pack {
  /** Of the file's format. */
  readonly version: number
  /** ISO 8601. */
  readonly created: string
  /** The model that `logits` and `heldOut.predictions` are of. */
  readonly model: ModelIdentity
  readonly classes: readonly string[]
  /** How often each class comes where the model is used; undefined in packs that were made before it was kept. */
  readonly traffic: Traffic | undefined
  /** How the data's stored values become the model's inputs. Of a private pack it says how the features were made. */
  readonly preprocessing: Preprocessing
  /**
   * The names of the columns that its rows were read from, in order, where these were tables of numbers; undefined for other data,
   * and in packs that were made before they were kept. The rows of a private pack are features of these.
   */
  readonly columns?: readonly string[] | undefined
  /** No inputs are stored: those of `exemplars` and `heldOut` are features, which only the model's head can learn from. */
  readonly private: boolean
  /** In a private pack, where in the model its rows were taken. */
  readonly features: FeatureSpace | undefined
  /** Old rows to rehearse, and what the model answers for them, float32 [n, classes]; undefined where none are kept. */
  readonly exemplars: Dataset | undefined
  readonly logits: Tensor<'float32'> | undefined
  /** The Fisher diagonal of the parameters by name, exact over the classes, averaged over `rows` rows. */
  readonly fisher:
    | { readonly rows: number; readonly diagonal: ReadonlyMap<string, Tensor<'float32'>> }
    | undefined
  /** Sums of the features of all rows that the model was trained on; undefined in older packs, and for models without a head. */
  readonly sums: PackSums | undefined
  /** Old rows that the model was not trained on; undefined where the data had none. */
  readonly heldOut: HeldOut | undefined
  /** More of them, as what the layers below a cut make of them: they prove what trains above it. */
  readonly activations?: HeldActivations | undefined
  /** The data that the pack was made of, first to last. */
  readonly data: readonly DataIdentity[]
  /** Of Holdfast and what it ran on. */
  readonly versions: Readonly<Record<string, string>>
  readonly budget: PackBudget
  /** The releases of the model, first to last; the last is `model`. */
  readonly history: readonly Release[]
}

export interface ModelIdentity {
  readonly name: string
  /** Of the file, and of the weights that lie in files beside it; 64 hexadecimal digits. */
  readonly sha256: string
}

export interface FeatureSpace {
  /** The value of the model's graph that the head reads. */
  readonly value: string
  /** SHA-256 of the weights below the head: features of another body are other features. */
  readonly body: string
}

export interface HeldOut extends Answered {
  /** int32 [n]: how many releases have been proved on each row. */
  readonly uses: Tensor<'int32'>
}

/** Rows, and what a model answers for them. */
export interface Answered {
  readonly dataset: Dataset
  /** The model's answers, int32 [n]. */
  readonly predictions: Tensor<'int32'>
  /** float32 [n, classes] */
  readonly logits: Tensor<'float32'>
}

export interface DataIdentity {
  readonly name: string
  /** Of its training part. */
  readonly fingerprint: string
  readonly rows: number
  readonly synthetic: boolean
}

/** How many exemplars the pack may hold: `rows` in all, or `perClass` of each class. */
export interface PackBudget {
  readonly rows?: number | undefined
  readonly perClass?: number | undefined
  readonly choose: Choice
}

/** A model that was shipped, and how it answered for the held-out rows of today's pack. */
export interface Release {
  readonly model: ModelIdentity
  /** When it came into the pack, ISO 8601. */
  readonly created: string
  readonly classes: number
  /** int32 [n]: -1 for held-out rows that came later. The first release's are the golden baseline. */
  readonly predictions: Tensor<'int32'>
}

/** Of the held-out rows that a release was asked about, how many there are, and the share that it got right. */
export function releaseAccuracy(
  release: Release,
  heldOut: HeldOut | undefined,
): { readonly rows: number; readonly accuracy: number } | undefined {
  if (!heldOut) return undefined
  const { data: labels } = heldOut.dataset.labels
  const { data: found } = release.predictions
  const rows = found.reduce((count, unit) => count + (unit >= 0 ? 1 : 0), 0)
  const right = found.reduce((count, unit, row) => count + (unit === labels[row] ? 1 : 0), 0)
  return rows === 0 ? undefined : { rows, accuracy: right / rows }
}

/** Rows of `dataset` whose input is not among `others` and did not come earlier, in their order. */
export function unseenRows(dataset: Dataset, others: readonly (Dataset | undefined)[]): Int32Array {
  const seen = new Set(others.flatMap((other) => (other ? rowHashes(other) : [])))
  return Int32Array.from(
    rowHashes(dataset).flatMap((hash, row) => {
      if (seen.has(hash)) return []
      seen.add(hash)
      return [row]
    }),
  )
}

/** Whether a pack holds sums of features and no row. */
export const isSumsOnly = ({ private: hides, exemplars, heldOut, sums }: Pack): boolean =>
  hides && !exemplars && !heldOut && sums !== undefined
