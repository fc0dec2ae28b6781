import { type Dataset, samples } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { withWeights } from '../../evaluate/reader.ts'
import { emptyState, type Method, type MethodState, type TaskContext } from '../../methods/method.ts'
import { required } from '../../required.ts'
import { range } from '../../tasks/stream.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  consolidated,
  openTask,
  stateAtStart,
  type TaskOptions,
  type TaskRun,
  timed,
  trainSteps,
} from '../../train/run/index.ts'

/** The model is trained from the parameters it holds; its other weights are constants of its graph. */
export interface TaskTraining extends TaskOptions {
  /** Labels are the model's output units. */
  readonly task: TaskContext
  /** What the method remembers of the past; default nothing. */
  readonly state?: MethodState | undefined
  readonly signal?: AbortSignal | undefined
  /** After each call of the runtime. */
  readonly onProgress?:
    | ((progress: { readonly step: number; readonly of: number; readonly loss: number }) => void)
    | undefined
}

/** As {@link TaskTraining}, on one data set and nothing else. */
export interface FineTuneOptions extends Omit<TaskTraining, 'task'> {
  /** Labels are the model's output units. */
  readonly train: Dataset
  /** Rows a step. */
  readonly batchSize: number
}

export interface FineTuned {
  /** As the method reads them at inference. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  /** Steps done; fewer than asked for when the signal stopped it. */
  readonly steps: number
}

/**
 * Trains on one data set, as the only task that there is.
 *
 * @throws What {@link trainTask} throws.
 */
export function fineTune({ train, batchSize, ...options }: FineTuneOptions): Promise<FineTuned> {
  const outputs = train.classes.length
  const task: TaskContext = {
    ...{ scenario: 'domain', index: 0, outputs, units: [range(0, outputs)], active: undefined },
    ...{ train, batchSize },
    seen: () => ({ dataset: train, tasks: new Int32Array(samples(train)) }),
  }
  return trainTask({ ...options, task })
}

/**
 * Trains one task, with a method's help.
 *
 * @throws TrainingError `diverged`; UsageError `method-graph` for a method that trains or reads the model by another graph; and what building
 * the step throws.
 */
export async function trainTask(options: TaskTraining): Promise<FineTuned> {
  const { iterations, signal, method, task } = options
  const trains = method.trains?.(task) ?? true
  const run = await open(options)
  try {
    let step = 0
    if (trains && !signal?.aborted) {
      for await (const done of trainSteps(run, { iterations })) {
        step = done.step
        options.onProgress?.({
          step,
          of: iterations,
          loss: required(new Map(Object.entries(done.losses)), 'task', 'loss'),
        })
        if (signal?.aborted) break
      }
    }
    const tensors = await run.tensors()
    return { ...(await closed(options, tensors, run)), steps: step }
  } finally {
    await run.dispose()
  }
}

/**
 * Seconds that one step takes, from as many as `iterations` says after one that is not counted; nothing is kept of them.
 *
 * @throws What {@link trainTask} throws.
 */
export async function timeSteps(options: TaskTraining): Promise<number> {
  return timed(await open({ ...options, longest: true }), options.iterations)
}

const otherGraph = ({ name }: Method): UsageError =>
  new UsageError(
    'method-graph',
    `The method ${name} trains or reads the model by another graph, and an update writes the model's own. Take another method.`,
  )

function open(options: TaskTraining): Promise<TaskRun> {
  const { model, method, settings, task, state = emptyState } = options
  if (method.prepare || method.answersByGraph) throw otherGraph(method)
  const slots = method.slots?.(model, state, task) ?? new Map()
  const tensors = stateAtStart(model, settings.optimiser, new Map(), slots)
  return openTask(options, task, { updates: 0, tensors, method: state, samplers: {} })
}

/** Parameters and buffers as the method leaves and reads them; only where it says that it does either is its end of the task done. */
async function closed(
  { engine, method, seed, model, task, state = emptyState }: TaskTraining,
  tensors: ReadonlyMap<string, Tensor>,
  run: TaskRun,
): Promise<Pick<FineTuned, 'parameters' | 'buffers'>> {
  const left = withoutPrefix(tensors, 'parameter/')
  const moved = withoutPrefix(tensors, 'buffer/')
  if (!method.corrects && !method.answer) return { parameters: left, buffers: moved }
  const end = { tensors, method: state, samplers: run.samplers() }
  const found = await consolidated({ engine, method, seed }, model, task, end)
  const kept = new Map([...left, ...(found.parameters ?? [])])
  const buffers = new Map([...moved, ...(found.buffers ?? [])])
  const trained = withWeights(model, new Map([...kept, ...buffers]))
  const read = method.answer?.(trained, found.state) ?? trained
  if (read.graph !== model.graph) throw otherGraph(method)
  return { parameters: read.parameters, buffers }
}
