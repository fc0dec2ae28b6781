import type { AugmentSpec } from '../data/augment/index.ts'
import type { Engine } from '../engine/engine.ts'
import type { Agreement } from '../measure/chance.ts'
import type { MethodOptions } from '../methods/registry.ts'
import type { LoraOptions, Selection } from '../model/adapters/index.ts'
import type { ReadBack } from '../model/import/index.ts'
import type { Model } from '../model/model.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Optimiser } from '../train/step/index.ts'
import type { ClassAccuracy } from './by-class.ts'
import type { ExpansionGain, PlainHead } from './expansion-types.ts'
import type { OutlookPoint } from './outlook.ts'
import type { UpdateData } from './parts.ts'
import type { Budget, ClaimResult, CrossFitted, HeldBack, PathPoint, Status } from './path/index.ts'
import type { Uses } from './proof-rows.ts'
import type { Adapters, Protection, RungName } from './recipes/index.ts'

export interface UpdateOptions {
  readonly engine: Engine
  /** The model that is to be updated, as it is deployed. */
  readonly model: Model
  /** The same with a head for the new classes too, its new rows last; or itself. */
  readonly widened: Model
  readonly data: UpdateData
  /** Where random features were put before the head of `model` (`expandHead`): the model without, so that what they gain is told. */
  readonly plain?: PlainHead | undefined
  readonly budget: Budget
  /** Seconds: a rung above the first is climbed only where it seems to end in that time. Default: as long as it takes. */
  readonly time?: number | undefined
  /** Rungs of the ladder that may be climbed; default all that the model has. */
  readonly rungs?: readonly RungName[] | undefined
  /**
   * Passes over the new data of what trains above the head, or of the head where nothing above it may train; default as many as the rung
   * takes. A head on stored features costs next to nothing and trains to its end.
   */
  readonly epochs?: number | undefined
  /** New rows a step; default 32. */
  readonly batchSize?: number | undefined
  /**
   * Default 5e-4, 1e-3 where batch norms follow, and 1e-4 for a model with layer norms, as transformers have; for the head alone the best
   * of 3e-2, 1e-2 and 3e-3.
   */
  readonly learningRate?: number | undefined
  /** Any registered method, or several: `ewc+replay`. Default `replay+distil` where there are exemplars, else `distil`. */
  readonly method?: string | undefined
  /**
   * Options of the method. A penalty's strength is that of the first trial, ten times as much in each later one; the weight of a
   * distillation is multiplied as the trial says.
   */
  readonly methodOptions?: MethodOptions | undefined
  /** How training images are augmented, new rows and exemplars; default not at all. */
  readonly augment?: AugmentSpec | undefined
  /**
   * What training does with constants that are running statistics of batch norms: 'fixed' keeps them; 'auto' has them follow where at
   * least 500 old rows are rehearsed beside at least 200 new ones, all weights may train, and no other method is asked for. Default 'auto'.
   */
  readonly batchNorm?: 'auto' | 'fixed' | undefined
  /** Fisher diagonal for EWC, by name, of the parameters of `model`; default exact, on the exemplars. */
  readonly fisher?: ReadonlyMap<string, Tensor<'float32'>> | undefined
  /** Default Adam. */
  readonly optimiser?: Optimiser | undefined
  /** Default all parameters. */
  readonly select?: Selection | undefined
  readonly lora?: LoraOptions | undefined
  /**
   * Names of low-rank updates that are parameters of the model, beside layers of few bits, which cannot train: where nothing else is asked
   * for they and the head are what trains.
   */
  readonly updates?: readonly string[] | undefined
  /** Activations are computed again in the backward pass: less memory for more time. Default false. */
  readonly recompute?: boolean | undefined
  /**
   * Weights as the file that they go to gives them back, so that what is checked is what is written; see `readBackOf`. Default: as they
   * are, which is what a file in float32 does.
   */
  readonly stored?: ReadBack | undefined
  readonly seed?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: (event: UpdateEvent) => void
}

export type UpdateEvent =
  | {
      readonly type: 'trial'
      readonly trial: number
      readonly method: string
      readonly settings: TrialSettings
    }
  | {
      readonly type: 'progress'
      readonly trial: number
      readonly step: number
      readonly of: number
      readonly loss: number
    }
  /** What a trial's path ends with, by name: parameters, and statistics that followed. */
  | {
      readonly type: 'trained'
      readonly trial: number
      /** Weights at both ends of the path whose points are candidates. */
      readonly start: ReadonlyMap<string, Tensor>
      readonly parameters: ReadonlyMap<string, Tensor>
    }
  | { readonly type: 'point'; readonly trial: number; readonly point: PathPoint }

export type TrialSettings = Protection & {
  /** What trains: 'the head', 'everything'. */
  readonly rung: string
  /** Passes over the new rows. */
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  /** How images are augmented, as `--augment` takes it; absent where they are not. */
  readonly augment?: string | undefined
  /** Options of the method. */
  readonly methodOptions?: MethodOptions | undefined
}

export interface TrialResult {
  /** What was trained with: 'replay+distil', 'distil', 'ewc+replay by LoRA'. */
  readonly method: string
  readonly settings: TrialSettings
  /** Its points that were tested, in the order of the test. */
  readonly curve: readonly PathPoint[]
  /** What its best points would probably come to, tested or not, up to ten points beyond the budget; none without old rows. */
  readonly outlook: readonly OutlookPoint[]
}

/** What the old model knows before the update, of labelled rows of classes that it has; null where there are none. */
export interface Known {
  readonly old: Agreement | null
  readonly new: Agreement | null
}

export interface UpdateResult {
  readonly status: Status
  /** Whether more new rows are right than before, of those that are held out. */
  readonly learned: boolean
  /** Null where the old model stays: it left nothing to gain, or nothing better was found. */
  readonly chosen: {
    readonly trial: number
    readonly alpha: number
    readonly offset: number
    readonly method: string
    /** Candidates that were tested, all in all. */
    readonly tested: number
    /** Accuracy on the new rows that candidates were compared on. */
    readonly new: number
  } | null
  /** New accuracy that training reached and the budget did not let through; null where that is little. */
  readonly heldBack: HeldBack | null
  /**
   * The first candidate that was seen inside the budget and not shown to be: its accuracy on the new rows that candidates were compared on,
   * and old rows that would show it in 80 % of cases. Null where there is none, or no number would do.
   */
  readonly unshown: { readonly new: number; readonly neededN: number } | null
  /**
   * Where the ladder ended for want of time: what was not trained, and seconds that the update would have had to be allowed for it. Null where
   * time was no matter.
   */
  readonly stopped: { readonly rung: string; readonly seconds: number } | null
  /** On all old rows that are held out; null without old rows. */
  readonly old: {
    readonly before: number
    readonly after: number
    readonly drop: number
    /** One-sided bounds of the drop. */
    readonly lower: number
    readonly upper: number
    /** Old rows that would bring a verdict in 80 % of cases, if flips go on as seen; null where no number would. */
    readonly neededN: number | null
    readonly n: number
    /** How many of them are there as activations, and not as inputs. */
    readonly activations: number
    readonly negativeFlips: number
    readonly positiveFlips: number
    /** All that the update was held to, the drop above first; and what is only told. */
    readonly claims: readonly ClaimResult[]
    /** Whether the drop as deployed weighs classes by their share of the traffic; else every row counts the same. */
    readonly weighted: boolean
    /** The model's first release, where the drop from it is known. */
    readonly first: string | null
    /** How many of the rows have been used by how many releases before; null where that is not known. */
    readonly uses: Uses | null
  } | null
  /** On held-out new rows. */
  readonly new: {
    readonly before: number
    readonly after: number
    /** Wilson's interval of `after`, 95 %. */
    readonly lower: number
    readonly upper: number
    readonly n: number
    readonly negativeFlips: number
    readonly positiveFlips: number
    /**
     * The accuracy that other rows will show, where candidates were compared on these: of the best of many on few rows `after` is too good.
     * Null where nothing was chosen, other rows are measured on (`UpdateData.check`), or there are more than 2,000.
     */
    readonly crossFitted: CrossFitted | null
    /** The same by class, in the order of the outputs. */
    readonly byClass: readonly ClassAccuracy[]
  }
  /** What random features before the head gain and cost; null where none were asked for. */
  readonly expansion: ExpansionGain | null
  /** What the old model answers right before the update, of all rows that are measured on. */
  readonly known: Known
  readonly budget: number
  readonly trials: readonly TrialResult[]
  /** Parameters and moving statistics of the chosen point, by name; `updatedModel` makes a model of them. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Both ends of the chosen trial's path. */
  readonly path: { readonly start: ReadonlyMap<string, Tensor>; readonly end: ReadonlyMap<string, Tensor> }
  /** The low-rank updates of the chosen point, where these were trained. */
  readonly adapters?: Adapters | undefined
  readonly seconds: { readonly train: number; readonly search: number }
}

/** What an update will cost. */
export interface UpdateEstimate {
  /** Of each trial, in order; how many there will be is seen on the way. */
  readonly trials: readonly { readonly steps: number; readonly seconds: number }[]
  readonly secondsPerStep: number
  /** Spent already on what the old model answers, and on its Fisher. */
  readonly preparation: number
  /** What the chosen point takes to be checked. */
  readonly check: number
}
