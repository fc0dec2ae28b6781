import { type Dataset, samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { emptyState, type Method, type MethodState, type TaskContext } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { openTask, stateAtStart, type TaskRun, trainSteps } from '../../train/run/index.ts'
import { initialState, type Schedule, type StepSettings } from '../../train/step/index.ts'

export interface FineTuneOptions {
  readonly engine: Engine
  /** Trained from the parameters it holds; its other weights are constants of its graph. */
  readonly model: Model
  /** Labels are the model's output units. */
  readonly train: Dataset
  readonly method: Method
  /** What the method remembers of the past; default nothing. */
  readonly state?: MethodState | undefined
  readonly settings: StepSettings
  readonly iterations: number
  /** New rows a step. */
  readonly batchSize: number
  readonly learningRate: number
  readonly schedule?: Schedule | undefined
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  /** After each call of the runtime. */
  readonly onProgress?: (progress: {
    readonly step: number
    readonly of: number
    readonly loss: number
  }) => void
}

export interface FineTuned {
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  /** Steps done; fewer than asked for when the signal stopped it. */
  readonly steps: number
}

/**
 * Trains on one data set, with a method's help, as the second task of a stream whose first was learned elsewhere.
 *
 * @throws TrainingError `diverged`; and what building the step throws.
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuned> {
  const { iterations, signal } = options
  const run = await open(options)
  try {
    let step = 0
    if (!signal?.aborted) {
      for await (const done of trainSteps(run, { iterations })) {
        step = done.step
        options.onProgress?.({ step, of: iterations, loss: done.losses.task ?? Number.NaN })
        if (signal?.aborted) break
      }
    }
    const tensors = run.snapshot()
    return {
      parameters: withoutPrefix(tensors, 'parameter/'),
      buffers: withoutPrefix(tensors, 'buffer/'),
      steps: step,
    }
  } finally {
    await run.dispose()
  }
}

/**
 * Seconds that one step takes, from as many as `iterations` says after one that is not counted; nothing is kept of them.
 *
 * @throws What {@link fineTune} throws.
 */
export async function timeSteps(options: FineTuneOptions): Promise<number> {
  const run = await open(options)
  try {
    await run.steps(0, 1)
    const began = performance.now()
    await run.steps(1, options.iterations)
    return (performance.now() - began) / 1000 / options.iterations
  } finally {
    await run.dispose()
  }
}

function open(options: FineTuneOptions): Promise<TaskRun> {
  const { model, train, method, settings } = options
  const task: TaskContext = {
    scenario: 'class',
    index: 0,
    outputs: train.classes.length,
    units: [train.classes.map((_, unit) => unit)],
    active: undefined,
    train,
    seen: () => ({ dataset: train, tasks: new Int32Array(samples(train)) }),
    batchSize: options.batchSize,
  }
  const past = options.state ?? emptyState
  const start = initialState(model, settings.optimiser)
  const slots = method.slots?.(model, past, task) ?? new Map()
  const tensors = stateAtStart(model, settings.optimiser, start, slots)
  return openTask(options, task, { updates: 0, tensors, method: past, samplers: {} })
}
