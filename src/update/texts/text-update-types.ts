import type { TokenDocument } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { TextUnit, TextVerdict } from '../../measure/text-verdict.ts'
import type { MethodOptions } from '../../methods/registry.ts'
import type { LoraModel, LoraOptions, Selection } from '../../model/adapters/index.ts'
import type { ReadBack } from '../../model/import/index.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { ChangedDocument } from '../gate/index.ts'
import type { Status } from '../path/index.ts'
import type { Adapters } from '../recipes/index.ts'
import type { TextAnswers } from '../text-pack/index.ts'
import type { ProcessMemory } from './process-memory.ts'

/** How much more a language model may need for old texts. */
export interface TextUpdateBudget {
  /** As in `TextBudget`. */
  readonly unit: TextUnit
  /** `relative`: a share, 0.02; `bits`: bits per byte, 0.02; `perplexity`: a ratio from 1 on, 1.05. */
  readonly maxChange: number
  /** The same since the first release, over all updates; default `maxChange`. */
  readonly maxTotal?: number | undefined
  /** Of each bound, one-sided; default 0.95. */
  readonly confidence?: number | undefined
}

/** What an update of a language model learns, rehearses and is measured on. Documents are tokens of the model's own tokenizer. */
export interface TextUpdateData {
  /** New documents to train on. */
  readonly train: readonly TokenDocument[]
  /** New documents that say what was learned; no training sees them. */
  readonly check: readonly TokenDocument[]
  /** Other new documents, that candidates are compared on. Default: `check`. */
  readonly choose?: readonly TokenDocument[] | undefined
  /** Old documents to rehearse; a part of them orders candidates where `order` is not given, and is then not rehearsed. */
  readonly exemplars?: readonly TokenDocument[] | undefined
  /** What the given model thinks likeliest at each token of `exemplars` that counts; default: it is asked. */
  readonly answers?: TextAnswers | undefined
  /** Old documents that order candidates and prove nothing. */
  readonly order?: readonly TokenDocument[] | undefined
  /** Old documents that prove: neither training nor the order of candidates sees them. */
  readonly heldOut?: readonly TokenDocument[] | undefined
  /** What the model's first release lost on each document of `heldOut`, in their order; where there was one before this model. */
  readonly first?: FirstRelease | undefined
  /** Releases that `heldOut` has proved before. Default 0. */
  readonly uses?: number | undefined
}

/** The losses of a model's first release. */
export interface FirstRelease {
  readonly name: string
  /** Undefined for documents that came later. */
  readonly losses: readonly (TextLoss | undefined)[]
}

/** How documents become rows. */
export interface TextRows {
  /** Tokens in a row. */
  readonly length: number
  readonly tokenizer: Pick<TextTokenizer, 'filler' | 'eos' | 'frame'>
  /** As in `PackOptions`; of new documents to train on. Default `documents`. */
  readonly pack?: 'documents' | 'joined' | undefined
  /** Tokens of the row before that each further row of a document reads again. Default 0. */
  readonly overlap?: number | undefined
}

export interface TextUpdateOptions {
  readonly engine: Engine
  /** The language model that is to be updated, as it is deployed. */
  readonly model: Model
  readonly data: TextUpdateData
  readonly rows: TextRows
  readonly budget: TextUpdateBudget
  /** Rungs that may be climbed; default all. */
  readonly rungs?: readonly TextRungName[] | undefined
  /** Seconds: a rung above the first is climbed only where it seems to end in that time. Default: as long as it takes. */
  readonly time?: number | undefined
  /** Passes over the new rows; default as many as the rung takes. */
  readonly epochs?: number | undefined
  /** Rows a step, rehearsed ones included. Default 8. */
  readonly batchSize?: number | undefined
  /** Default that of the rung. */
  readonly learningRate?: number | undefined
  /** Share of the tokens trained on that are old ones, where any are rehearsed, from 0 to below 1. Default 0.25. */
  readonly replayShare?: number | undefined
  /**
   * `replay`, `distil` or any registered method, several with `+`. Default `replay+distil` where there are documents to rehearse, `replay` where
   * the given model knows these by heart, else `lwf`.
   */
  readonly method?: string | undefined
  readonly methodOptions?: MethodOptions | undefined
  /** Default all parameters. */
  readonly select?: Selection | undefined
  /** Low-rank updates alone, as said. Default rank 16 on the first rung. */
  readonly lora?: LoraOptions | undefined
  /**
   * Low-rank updates that are parameters of the model, beside layers of few bits, which cannot train: the first rung trains these, and without
   * being told otherwise it is the only one.
   */
  readonly updates?: TrainedUpdates | undefined
  /** Activations are computed again in the backward pass: less memory for more time. Default false. */
  readonly recompute?: boolean | undefined
  /**
   * Memory that this process can have, see `processMemory`: a rung that takes more than all of it is not opened. Default: nobody asks.
   */
  readonly memory?: ProcessMemory | undefined
  /** Weights as the file that they go to gives them back; see `readBackOf`. Default: as they are. */
  readonly stored?: ReadBack | undefined
  readonly seed?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: TextUpdateEvent) => void) | undefined
}

/** Low-rank updates that stand in the model's file as layers of their own. */
export interface TrainedUpdates {
  /** Names of all halves, A and B. */
  readonly names: readonly string[]
  /** Where they are at zero, so that scaling B goes back to the given model: which layers they belong to. */
  readonly lora: LoraModel | undefined
}

/** Rungs of the ladder, from the cheapest to the dearest. */
export const textRungNames = ['low-rank', 'whole'] as const
export type TextRungName = (typeof textRungNames)[number]

/** What a trial was trained with. */
export interface TextTrialSettings {
  /** What trains: 'low-rank updates', 'everything'. */
  readonly rung: string
  /** Passes over the new rows. */
  readonly epochs: number
  readonly steps: number
  readonly batchSize: number
  readonly learningRate: number
  /** Share of the tokens trained on that are old ones. */
  readonly replayShare: number
  readonly rank?: number | undefined
  readonly methodOptions?: MethodOptions | undefined
}

export type TextUpdateEvent =
  | {
      readonly type: 'trial'
      readonly trial: number
      readonly method: string
      readonly settings: TextTrialSettings
    }
  | {
      readonly type: 'progress'
      readonly trial: number
      readonly step: number
      readonly of: number
      readonly loss: number
    }
  /** Rows that a model goes through without learning. */
  | { readonly type: 'measuring'; readonly what: string; readonly done: number; readonly of: number }
  | {
      readonly type: 'point'
      readonly trial: number
      readonly point: TextPoint
      /** Candidates that are tested, and those that there are. */
      readonly tested: number
      readonly of: number
    }

/** One drop with its bounds, in the unit of the budget. */
export interface TextClaim extends TextVerdict {
  /** `deployed`: from the model that was given; `total`: from the first release. */
  readonly name: 'deployed' | 'total'
  /** Of its bounds. */
  readonly confidence: number
  /** Bits per byte on the documents that prove. */
  readonly before: number
  readonly after: number
}

/** A candidate as it seems, before the documents that prove are looked at. */
export interface TextGuess {
  /** From 0. */
  readonly trial: number
  /** 0 is the given model, 1 where training ended. */
  readonly alpha: number
  /** Relative change of the bits needed for old documents that order; negative where the old gets better. */
  readonly loss: number
  /** The bound of it that as many documents as prove would give: what comes first is tested first, and nothing more. */
  readonly bound: number
  /** Share of the bits needed for the new documents that is saved. */
  readonly gain: number
}

/** A candidate that was tested. */
export interface TextPoint {
  readonly trial: number
  readonly alpha: number
  /** As it seemed. */
  readonly guess: TextGuess
  /** What the documents that prove say. */
  readonly claims: readonly TextClaim[]
}

/** What new documents say. */
export interface TextGain {
  /** Bits per byte. */
  readonly before: number
  readonly after: number
  /** Relative change; negative where less is needed. With its two-sided interval, 95 %; infinite below five documents. */
  readonly change: number
  readonly lower: number
  readonly upper: number
  readonly documents: number
}

export interface TextTrialResult {
  readonly method: string
  readonly settings: TextTrialSettings
  /** What was seen along its path on the new documents, and on old ones that order: relative changes. */
  readonly looks: readonly TextGuess[]
  /** Its points that were tested, in the order of the test. */
  readonly curve: readonly TextPoint[]
  readonly seconds: number
}

export interface TextUpdateResult {
  readonly status: Status
  /** Whether the new documents need fewer bits than before. */
  readonly learned: boolean
  /** Null where the old model stays. */
  readonly chosen: {
    readonly trial: number
    readonly alpha: number
    readonly method: string
    /** Candidates that were tested, all in all. */
    readonly tested: number
    /** What it seemed to be worth before it was tested. */
    readonly guess: TextGuess
  } | null
  /** Which new documents candidates were compared on: those of `new`, or others. */
  readonly chosenBy: 'check' | 'choose'
  /** On the documents that prove; null where there are none. */
  readonly old: {
    /** Each is held; the first is from the given model. */
    readonly claims: readonly TextClaim[]
    readonly before: number
    readonly after: number
    readonly documents: number
    /** The documents that add most bits, 20 at most; only such as got worse. */
    readonly worst: readonly ChangedDocument[]
    readonly first: string | null
    readonly uses: number
  } | null
  readonly new: TextGain
  /**
   * The first candidate that was seen inside the budget and not shown to be: the share of new bits that it seems to save, and the
   * documents that would show it in 80 % of cases. Null where there is none.
   */
  readonly unshown: { readonly gain: number; readonly neededDocuments: number | null } | null
  /** What training reached and the budget did not let through, as shares of the new bits saved; null where that is little. */
  readonly heldBack: { readonly trial: number; readonly reached: number; readonly chosen: number } | null
  /** Where the ladder ended for want of time. */
  readonly stopped: { readonly rung: string; readonly seconds: number } | null
  readonly budget: TextUpdateBudget
  readonly trials: readonly TextTrialResult[]
  /** By name, of the model as it was given; its own where it stays. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** The low-rank updates of the chosen point, where these were trained. */
  readonly adapters: Adapters | undefined
  /** How many documents went into what. */
  readonly documents: TextDocumentCounts
  readonly seconds: { readonly train: number; readonly search: number }
}

export interface TextDocumentCounts {
  readonly train: number
  readonly check: number
  readonly rehearsed: number
  readonly order: number
  readonly heldOut: number
}
