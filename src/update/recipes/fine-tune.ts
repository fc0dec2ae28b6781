import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { emptyState, type Method, type MethodState } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import type { Task, TaskStream } from '../../tasks/stream.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { noRecord, openTask, type RunState, type TaskRun } from '../../train/run/index.ts'
import { initialState, type Schedule, type StepSettings } from '../../train/step/index.ts'

export interface FineTuneOptions {
  readonly engine: Engine
  /** Trained from the parameters it holds; its other weights are constants of its graph. */
  readonly model: Model
  /** Labels are the model's output units. */
  readonly train: Dataset
  readonly method: Method
  /** What the method remembers of the past; default nothing. */
  readonly state?: MethodState
  readonly settings: StepSettings
  readonly iterations: number
  /** New rows a step. */
  readonly batchSize: number
  readonly learningRate: number
  readonly schedule?: Schedule
  readonly seed: number
  readonly signal?: AbortSignal
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

/** Steps in one call of the runtime: long enough to lose nothing, short enough to answer Ctrl-C. */
const STEPS_A_CALL = 25

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
    while (step < iterations && !signal?.aborted) {
      const count = Math.min(STEPS_A_CALL, iterations - step)
      const losses = await run.steps(step, count)
      step += count
      options.onProgress?.({ step, of: iterations, loss: losses.task ?? Number.NaN })
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
  const { engine, model, train, method, settings, iterations } = options
  const outputs = train.classes.length
  const task: Task = {
    index: 0,
    name: 'new',
    train,
    test: train,
    units: Array.from({ length: outputs }, (_, unit) => unit),
  }
  const stream: TaskStream = {
    name: 'update',
    scenario: 'class',
    outputs,
    tasks: [task],
    dataset: { name: train.name, synthetic: train.synthetic },
  }
  const state: RunState = {
    position: { task: 0, step: 0, phase: 'train' },
    updates: 0,
    tensors: initialState(model, settings.optimiser),
    method: options.state ?? emptyState,
    samplers: {},
    record: noRecord,
    early: null,
  }
  return openTask(
    {
      engine,
      model,
      stream,
      method,
      settings,
      iterations,
      batchSize: options.batchSize,
      learningRate: options.learningRate,
      seed: options.seed,
      ...(options.schedule ? { schedule: options.schedule } : {}),
    },
    task,
    state,
  )
}
