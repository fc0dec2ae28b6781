import type { PreprocessingName, Reading } from '../data/reading.ts'
import type { Engine } from '../engine/engine.ts'
import type { Bindings } from '../model/import/index.ts'

export interface UpdateSources {
  /** What computes the new data's features where the pack is private. */
  readonly engine: Engine
  /** An .onnx file, or a folder as transformers.js lays it out. */
  readonly model: string
  /** New data: a file or folder, or the name of a known data set. */
  readonly fresh: string
  /** Data that the model knows already. */
  readonly old?: string | undefined
  /** How often each class of the old data comes where the model is used, in any unit; default: every old row counts the same. */
  readonly traffic?: ReadonlyMap<string, number> | undefined
  /** A retention pack, instead of old data; one of sums alone may stand beside them. */
  readonly keep?: string | undefined
  /** Inputs whose labels, where there are any, are not looked at. */
  readonly unlabelled?: string | undefined
  readonly batchNorm?: 'fixed' | 'train' | undefined
  /** The value that holds the logits, where the file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
  /** Whether numbers for labels are positions in the other side's list of names. Default false. */
  readonly numbersArePositions?: boolean | undefined
  /** Asked for; where old and new are trained on together, all old training rows are taken. */
  readonly method?: string | undefined
  /** Random features that the head reads beside its own: see `expandHead`. Default none. */
  readonly expandHead?: number | undefined
  /**
   * Rank of the low-rank updates that are added to layers of few bits, which cannot train themselves, where the pack is not private; 0 for
   * none. Default 16.
   */
  readonly rank?: number | undefined
  /** Of exemplars and of the new rows of the head. Default 0. */
  readonly seed?: number | undefined
}

/** Of new data without a test part, the share that is held out from training; of old data, that is only measured. */
export const NEW_HELD_OUT = 0.2
export const OLD_HELD_OUT = 0.5
