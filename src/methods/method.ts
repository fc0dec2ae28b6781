import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { Reader } from '../evaluate/reader.ts'
import type { Model } from '../model/model.ts'
import type { Scenario } from '../tasks/stream.ts'
import type { RandomStream } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { BatchSource } from './source.ts'
import type { Json, MethodState } from './state.ts'
import type { StepContext, StepTerms } from './step-context.ts'

/**
 * What a method's memory of a model that was trained elsewhere is made of:
 * - `nothing`: it remembers nothing
 * - `weights`: the model as it is
 * - `rows`: some of the rows that it was trained on
 * - `training`: what happened while it was trained, so that of such a model it remembers nothing
 */
export type Past = 'nothing' | 'weights' | 'rows' | 'training'

/** A task as a method sees it: the same in a stream and in the update of a model that was trained elsewhere. */
export interface TaskContext {
  readonly scenario: Scenario
  /** The task being learned, counted from 0; a model that was trained elsewhere learned task 0 there. */
  readonly index: number
  /** Whether task 0 is what the model had learned before the stream began. Default false. */
  readonly given?: boolean | undefined
  /** How many logits the model gives. */
  readonly outputs: number
  /** Output units of every task's classes, those to come included. */
  readonly units: readonly (readonly number[])[]
  /** The units that this task's softmax goes over; undefined where these are all. */
  readonly active: readonly number[] | undefined
  readonly train: Dataset
  /** Rows of `train` in the order in which they are met, where that is given. Default: shuffled passes. */
  readonly order?: Int32Array | undefined
  /** The training data of all tasks so far and the task of each row, for methods that need no memory. */
  readonly seen: () => { readonly dataset: Dataset; readonly tasks: Int32Array }
  /** Inputs without labels that may be learned from, where there are any. */
  readonly unlabelled?: Dataset | undefined
  /** Rows of new data a step. */
  readonly batchSize: number
}

/** A task that is about to be trained, or to be gone on with. */
export interface OpeningContext extends TaskContext {
  /** What batches are made of, all methods' sources included. */
  readonly sources: readonly BatchSource[]
  readonly reader: Reader
}

/** What training a task here left, beside the parameters. */
export interface Trace {
  /** What batches were made of. */
  readonly sources: () => readonly BatchSource[]
  /** Where the samplers ended, by source name. */
  readonly samplers: { readonly [source: string]: Json }
  /** The method's own slots after the last step, by key. */
  readonly slots: ReadonlyMap<string, Tensor>
}

export interface ConsolidateContext extends TaskContext {
  readonly engine: Engine
  /** As it was prepared for the task, with the parameters that it was made with. */
  readonly model: Model
  /** The parameters and buffers as training left them. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  /** Answers and features for data, with these parameters or with others. */
  readonly reader: Reader
  /** A stream of random numbers of this method's own, for this task. */
  readonly random: (name: string) => RandomStream
  /**
   * Undefined where the task was learned elsewhere, as the past of a model that is updated was: `train` then holds what
   * rows of it there are, perhaps none.
   */
  readonly trace: Trace | undefined
  /** The Fisher's diagonal by parameter, where it has been estimated already. */
  readonly fisher?: ReadonlyMap<string, Tensor<'float32'>> | undefined
}

/** What is remembered of a task; and parameters and buffers that are to be others than training left, by name. */
export interface Consolidated {
  readonly state: MethodState
  readonly parameters?: ReadonlyMap<string, Tensor> | undefined
  readonly buffers?: ReadonlyMap<string, Tensor> | undefined
}

/**
 * A way of learning without forgetting: what it may do, and no more. A method is a value without state of its own;
 * what it remembers passes through its functions as {@link MethodState}. Every hook but `consolidate` has to give the
 * same for the same arguments: a run that is resumed calls it again.
 */
export interface Method {
  /** As on the command line: 'ewc', 'replay'. */
  readonly name: string
  /** Every setting with its value, for reports and checkpoints. */
  readonly settings: { readonly [key: string]: Json }
  /**
   * The model for a task, made from the run's own; it may differ from task to task. Parameters keep the values of the
   * task before by name, one that has grown in its first part; new ones start as this model has them. Where the task is
   * told at inference, a past task is answered by the model made for it.
   */
  readonly prepare?: (model: Model, task: TaskContext) => Model
  /** Whether a task is trained by steps; where it is not, it goes straight to its end. Default all are. */
  readonly trains?: (task: TaskContext) => boolean
  /** Changes what batches are made of. */
  readonly sources?: (
    sources: readonly BatchSource[],
    state: MethodState,
    task: TaskContext,
  ) => readonly BatchSource[]
  /** Tensors that the step reads all through a task, by key. */
  readonly inputs?: (
    state: MethodState,
    task: OpeningContext,
  ) => ReadonlyMap<string, Tensor> | Promise<ReadonlyMap<string, Tensor>>
  /**
   * Tensors that go from step to step, by key, as a task's first step finds them. They are in checkpoints, and
   * `consolidate` is handed what the last step left.
   */
  readonly slots?: (model: Model, state: MethodState, task: TaskContext) => ReadonlyMap<string, Tensor>
  /** Adds terms to the step. Called once a task, while its graph is built. */
  readonly terms?: (context: StepContext, state: MethodState, task: TaskContext) => StepTerms
  /** At the end of a task: what to remember. */
  readonly consolidate?: (state: MethodState, context: ConsolidateContext) => Promise<Consolidated>
  /**
   * What it remembers a model by that was trained elsewhere. Where that is rows of which there are none, or the training,
   * `consolidate` is not asked for it. Default: it is asked.
   */
  readonly past?: Past | undefined
  /**
   * Whether `consolidate` also gives parameters, so that the last task's is not only for tasks to come. Default false.
   */
  readonly corrects?: boolean | undefined
  /** How the model is read at inference: the model as training left it, or another one made from it. */
  readonly answer?: (model: Model, state: MethodState) => Model
  /** Whether the model that `answer` gives has another graph: then it is not written into a given file. Default false. */
  readonly answersByGraph?: boolean | undefined
  /** Why several replicas with rows of their own cannot train it together, a sentence or two. Default: they can. */
  readonly oneStream?: string | undefined
  /**
   * Why it cannot learn a stream where nobody tells when a task ends, and what can, a sentence or two; `false` where it can. What ends
   * there are pieces of equal length. Default: it can where it neither remembers anything at a task's end nor changes the model for one.
   */
  readonly needsBorders?: string | false | undefined
  /** Why another method makes no sense beside this one, a sentence or two; undefined where it does. Default: all do. */
  readonly refuses?: ((other: Method) => string | undefined) | undefined
}

export type { BatchSource, Drawn, RowSampler } from './source.ts'
export { emptyState, type Json, type MethodState } from './state.ts'
export type { Mixed, Named, RowRange, SourceRows, StepContext, StepDone, StepTerms } from './step-context.ts'
