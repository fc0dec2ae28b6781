import { createPool, type Pool } from '../../data/memory/index.ts'
import { takeRows } from '../../data/rows.ts'
import { sourceOf } from '../../data/spilled.ts'
import { inPlace } from '../../data/spilled-rows.ts'
import { loadProgram } from '../../engine/program.ts'
import type { TrainingError } from '../../errors.ts'
import { openReader, type Reader } from '../../evaluate/reader.ts'
import type {
  BatchSource,
  Json,
  Method,
  MethodState,
  OpeningContext,
  TaskContext,
} from '../../methods/method.ts'
import { itemAt, required } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { augmentationOf, stepDraws } from '../augment/index.ts'
import { batchWidth, buildStep, createBatchSampler, drawName, rowWeights, taskMasks } from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
import { diverged } from './diverged.ts'
import type { LearnOptions } from './options.ts'

/** One task being trained: its batches and its program. */
export interface TaskRun {
  /** Does `count` steps from `step` on, in one call. Returns the mean of each loss term, and the reports. */
  steps(step: number, count: number): Promise<Record<string, number>>
  /** The live state; later steps write over it. */
  tensors(): ReadonlyMap<string, Tensor>
  snapshot(): Map<string, Tensor>
  samplers(): { readonly [source: string]: Json }
  /** Optimiser steps done so far. */
  updates(): number
  dispose(): Promise<void>
}

/** How a task is trained. */
export type TaskOptions = Pick<
  LearnOptions,
  'engine' | 'model' | 'method' | 'settings' | 'iterations' | 'learningRate' | 'schedule' | 'seed'
> & {
  /** What a method's questions about the model are answered by; default one made for the task. */
  readonly reader?: Reader | undefined
}

/** What batches are made of: the new data, and what the method adds. */
export function taskSources(method: Method, state: MethodState, task: TaskContext): readonly BatchSource[] {
  const fresh: BatchSource = {
    name: 'new',
    dataset: task.train,
    tasks: task.index,
    size: task.batchSize,
    weight: 1,
  }
  return method.sources?.([fresh], state, task) ?? [fresh]
}

/** Where a task is gone on with; its tensors are those of {@link stateAtStart}, or of a snapshot. */
export type TaskState = Pick<RunState, 'updates' | 'tensors' | 'method' | 'samplers'>

/** Opens a task where `state` stands, in the middle of it too. */
export async function openTask(options: TaskOptions, task: TaskContext, state: TaskState): Promise<TaskRun> {
  const { model, method, settings, engine, seed, iterations } = options
  // As the stream counts: what is drawn does not depend on whether the model had learned something before.
  const place = task.given ? task.index - 1 : task.index
  const sources = taskSources(method, state.method, task)
  const pool = createPool(sources)
  const augmentation = augmentationOf(settings.augment, task.train)
  const constants = await methodInputs(options, { ...task, train: task.train, sources }, state.method)
  const slots = withoutPrefix(state.tensors, 'slot/')
  const step = buildStep({
    ...{ model, settings, method, state: state.method, task, iterations },
    ...{ pool, sources, augmentation, constants, slots },
  })
  const program = await loadProgram(engine, step, step.slots, state.tensors)
  const random = (source: string) => randomStream(seed, `batches/${place}/${source}`)
  const sampler = createBatchSampler(sources, pool, random, state.samplers)
  const width = batchWidth(sources)
  const fixed = new Map<string, Tensor>([
    ...[...constants].map(([key, tensor]) => [`method/${key}`, tensor] as const),
    ['pool/labels', pool.labels],
    ['pool/tasks', pool.tasks],
    ['masks', taskMasks(task)],
    ['weights', rowWeights(sources)],
  ])
  const draws = (from: number, count: number): [string, Tensor][] => {
    if (!augmentation) return []
    const drawn = stepDraws({ ...augmentation, sources, seed, task: place, from, count })
    return [...drawn].map(([name, tensor]) => [drawName(name), tensor])
  }
  let { updates } = state
  const call = async (from: number, count: number): Promise<Record<string, number>> => {
    const { rows, columns } = sampler.next(count)
    const at = { task: place, from, count, updates }
    const feeds = new Map<string, Tensor>([
      ...fixed,
      ...columns,
      ...draws(from, count),
      ...rowFeeds(pool, { type: 'int32', dims: [count, width], data: rows }),
      ...stepNumbers(options, at),
    ])
    const outputs = await program.run(new Map([...feeds].filter(([name]) => step.inputs.has(name))))
    updates += count
    return summarise(outputs, step.losses, step.reports, at)
  }
  // What other tasks' models have and this one does not.
  const trained = new Set(step.slots.map(({ input }) => input))
  const aside = [...state.tensors].filter(([name]) => !trained.has(name) && !name.startsWith('best/'))
  return {
    steps: call,
    tensors: () => (aside.length === 0 ? program.state() : new Map([...aside, ...program.state()])),
    snapshot: () => new Map([...aside, ...program.snapshot()]),
    samplers: () => sampler.state(),
    updates: () => updates,
    dispose: () => program.dispose(),
  }
}

/** The method's constants; those that ask the model are answered by the one that the task begins with, as made. */
async function methodInputs(
  { engine, model, method, reader: given }: TaskOptions,
  task: Omit<OpeningContext, 'reader'>,
  state: MethodState,
): Promise<ReadonlyMap<string, Tensor>> {
  if (!method.inputs) return new Map()
  if (given) return method.inputs(state, { ...task, reader: given })
  const reader = openReader(engine, model, task.outputs)
  try {
    return await method.inputs(state, { ...task, reader })
  } finally {
    await reader.dispose()
  }
}

/** The rows of a call, and inputs: the whole pool, or where it lies on disk what these rows are. */
function rowFeeds({ inputs }: Pool, rows: Tensor<'int32'>): [string, Tensor][] {
  const given: [string, Tensor][] = [['rows', rows]]
  if (!sourceOf(inputs)) return [...given, ['pool/inputs', inputs]]
  return [...given, ['pool/inputs', takeRows(inputs, rows.data)], ['places', inPlace(rows)]]
}

interface CallPlace {
  readonly task: number
  readonly from: number
  readonly count: number
  /** Steps of the optimiser before it. */
  readonly updates: number
}

/** Seeds, and the optimiser's numbers, of each step of a call. */
function stepNumbers(options: TaskOptions, { task, from, count, updates }: CallPlace): [string, Tensor][] {
  const { settings, iterations, learningRate, schedule, seed } = options
  const steps = Array.from({ length: count }, (_, at) => from + at)
  const seeds = steps.map((step) => dropoutSeed(seed, task * iterations + step))
  const scalars = steps.map((step, at) =>
    settings.optimiser.scalars(updates + at + 1, learningRate * (schedule?.(step, iterations) ?? 1)),
  )
  return [
    ['seeds', int64([count], seeds)],
    ...itemAt(scalars, 0, 'step').map((_, place): [string, Tensor] => [
      `schedule/${place}`,
      float32(
        [count],
        scalars.map((numbers) => itemAt(numbers, place, 'number of the optimiser')),
      ),
    ]),
  ]
}

/** Differs from step to step of the whole run and from seed to seed; the masks are a function of it. */
const dropoutSeed = (seed: number, step: number): number => (seed % 65_536) * 2 ** 31 + step

function summarise(
  outputs: ReadonlyMap<string, Tensor>,
  losses: readonly string[],
  reports: readonly string[],
  at: { readonly task: number; readonly from: number },
): Record<string, number> {
  const summary: Record<string, number> = {}
  for (const name of losses) {
    const values = required(outputs, `loss/${name}`, 'output of the step').data as Float32Array
    let sum = 0
    for (const [offset, value] of values.entries()) {
      if (!Number.isFinite(value)) throw divergedIn(name, value, at.task, at.from + offset)
      sum += value
    }
    summary[name] = sum / values.length
  }
  for (const name of reports) {
    const report = required(outputs, `report/${name}`, 'output of the step').data as Float32Array
    const value = itemAt(report, 0, `value of the report ${name}`)
    if (!Number.isFinite(value)) throw divergedIn(name, value, at.task, at.from)
    summary[name] = value
  }
  return summary
}

const divergedIn = (term: string, value: number, task: number, step: number): TrainingError =>
  diverged(`the term "${term}" of the loss is ${value} at step ${step} of task ${task}`)
