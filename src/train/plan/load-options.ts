import type { DownloadProgress } from '../../data/catalogue/index-files.ts'
import type { Engine } from '../../engine/engine.ts'
import type { RunPlan } from './plan.ts'

/** How what a plan names is brought in. */
export interface LoadPlanOptions {
  /** Fetch MNIST where it is not on this machine. Default false. */
  readonly download?: boolean
  /** Take synthetic digits where MNIST is not to be had, and say so in `instead`. Default false: an error. */
  readonly orSynthetic?: boolean
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Data without a test part keep all their rows for training, and are tested on these. Default false: a share is held out. */
  readonly wholeTrain?: boolean
  /** Folder that relative paths start from. Default the working folder. */
  readonly base?: string
  /** What a model runs on that writes its old texts itself (`model.old: self`), and what teachers run on (`distil`). */
  readonly engine?: ((plan: RunPlan) => Engine) | undefined
  /** The folder of the run, where the answers of teachers are kept. Default they are asked for anew. */
  readonly folder?: string | undefined
  /** Is told how many of these texts there are. */
  readonly onWriting?: ((kept: number, wanted: number) => void) | undefined
}
