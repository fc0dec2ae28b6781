import type { DocumentFigures, LabelledFigures, ProbeScores, TextFigures } from '../../evaluate/index.ts'

/** What a model is worth on data and probes. */
export interface ModelEvaluation {
  /** Its path, as it was given. */
  readonly model: string
  /** A language model answers with tokens, any other with classes or numbers. */
  readonly is: 'language-model' | 'other'
  /** Of a language model on data. */
  readonly texts?:
    | (TextFigures & {
        /** Of these. */
        readonly documents: number
        /** Where they were asked for. */
        readonly byDocument?: readonly DocumentFigures[] | undefined
      })
    | undefined
  /** Of any other model on data. */
  readonly labelled?: LabelledFigures | undefined
  readonly probes?: ProbeScores | undefined
  /** What it wrote behind each prompt. */
  readonly answers?: readonly string[] | undefined
}

/** Models side by side, on the same rows. */
export interface Evaluation {
  readonly data?:
    | {
        readonly path: string
        /** The part that was measured on: test where there is one. */
        readonly part: 'test' | 'validation' | 'train'
        /** Drawn by Holdfast. */
        readonly synthetic: boolean
      }
    | undefined
  /** Their file. */
  readonly probes?: string | undefined
  /** What the models continued. */
  readonly prompts?: readonly string[] | undefined
  readonly models: readonly ModelEvaluation[]
  /** What was recognised, altered or left out, as sentences. */
  readonly notes: readonly string[]
}
