import type { GraphBuilder } from '../autodiff/builder.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Pool } from '../data/memory/index.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import type { Value } from '../ops/core/index.ts'
import type { TaskStream } from '../tasks/stream.ts'
import type { RandomStream } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** What can be written as JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a method remembers from task to task. It is data and nothing else, so that a checkpoint holds it whole; keys of
 * `tensors` read like paths ("importance/fc.weight").
 */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly values: { readonly [key: string]: Json }
}

export const emptyState: MethodState = { tensors: new Map(), values: {} }

/** Where in the stream the run is. */
export interface TaskContext {
  readonly stream: TaskStream
  /** The task being learned, counted from 0. */
  readonly index: number
  readonly train: Dataset
  /** Rows of new data a step. */
  readonly batchSize: number
}

/**
 * One part of every batch: where its rows come from, how many, and the share of the loss they carry (the mean loss of
 * this part is multiplied by `weight`).
 */
export interface BatchSource {
  readonly name: string
  readonly dataset: Dataset
  /** The task of all rows, or of each. */
  readonly tasks: number | Int32Array
  readonly size: number
  readonly weight: number
  /** How rows are drawn. Default: shuffled epochs, the last incomplete batch dropped. */
  readonly sampler?: (context: SamplerContext) => RowSampler
}

export interface SamplerContext {
  /** Random streams of this source's own, by name. */
  readonly random: (name: string) => RandomStream
  readonly pool: Pool
  /** Pool row of this source's first row, and of the new data's. */
  readonly offset: number
  readonly newOffset: number
  readonly saved: Json | undefined
}

/** Plans pool rows for coming steps. */
export interface RowSampler {
  /** Pool rows for `steps` steps, step by step. `fresh` are the rows of new data planned for the same steps. */
  next(steps: number, fresh: Int32Array): Int32Array
  /** Everything needed to go on exactly here. */
  state(): Json
}

/** What a method sees while the step's graph is built. */
export interface StepContext {
  /** The graph around the `Scan`: what is emitted here runs once a call. */
  readonly outer: GraphBuilder
  /** The body of the `Scan`: what is emitted here runs once a step. */
  readonly step: GraphBuilder
  /** Parameters at the start of this step, by name (values of the body). */
  readonly parameters: ReadonlyMap<string, Value>
  /** Parameters at the start of the call, by name (values of the outer graph). */
  readonly initial: ReadonlyMap<string, Value>
  /** The method's own tensors of {@link Method.inputs}, by key (values of the outer graph). */
  readonly inputs: ReadonlyMap<string, Value>
  /** The model's input for the whole batch, and its logits [rows, outputs]. */
  readonly batch: Value
  /** int32 [rows]: which rows of the pool the batch is; the sources' data sets lie in it one after another. */
  readonly rows: Value
  readonly logits: Value
  /** First row and number of rows of each source within the batch. */
  readonly sources: ReadonlyMap<string, { readonly from: number; readonly size: number }>
  /** Runs the model on other rows or with other parameters. */
  readonly forward: (input: Value, parameters: ReadonlyMap<string, Value>) => Value
  /** This step's learning rate. */
  readonly learningRate: Value
}

/** What a method adds to a step. */
export interface StepTerms {
  /** Scalar terms added to the loss, to be differentiated with it. */
  readonly losses?: readonly { readonly name: string; readonly value: Value }[]
  /** Scalars reported once a call, not differentiated (a penalty whose gradient is given in closed form). */
  readonly reports?: readonly { readonly name: string; readonly value: Value }[]
  /** Changes the gradient of the loss (adds a penalty's, projects it). */
  readonly gradients?: (gradients: ReadonlyMap<string, Value>) => ReadonlyMap<string, Value>
  /** Changes a parameter after the optimiser's update (a proximal step). */
  readonly updated?: (name: string, parameter: Value) => Value
}

export interface ConsolidateContext extends TaskContext {
  readonly engine: Engine
  readonly model: Model
  /** The parameters and buffers as training left them. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  /** A stream of random numbers of this method's own, for this task. */
  readonly random: (name: string) => RandomStream
  /** Where the samplers ended, by source name. */
  readonly samplers: { readonly [source: string]: Json }
}

/**
 * A way of learning without forgetting: what it may do, and no more. A method is a value without state of its own;
 * what it remembers passes through its functions as {@link MethodState}.
 */
export interface Method {
  /** As on the command line: 'ewc', 'replay'. */
  readonly name: string
  /** Every setting with its value, for reports and checkpoints. */
  readonly settings: { readonly [key: string]: Json }
  /** Changes what batches are made of. */
  readonly sources?: (
    sources: readonly BatchSource[],
    state: MethodState,
    task: TaskContext,
  ) => readonly BatchSource[]
  /** Tensors that the step reads all through a task, by key. */
  readonly inputs?: (state: MethodState, task: TaskContext) => ReadonlyMap<string, Tensor>
  /** Adds terms to the step. Called once a task, while its graph is built. */
  readonly terms?: (context: StepContext, state: MethodState, task: TaskContext) => StepTerms
  /** At the end of a task: what to remember. */
  readonly consolidate?: (state: MethodState, context: ConsolidateContext) => Promise<MethodState>
}
