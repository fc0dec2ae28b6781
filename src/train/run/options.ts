import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Method } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import type { TaskStream } from '../../tasks/stream.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Schedule, StepSettings } from '../step/index.ts'
import type { RunRecord, RunState } from './checkpoint.ts'
import type { EarlyStopping } from './stopping-rows.ts'

/** Where checkpoints go. A save replaces the one before; nothing is lost if the process dies in the middle of it. */
export interface CheckpointStore {
  save(state: RunState): Promise<void>
  load(): Promise<RunState | undefined>
}

export interface LearnOptions {
  readonly engine: Engine
  readonly model: Model
  readonly stream: TaskStream
  readonly method: Method
  /** Where the model was trained before. Default it was not: methods begin to hold it when the first task ends. */
  readonly past?: GivenPast | undefined
  /** Rows without labels, for methods that learn from them in every task. Default none. */
  readonly unlabelled?: Dataset | undefined
  readonly settings: StepSettings
  /** Steps a task. */
  readonly iterations: number
  /** Rows of new data a step. */
  readonly batchSize: number
  readonly learningRate: number
  /** Factor of the learning rate by step within a task. Default constant. */
  readonly schedule?: Schedule | undefined
  readonly seed: number
  /** Whether the optimiser starts anew with each task. Default false: its state is carried on. */
  readonly resetOptimiser?: boolean | undefined
  /** Steps a call of the runtime; speed only, the result does not depend on it. Default as many as take about 0.2 s, 50 at most. */
  readonly stepsPerCall?: number | undefined
  /** Steps between measurements of all tasks seen so far, within a task. Default none. */
  readonly evaluateEvery?: number | undefined
  /** Accuracy of future tasks too after each task, as forward transfer needs. Default true. */
  readonly evaluateFuture?: boolean | undefined
  readonly store?: CheckpointStore | undefined
  /** Steps between checkpoints within a task; one is always written at a task's end. Default none. */
  readonly checkpointEvery?: number | undefined
  /** Stops cleanly after the step at hand, with a checkpoint where there is a store. */
  readonly signal?: AbortSignal | undefined
  /**
   * Ends a task when the loss on rows held out from its training data no longer falls; default never. The task then ends with the
   * parameters (and the optimiser's state) of the look at which that loss was lowest, also where it went on to the last step.
   */
  readonly earlyStopping?: EarlyStopping
}

/** What a model had learned before the stream begins, for methods to hold: it is task 0 to them, and the stream's tasks follow. */
export interface GivenPast {
  /** The output units that it knows; others were added to its head. None where its head starts anew. */
  readonly units: readonly number[]
  /** Rows that it learned from, as many as there are; labels are units. Default none. */
  readonly train?: Dataset | undefined
  /** Parameters that start anew and are no past to hold: those of a new head. Default none. */
  readonly fresh?: readonly string[] | undefined
}

/** What a finished run leaves: `parameters` and `buffers` as training left them. */
export interface LearnResult {
  readonly record: RunRecord
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  /** The model as its method reads it at inference, with its weights: what is written to a file. */
  readonly model: Model
}
