import { createPool } from '../../data/memory/index.ts'
import { loadProgram } from '../../engine/program.ts'
import { TrainingError } from '../../errors.ts'
import type { BatchSource, Json, TaskContext } from '../../methods/method.ts'
import type { Task } from '../../tasks/stream.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { buildStep, createBatchSampler, taskMasks } from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
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

/** Opens a task where `state` stands, in the middle of it too. */
export async function openTask(options: LearnOptions, task: Task, state: RunState): Promise<TaskRun> {
  const { model, stream, method, settings, engine, seed } = options
  const train = task.train
  const context: TaskContext = { stream, index: task.index, train, batchSize: options.batchSize }
  const base: BatchSource = {
    name: 'new',
    dataset: train,
    tasks: task.index,
    size: options.batchSize,
    weight: 1,
  }
  const sources = method.sources?.([base], state.method, context) ?? [base]
  const pool = createPool(sources)
  const step = buildStep({ model, settings, method, state: state.method, task: context, pool, sources })
  const program = await loadProgram(engine, step.bytes, step.slots, state.tensors)
  const random = (source: string) => randomStream(seed, `batches/${task.index}/${source}`)
  const sampler = createBatchSampler(sources, pool, random, state.samplers)
  const width = sources.reduce((sum, { size }) => sum + size, 0)
  const fixed = new Map<string, Tensor>([
    ...step.constants,
    ['pool/inputs', pool.inputs],
    ['pool/labels', pool.labels],
    ['pool/tasks', pool.tasks],
    ['masks', taskMasks(stream)],
    ['weights', rowWeights(sources, width)],
  ])
  let { updates } = state
  const call = async (from: number, count: number): Promise<Record<string, number>> => {
    const first = updates
    const scalars = Array.from({ length: count }, (_, at) =>
      settings.optimiser.scalars(
        first + at + 1,
        options.learningRate * (options.schedule?.(from + at, options.iterations) ?? 1),
      ),
    )
    const feeds = new Map<string, Tensor>(fixed)
      .set('rows', { type: 'int32', dims: [count, width], data: sampler.next(count) })
      .set(
        'seeds',
        int64(
          [count],
          Array.from({ length: count }, (_, at) =>
            dropoutSeed(seed, task.index * options.iterations + from + at),
          ),
        ),
      )
    scalars[0]?.forEach((_, index) => {
      feeds.set(
        `schedule/${index}`,
        float32(
          [count],
          scalars.map((numbers) => numbers[index] ?? 0),
        ),
      )
    })
    const outputs = await program.run(new Map([...feeds].filter(([name]) => step.inputs.has(name))))
    updates += count
    return summarise(outputs, step.losses, step.reports, { task: task.index, from })
  }
  return {
    steps: call,
    tensors: () => program.state(),
    snapshot: () => program.snapshot(),
    samplers: () => sampler.state(),
    updates: () => updates,
    dispose: () => program.dispose(),
  }
}

/** Differs from step to step of the whole run and from seed to seed; the masks are a function of it. */
const dropoutSeed = (seed: number, step: number): number => (seed % 65_536) * 2 ** 31 + step

/**
 * The factor of each row's loss. The loss is a mean over all rows of the batch, so a part of `size` rows that carries
 * the share `weight` gets weight * rows / size.
 */
function rowWeights(sources: readonly BatchSource[], width: number): Tensor<'float32'> {
  return float32(
    [width, 1],
    sources.flatMap(({ size, weight }) => new Array<number>(size).fill((weight * width) / size)),
  )
}

function summarise(
  outputs: ReadonlyMap<string, Tensor>,
  losses: readonly string[],
  reports: readonly string[],
  at: { readonly task: number; readonly from: number },
): Record<string, number> {
  const summary: Record<string, number> = {}
  for (const name of losses) {
    const values = outputs.get(`loss/${name}`)?.data as Float32Array
    let sum = 0
    for (const [offset, value] of values.entries()) {
      if (!Number.isFinite(value)) throw diverged(name, value, at.task, at.from + offset)
      sum += value
    }
    summary[name] = sum / values.length
  }
  for (const name of reports) {
    const [value = Number.NaN] = (outputs.get(`report/${name}`)?.data ?? []) as Float32Array
    if (!Number.isFinite(value)) throw diverged(name, value, at.task, at.from)
    summary[name] = value
  }
  return summary
}

const diverged = (term: string, value: number, task: number, step: number): TrainingError =>
  new TrainingError(
    'diverged',
    `Training diverged: the term "${term}" of the loss is ${value} at step ${step} of task ${task}. The last checkpoint stands. ` +
      'Lower the learning rate, or, where a penalty is large, use its proximal step (--ewc-step proximal).',
  )
