import type { GraphBuilder } from '../autodiff/builder.ts'
import type { Head } from '../model/heads/index.ts'
import type { Value } from '../ops/core/index.ts'

/** Rows of the batch. */
export interface RowRange {
  readonly from: number
  readonly size: number
}

/** Where a source's rows are: in the batch, and in the pool. */
export interface SourceRows extends RowRange {
  /** Pool row of the source's first row. */
  readonly offset: number
  /** What its sampler plans beside the rows, int32, by name. */
  readonly columns: ReadonlyMap<string, Value>
}

/** Rows of the batch that are mixtures of two, by mixup or CutMix. */
export interface Mixed {
  /** int32 [rows]: the row of the batch that is in each beside itself; for rows that are not mixed their own. */
  readonly partner: Value
  /** [rows]: how much the row's own label counts, 0..1; its partner's counts the rest. 1 for rows that are not mixed. */
  readonly share: Value
}

/** Values by the names of parameters. */
export type Named = ReadonlyMap<string, Value>

/** What a method sees while the step's graph is built. */
export interface StepContext {
  /** The graph around the `Scan`: what is emitted here runs once a call. */
  readonly outer: GraphBuilder
  /** The body of the `Scan`: what is emitted here runs once a step. */
  readonly step: GraphBuilder
  /** Parameters at the start of this step (values of the body). */
  readonly parameters: Named
  /** Buffers (running statistics) at the start of this step. */
  readonly buffers: Named
  /** Parameters at the start of the call (values of the outer graph). */
  readonly initial: Named
  /** The method's own tensors of `inputs`, by key (values of the outer graph). */
  readonly inputs: ReadonlyMap<string, Value>
  /** The method's own slots as this step finds them, by key (values of the body). */
  readonly slots: ReadonlyMap<string, Value>
  /**
   * The model's input for the whole batch in the units it is stored in, augmented where that is asked for; the labels, and
   * the logits [rows, outputs].
   */
  readonly batch: Value
  readonly labels: Value
  readonly logits: Value
  /** Undefined where no rows are mixed. */
  readonly mixed: Mixed | undefined
  /** [rows or 1, outputs], 1 for units that take part in a row's softmax; undefined where all do. */
  readonly mask: Value | undefined
  /** int32 [rows]: which rows of the pool the batch is; the sources' data sets lie in it one after another. */
  readonly rows: Value
  readonly sources: ReadonlyMap<string, SourceRows>
  /**
   * Of what there is for each token of rows of the pool, [rows, T, ...], that of the tokens that this step reads: steps of short texts
   * read no more of their rows than has labels.
   */
  readonly asFarAsRead: (value: Value) => Value
  /**
   * What the model's head reads, for the whole batch.
   *
   * @throws ModelError `head-missing` for a model without a head.
   */
  readonly features: () => Value
  /** Runs the model on other rows or with other parameters, as at inference. */
  readonly forward: (input: Value, parameters: Named) => Value
  /**
   * The mean loss on the labels of some rows of the batch, both of mixed ones; `weights` [rows, 1] multiply each row's, and `mask`
   * [1, outputs] takes the place of their own: the softmax goes over its units.
   */
  readonly loss: (rows: RowRange, weights?: Value, mask?: Value) => Value
  /** The gradient of a scalar with respect to every parameter: one more backward pass. */
  readonly gradients: (loss: Value) => Named
  /**
   * The model's head: its weight and bias by name, and the weight's dim that goes over classes.
   *
   * @throws ModelError `head-missing`, `head-tied`.
   */
  readonly head: () => Pick<Head, 'weight' | 'bias' | 'classAxis'>
  /** Steps that the task takes, unless it is stopped early. */
  readonly iterations: number
  /** This step's learning rate. */
  readonly learningRate: Value
}

/** What a step did, once it is done. */
export interface StepDone {
  /** Of all loss terms at the step's own parameters, before any method changed it or it was clipped. */
  readonly gradients: Named
  /** Parameters and buffers as the next step finds them. */
  readonly parameters: Named
  readonly buffers: Named
}

/** What a method adds to a step. */
export interface StepTerms {
  /** Scalar terms added to the loss, to be differentiated with it. */
  readonly losses?: readonly { readonly name: string; readonly value: Value }[] | undefined
  /** Scalars reported once a call, not differentiated (a penalty whose gradient is given in closed form). */
  readonly reports?: readonly { readonly name: string; readonly value: Value }[] | undefined
  /**
   * Parameters near this step's own at which the gradient that is stepped on is taken, from the one at its own; the losses are
   * then asked for once more, there. Default its own.
   */
  readonly nearby?: ((gradients: Named) => Named) | undefined
  /** Changes the gradient of the loss (adds a penalty's, projects it). */
  readonly gradients?: ((gradients: Named) => Named) | undefined
  /** Changes a parameter after the optimiser's update (a proximal step). */
  readonly updated?: ((name: string, parameter: Value) => Value) | undefined
  /** Changes a buffer after the batch has moved it. */
  readonly moved?: ((name: string, buffer: Value) => Value) | undefined
  /** New values of slots, by key; those left out stay as they are. */
  readonly slots?: ((done: StepDone) => ReadonlyMap<string, Value>) | undefined
}
