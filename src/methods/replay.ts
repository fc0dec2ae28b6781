import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry } from './entry.ts'
import { type ExemplarChoice, exemplarChoices, withChosen } from './exemplar-choice.ts'
import { memoryOf, memorySources, weighted } from './exemplars.ts'
import { replayBatch as batchOption, perClass as exemplarsPerClass } from './memory-options.ts'
import type { Method, TaskContext } from './method.ts'
import {
  fillReservoir,
  keepReservoir,
  RESERVOIR_IN_ONE_STREAM,
  readReservoir,
  reservoirSource,
} from './reservoir.ts'
import { candidatesOf, type Retrieval, retrievalOptions, retrieved } from './retrieval.ts'
import { searched, searchedAmong } from './search.ts'
import { sharedSources } from './share-sampler.ts'

const shared = {
  replayBatch: batchOption,
  newShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('the new data’s share of the loss; default one part of as many as there are tasks so far')
    .meta({ ...inUpdates('share'), ...searched(0.1, 0.9, 'linear') }),
}
const balancedSchema = z.strictObject({
  perClass: exemplarsPerClass,
  exemplarChoice: z
    .enum(exemplarChoices)
    .default('random')
    .describe(
      'which rows of a class are kept: any, those that keep its mean feature, or those of the largest loss',
    )
    .meta(searchedAmong(...exemplarChoices)),
  ...shared,
  oldShare: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      'share of a step’s rows that are old, where steps are to have as many rows as without replay and each row counts the same',
    ),
})
const onlineSchema = z.strictObject({
  capacity: z.int().default(1000).describe('samples in the memory').meta(inUpdates('memory')),
  ...shared,
  newShare: shared.newShare.describe('the new data’s share of the loss; default half'),
  ...retrievalOptions,
})

export interface ReplayOptions {
  /** Exemplars kept a class, chosen at each task's end. Default 100. */
  readonly perClass?: number
  /** With `perClass`: which rows of a class these are. Default any, at random. */
  readonly exemplarChoice?: ExemplarChoice | undefined
  /** Instead: one memory of this many samples for the whole stream, filled online by reservoir sampling. */
  readonly capacity?: number
  /** Replayed rows a step; default as many as new ones. */
  readonly batchSize?: number
  /** The new data's share of the loss at the k-th task (counted from 1). Default 1/k; 1/2 for the online reservoir. */
  readonly newShare?: (task: number) => number
  /**
   * With `perClass`, in place of `batchSize` and `newShare`: the share of the rows of all steps that are old ones, in (0, 1). Steps have as
   * many rows as without replay, and each counts the same in the loss: what is called replay of 1, 5 or 25 % where language models go on
   * learning (Ibrahim et al. 2024, TMLR, arXiv 2403.08763).
   */
  readonly oldShare?: number | undefined
  /** With `capacity`: which of the rows drawn are replayed. Default all of them, at random. */
  readonly retrieval?: Retrieval | undefined
  /** Rows drawn a step, to choose those that are replayed from. Default twice as many as these. */
  readonly candidates?: number | undefined
}

/**
 * Experience replay: stored examples are mixed into every batch (Rolnick et al. 2019; Chaudhry et al. 2019).
 *
 * With `perClass`, the protocol of van de Ven et al. 2022: exemplars chosen at random at a task's end, loss 1/k L_new +
 * (1 - 1/k) L_replay; task-incremental streams replay ceil(batch / (k - 1)) rows of each past task, each with its own
 * head. With `capacity`, an online reservoir that never needs to know where a task ends.
 *
 * @throws UsageError `replay-memory` for a memory of no samples, or both kinds at once; `replay-share` for a share of old rows that is
 * none, that leaves new rows no place, or beside another way of dividing steps; `replay-retrieval`.
 * @example
 * const method = replay({ perClass: 100 })
 */
export function replay(options: ReplayOptions = {}): Method {
  const { perClass, capacity } = options
  if (perClass !== undefined && capacity !== undefined) {
    throw new UsageError(
      'replay-memory',
      'Replay keeps either a number of samples per class or a reservoir of a capacity, not both.',
    )
  }
  const size = capacity ?? perClass ?? balancedSchema.parse({}).perClass
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new UsageError('replay-memory', `Replay's memory must hold at least 1 sample; ${size} was given.`)
  }
  checkShare(options)
  if (capacity === undefined && (options.retrieval ?? 'uniform') !== 'uniform') {
    throw new UsageError('replay-retrieval', 'retrieval chooses among rows of a reservoir: give a capacity.')
  }
  return capacity === undefined ? balanced(size, options) : online(size, options)
}

function checkShare({ oldShare, capacity, batchSize, newShare }: ReplayOptions): void {
  if (oldShare === undefined) return
  const refuse = (what: string): never => {
    throw new UsageError('replay-share', what)
  }
  if (!(oldShare > 0 && oldShare < 1)) {
    refuse(`The share of old rows in a step is a number between 0 and 1; ${oldShare} was given.`)
  }
  if (capacity !== undefined) refuse('oldShare is for a memory that is filled at a task’s end (perClass).')
  if (batchSize !== undefined || newShare !== undefined) {
    refuse('oldShare says how steps are divided, and so do replayBatch and newShare: leave one of them out.')
  }
}

function balanced(perClass: number, options: ReplayOptions): Method {
  const { oldShare, exemplarChoice = 'random' } = options
  return {
    name: 'replay',
    settings: {
      ...{ perClass, batchSize: options.batchSize ?? null },
      ...(oldShare !== undefined && { oldShare }),
      ...(exemplarChoice !== 'random' && { exemplarChoice }),
    },
    past: 'rows',
    needsBorders: `Its memory is filled when a task ends. ${ONLINE_MEMORY}`,
    sources: (sources, state, task) => {
      const memory = memoryOf(state, task)
      if (!memory) return sources
      if (oldShare !== undefined)
        return sharedSources(sources, memory, { share: oldShare, batchSize: task.batchSize })
      const share = options.newShare?.(task.index + 1) ?? 1 / (task.index + 1)
      const size = options.batchSize ?? task.batchSize
      return [
        ...weighted(sources, share),
        ...memorySources(memory, task, { name: 'replay', size, weight: 1 - share }),
      ]
    },
    consolidate: async (state, context) => ({
      state: await withChosen(state, context, perClass, exemplarChoice),
    }),
  }
}

function online(capacity: number, options: ReplayOptions): Method {
  const { retrieval = 'uniform' } = options
  const shareOf = ({ index }: TaskContext): number => options.newShare?.(index + 1) ?? 0.5
  const sizeOf = ({ batchSize }: TaskContext): number => options.batchSize ?? batchSize
  return {
    name: 'reservoir-replay',
    settings: {
      ...{ capacity, batchSize: options.batchSize ?? null },
      ...(retrieval !== 'uniform' && { retrieval, candidates: options.candidates ?? null }),
    },
    past: 'rows',
    needsBorders: false,
    oneStream: RESERVOIR_IN_ONE_STREAM,
    sources: (sources, state, task) => {
      const share = shareOf(task)
      const size = candidatesOf(options, sizeOf(task))
      const distinct = retrieval !== 'uniform'
      return [
        ...weighted(sources, share),
        reservoirSource({ capacity, size, weight: 1 - share, distinct }, state, task),
      ]
    },
    ...(retrieval !== 'uniform' && {
      terms: (context, _state, task) =>
        retrieved(context, task, { retrieval, size: sizeOf(task), weight: 1 - shareOf(task) }),
    }),
    consolidate: async (state, context) => {
      if (!context.trace) return { state: fillReservoir(capacity, context, context.random('reservoir')) }
      const reservoir = readReservoir(context.trace.samplers.replay)
      return { state: keepReservoir(state, reservoir, context).state }
    },
  }
}

type Asked = Partial<z.output<typeof balancedSchema> & z.output<typeof onlineSchema>>

const create = ({ replayBatch, newShare, ...memory }: Asked): Method =>
  replay({
    ...memory,
    ...(replayBatch === undefined ? {} : { batchSize: replayBatch }),
    ...(newShare === undefined ? {} : { newShare: () => newShare }),
  })

export const replayEntry = methodEntry({
  name: 'replay',
  summary: 'exemplars of each class, chosen at random at a task’s end, in every batch',
  needs: 'a few of each class',
  keeps: 'those',
  helps: 'everything, new classes first of all',
  options: balancedSchema,
  create,
})

export const reservoirReplayEntry = methodEntry({
  name: 'reservoir-replay',
  summary: 'one memory for the whole stream, filled online by reservoir sampling',
  needs: 'a fixed number',
  keeps: 'those',
  alone: 'rehearses rows of that task',
  helps: 'streams without clear task borders',
  options: onlineSchema,
  create,
})
