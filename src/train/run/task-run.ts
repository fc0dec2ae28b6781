import { createPool, type Pool } from '../../data/memory/index.ts'
import { takeRows } from '../../data/rows.ts'
import { inPlace, isSourced } from '../../data/spilled-rows.ts'
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
import type { Tensor } from '../../tensor/tensor.ts'
import { augmentationOf, stepDraws } from '../augment/index.ts'
import {
  batchWidth,
  buildStep,
  createBatchSampler,
  drawName,
  inOrder,
  likeLengths,
  rowWeights,
  type StepGraph,
  stepLengths,
  taskMasks,
} from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
import { diverged } from './diverged.ts'
import type { LearnOptions } from './options.ts'
import { byNeed, type Planned, saidTogether } from './planned-steps.ts'
import { type OpenGraph, openGraphs } from './step-graphs.ts'
import { stepNumbers } from './step-numbers.ts'

/** What steps in several places took beside computing. */
export interface Exchanged {
  readonly bytes: number
  /** Places that did not deliver. */
  readonly missed: readonly number[]
}

/** One task being trained: its batches and its program. */
export interface TaskRun {
  /** Does `count` steps from `step` on, in one call. Returns the mean of each loss term, and the reports. */
  steps(step: number, count: number): Promise<Record<string, number>>
  /** The live state; later steps write over it. */
  tensors(): Promise<ReadonlyMap<string, Tensor>>
  snapshot(): Promise<Map<string, Tensor>>
  samplers(): { readonly [source: string]: Json }
  /** Optimiser steps done so far. */
  updates(): number
  /** What steps read on average, as a share of what the longest do: 0..1, below 1 where rows are texts of uneven length. */
  readonly share: number
  /** What was exchanged with others for the steps since this was last asked; undefined where nobody else takes part. */
  exchanged?(): Exchanged | undefined
  dispose(): Promise<void>
}

/** How a task is trained. */
export type TaskOptions = Pick<
  LearnOptions,
  'engine' | 'model' | 'method' | 'settings' | 'iterations' | 'learningRate' | 'schedule' | 'seed'
> & {
  /** What a method's questions about the model are answered by; default one made for the task. */
  readonly reader?: Reader | undefined
  /** Whether all steps read rows as long as the longest, to be timed. Default false: rows of texts are read in a few lengths. */
  readonly longest?: boolean | undefined
}

/** What batches are made of: the new data, and what the method adds. */
export function taskSources(method: Method, state: MethodState, task: TaskContext): readonly BatchSource[] {
  const fresh: BatchSource = {
    name: 'new',
    dataset: task.train,
    tasks: task.index,
    size: task.batchSize,
    weight: 1,
    ...(task.order && { sampler: inOrder(task.order, task.batchSize) }),
  }
  return method.sources?.([fresh], state, task) ?? [fresh]
}

/** Where a task is gone on with; its tensors are those of {@link stateAtStart}, or of a snapshot. */
export type TaskState = Pick<RunState, 'updates' | 'tensors' | 'method' | 'samplers'>

/** One that computes here, and can be set to another state of the same task. */
export interface LocalTaskRun extends TaskRun {
  restore(state: Pick<TaskState, 'updates' | 'tensors' | 'samplers'>): void
}

/** How a task is opened where `state` stands, in the middle of it too. */
export type OpenTask = (options: TaskOptions, task: TaskContext, state: TaskState) => Promise<TaskRun>

/** Opens a task that computes here. */
export async function openTask(
  options: TaskOptions,
  task: TaskContext,
  state: TaskState,
): Promise<LocalTaskRun> {
  const { model, method, settings, engine, seed, iterations } = options
  // As the stream counts: what is drawn does not depend on whether the model had learned something before.
  const place = task.given ? task.index - 1 : task.index
  const sources = taskSources(method, state.method, task)
  const pool = createPool(sources)
  const augmentation = augmentationOf(settings.augment, task.train)
  const constants = await methodInputs(options, { ...task, train: task.train, sources }, state.method)
  const slots = withoutPrefix(state.tensors, 'slot/')
  const lengths = stepLengths(model, sources)
  const channelBlock = await engine.channelBlock?.()
  const graphs = await openGraphs(engine, state.tensors, lengths, (length) =>
    buildStep({
      ...{ model, settings, method, state: state.method, task, iterations },
      ...{
        pool,
        sources,
        augmentation,
        constants,
        slots,
        length,
        graphs: lengths?.lengths.length,
        flat: engine.flat,
        channelBlock,
      },
    }),
  )
  const random = (source: string) => randomStream(seed, `batches/${place}/${source}`)
  const open = (saved: TaskState['samplers']) => createBatchSampler(sources, pool, random, saved)
  // What is met in an order stays in it.
  const samplerAt = (saved: TaskState['samplers']) =>
    lengths && !task.order
      ? likeLengths({ sources, ...lengths, offsets: pool.offsets, random, saved, open })
      : open(saved)
  let sampler = samplerAt(state.samplers)
  const width = batchWidth(sources)
  const needs = options.longest ? lengths?.needs.map(() => lengths.lengths.length - 1) : lengths?.needs
  const fixed = new Map<string, Tensor>([
    ...[...constants].map(([key, tensor]) => [`method/${key}`, tensor] as const),
    ['pool/tasks', pool.tasks],
    ['masks', taskMasks(task)],
    ['weights', rowWeights(sources)],
    ...(isSourced(pool)
      ? []
      : ([
          ['pool/inputs', pool.inputs],
          ['pool/labels', pool.labels],
        ] as const)),
  ])
  const stillFor = new Map<StepGraph, ReadonlyMap<string, Tensor>>()
  const stillOf = (step: StepGraph): ReadonlyMap<string, Tensor> => {
    const found = stillFor.get(step) ?? new Map([...fixed].filter(([name]) => step.inputs.has(name)))
    stillFor.set(step, found)
    return found
  }
  const draws = (from: number, count: number): [string, Tensor][] => {
    if (!augmentation) return []
    const drawn = stepDraws({ ...augmentation, sources, seed, task: place, from, count })
    return [...drawn].map(([name, tensor]) => [drawName(name), tensor])
  }
  let { updates } = state
  const run = async (
    { step, program }: OpenGraph,
    { from, count, rows, columns }: Planned,
  ): Promise<Record<string, number>> => {
    const at = { task: place, from, count, updates }
    const feeds = new Map<string, Tensor>([
      ...columns,
      ...draws(from, count),
      ...rowFeeds(pool, { type: 'int32', dims: [count, width], data: rows }),
      ...stepNumbers(options, at),
    ])
    const outputs = await program.run(
      new Map([...feeds].filter(([name]) => step.inputs.has(name))),
      stillOf(step),
    )
    updates += count
    return summarise(outputs, step.losses, step.reports, at)
  }
  const call = async (from: number, count: number): Promise<Record<string, number>> => {
    if (engine.flat && count > 1) {
      const each: { readonly count: number; readonly said: Record<string, number> }[] = []
      for (let at = 0; at < count; at++) each.push({ count: 1, said: await call(from + at, 1) })
      return saidTogether(each, graphs.longest.step)
    }
    const planned = { from, count, ...sampler.next(count) }
    if (!needs) return run(graphs.longest, planned)
    const parts: { readonly count: number; readonly said: Record<string, number> }[] = []
    for (const part of byNeed(planned, width, needs)) {
      parts.push({ count: part.count, said: await run(await graphs.of(part.need), part) })
    }
    return saidTogether(parts, graphs.longest.step)
  }
  const { program, step } = graphs.longest
  // What other tasks' models have and this one does not.
  const trained = new Set(step.slots.map(({ input }) => input))
  const aside = [...state.tensors].filter(([name]) => !trained.has(name) && !name.startsWith('best/'))
  return {
    steps: call,
    tensors: async () => new Map([...aside, ...(await program.state())]),
    snapshot: async () => new Map([...aside, ...(await program.snapshot())]),
    samplers: () => sampler.state(),
    updates: () => updates,
    restore: (at) => {
      program.restore(at.tensors)
      sampler = samplerAt(at.samplers)
      updates = at.updates
    },
    share: lengths?.share ?? 1,
    dispose: () => graphs.dispose(),
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

/** The rows of a call, and what they are where the pool is read of a source. */
function rowFeeds(pool: Pool, rows: Tensor<'int32'>): [string, Tensor][] {
  const given: [string, Tensor][] = [['rows', rows]]
  if (!isSourced(pool)) return given
  return [
    ...given,
    ['pool/inputs', takeRows(pool.inputs, rows.data)],
    ['pool/labels', takeRows<'int32' | 'float32'>(pool.labels, rows.data)],
    ['places', inPlace(rows)],
  ]
}

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
