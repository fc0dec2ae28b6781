import { z } from 'zod'
import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { type BatchPlanState, batchPlan, greedyBalanced, resumeBatchPlan } from '../data/memory/index.ts'
import { CheckpointError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import type { RandomStream } from '../tensor/random.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { memoryOf, memoryState, rememberedAndNew, someOf } from './exemplars.ts'
import type { BatchSource, ConsolidateContext, Json, Method, MethodState, TaskContext } from './method.ts'

const options = z.strictObject({
  capacity: z.int().min(1).default(500).describe('samples in the memory').meta(inUpdates('memory')),
})

export type GdumbOptions = z.input<typeof options>

const TRAINED = 'trained/'

/**
 * GDumb (Prabhu, Torr & Dokania 2020, ECCV): a greedy, class-balanced memory, and a model that is trained from scratch on that
 * memory alone. What it scores is what a memory of this size is worth without any learning from task to task.
 *
 * A task's steps are taken on the memory as the task's rows leave it, from the parameters that the model was made with; at its
 * end the model goes back to these, and is read with those that were trained. Running statistics, and the optimiser's state
 * unless it is reset with each task, go on from task to task.
 *
 * @throws UsageError `method-option` for values that make no sense; DataError `data-labels` for rows without one class each.
 * @example
 * const method = gdumb({ capacity: 500 })
 */
export function gdumb(given: GdumbOptions = {}): Method {
  const settings = settle('gdumb', options, given)
  const { capacity } = settings
  return {
    name: 'gdumb',
    settings,
    past: 'rows',
    needsBorders: false,
    oneStream: 'Its memory is balanced over all rows of a task, and replicas see shares of them.',
    corrects: true,
    sources: (sources, state, task) => {
      const all = rememberedAndNew(state, task)
      const sampler = memorySampler(all.dataset, {
        kept: keptIn(state, task),
        capacity,
        size: task.batchSize,
      })
      return sources.map((source) => (source.name === 'new' ? { ...source, ...all, sampler } : source))
    },
    consolidate: async (state, context) => {
      const { trace, parameters, model } = context
      const memory = memoryState(someOf(rememberedAndNew(state, context), chosenIn(state, context, capacity)))
      if (!trace) return { state: memory }
      const trained = [...parameters].map(([name, tensor]) => [`${TRAINED}${name}`, tensor] as const)
      return {
        state: { ...memory, tensors: new Map([...memory.tensors, ...trained]) },
        parameters: model.parameters,
      }
    },
    answer: (model, { tensors }) => ({
      ...model,
      parameters: new Map([...model.parameters, ...withoutPrefix(tensors, TRAINED)]),
    }),
    refuses: ({ name }) =>
      `gdumb trains from scratch on its own memory in each task, so ${name} has nothing to hold or to add.`,
  }
}

const keptIn = (state: MethodState, task: Pick<TaskContext, 'train'>): number => {
  const memory = memoryOf(state, task)
  return memory ? samples(memory.dataset) : 0
}

/** The memory at the task's end, as rows of what was remembered and of the task's, in this order. */
function chosenIn(state: MethodState, context: ConsolidateContext, capacity: number): Int32Array {
  const { trace, train, random } = context
  if (trace) return Int32Array.from(readPlan(trace.samplers.new).chosen)
  const kept = keptIn(state, context)
  return greedyBalanced(classLabels(train), { kept, capacity }, random('memory'))
}

interface MemoryPlan {
  readonly chosen: readonly number[]
  readonly plan: BatchPlanState
}

/** Shuffled epochs of the rows that are in the memory at the task's end. */
function memorySampler(
  dataset: Dataset,
  { size, ...asked }: { readonly kept: number; readonly capacity: number; readonly size: number },
): NonNullable<BatchSource['sampler']> {
  return ({ random, offset, saved }) => {
    const before = saved === undefined ? undefined : readPlan(saved)
    const choose = (stream: RandomStream) => [...greedyBalanced(classLabels(dataset), asked, stream)]
    const chosen = before?.chosen ?? choose(random('memory'))
    const plan = before ? resumeBatchPlan(before.plan) : batchPlan(chosen.length, size, random('draws'))
    return {
      next: (steps) => ({ rows: plan.next(steps).map((place) => offset + itemAt(chosen, place, 'row')) }),
      state: () => ({ chosen, plan: plan.state() }) satisfies MemoryPlan as unknown as Json,
    }
  }
}

/** @throws CheckpointError `gdumb-state`. */
function readPlan(json: Json | undefined): MemoryPlan {
  const state = json as unknown as Partial<MemoryPlan> | null | undefined
  if (state?.plan && Array.isArray(state.chosen)) return state as MemoryPlan
  throw new CheckpointError('gdumb-state', 'The checkpoint holds no memory of gdumb where one is expected.')
}

export const gdumbEntry = methodEntry({
  name: 'gdumb',
  summary: 'trained from scratch on a greedy, class-balanced memory alone (Prabhu et al. 2020)',
  needs: 'a fixed number',
  keeps: 'those',
  alone: 'trains on some rows of that task',
  helps: 'to see what a memory is worth without learning from task to task',
  options,
  create: gdumb,
})
