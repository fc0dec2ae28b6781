import type { AugmentSpec } from '../../data/augment/index.ts'
import type { Pool } from '../../data/memory/index.ts'
import type { BatchSource, Method, MethodState, TaskContext } from '../../methods/method.ts'
import type { LossOptions } from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Augmentation } from '../augment/index.ts'
import type { Optimiser } from './optimisers.ts'
import type { WeightDecay } from './weight-decay.ts'

export interface StepSettings {
  readonly optimiser: Optimiser
  readonly weightDecay?: WeightDecay
  /** Bound of the gradients' common norm; default none. */
  readonly clipNorm?: number
  /** As in the options of `gradients`: memory for time. Default false. */
  readonly recompute?: boolean | undefined
  readonly loss?: LossOptions
  /** Of the images that batches are made of, new and replayed. Default none. */
  readonly augment?: AugmentSpec | undefined
}

export interface StepRequest {
  readonly model: Model
  readonly settings: StepSettings
  readonly method: Method
  readonly state: MethodState
  readonly task: TaskContext
  readonly pool: Pool
  readonly sources: readonly BatchSource[]
  /** Tokens of each row that the step reads, of rows of texts whose last labels are there; default all. */
  readonly length?: number | undefined
  /** Graphs that stand beside one another on the same frozen weights. Default 1. */
  readonly graphs?: number | undefined
  /** Steps of the whole task. */
  readonly iterations: number
  /** That of the settings, for the images of the task. */
  readonly augmentation?: Augmentation | undefined
  /** The method's own tensors: those that stay the same all through the task, and those that go from step to step. */
  readonly constants: ReadonlyMap<string, Tensor>
  readonly slots: ReadonlyMap<string, Tensor>
  /** One step a call, of a graph without a `Scan`, for devices that have none. Default false. */
  readonly flat?: boolean | undefined
  /** Channels that the runtime's blocked layout takes together, where the engine has it; default none: plain ops only. */
  readonly channelBlock?: number | undefined
}
