import { type Dataset, kindOf, samples } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { cast, scalar, sub, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import type { BatchSource, OpeningContext, StepContext, TaskContext } from './method.ts'

// What the old model says of rows of the pool, asked once when a task begins, and how a step reads it: the logits of each row,
// or of texts in a large vocabulary the likeliest tokens.

/** Answers of one task take this much at most, 4 GiB. */
const MOST_BYTES = 2 ** 32

export interface AnswersAsked {
  /** The old model's parameters and buffers. */
  readonly teacher: ReadonlyMap<string, Tensor>
  readonly temperature: number
  /** Of texts, the likeliest tokens of a place that are kept. */
  readonly topTokens: number
}

/**
 * The old answers for the rows that are distilled on: all sources', or those of all but the new ones. By `all/…` or `past/…` (`some/…` where
 * batches have new rows among the others), and `logits` [rows, ...], or `ids` and `shares` [rows, T, k].
 *
 * @throws UsageError `distil-answers` where they would take more than 4 GiB.
 */
export async function oldAnswers(
  task: OpeningContext,
  asked: AnswersAsked,
): Promise<ReadonlyMap<string, Tensor>> {
  const fresh = onNewRows(task)
  const sources = task.sources.filter(({ name }) => fresh || name !== 'new')
  if (sources.length === 0) return new Map()
  const which = fresh ? 'all' : sources.some(({ mixed }) => mixed) ? 'some' : 'past'
  const top = keepsTop(task, asked.topTokens)
  refuseMany(task, sources, top ? 2 * asked.topTokens : task.outputs)
  const { teacher: weights, temperature, topTokens: k } = asked
  const each = async <T>(ask: (dataset: Dataset) => Promise<T>): Promise<T[]> => {
    const found: T[] = []
    for (const { dataset } of sources) found.push(await ask(dataset))
    return found
  }
  if (!top) {
    const logits = await each((dataset) => task.reader.logits(dataset, weights))
    return new Map([[`${which}/logits`, concatenateRows(logits)]])
  }
  const found = await each((dataset) => task.reader.topTokens(dataset, { k, temperature, weights }))
  return new Map<string, Tensor>([
    [`${which}/ids`, concatenateRows(found.map(({ ids }) => ids))],
    [`${which}/shares`, concatenateRows(found.map(({ logProbabilities }) => logProbabilities))],
  ])
}

/** Whether the likeliest tokens take less than all logits, of texts whose units are all old. */
const keepsTop = (task: TaskContext, k: number): boolean =>
  kindOf(task.train) === 'token-classification' && 2 * k < task.outputs && taughtOf(task) === undefined

/** Answers as a step finds them: which rows of the batch they are for, and what each says. */
export interface StepAnswers {
  /** The first row of the batch that is distilled on; all behind it are. */
  readonly from: number
  /** A tensor of {@link oldAnswers} at rows of the pool. */
  readonly at: (name: 'logits' | 'ids' | 'shares' | 'features', rows: Value) => Value | undefined
  /** 1 for rows that there are answers for and 0 for others, float32 [rows]; undefined where there are for all. */
  readonly answered: (rows: Value) => Value | undefined
}

export function stepAnswers({ inputs, sources, step, asFarAsRead }: StepContext): StepAnswers | undefined {
  const [key] = inputs.keys()
  if (key === undefined) return undefined
  const [which = ''] = key.split('/')
  const others = [...sources].filter(([name]) => which === 'all' || name !== 'new')
  // The new rows lie first, in the batch and in the pool.
  const offset = Math.min(...others.map(([, rows]) => rows.offset))
  const placeOf = (rows: Value): Value => (offset === 0 ? rows : sub(step, rows, scalar(step, offset, rows)))
  return {
    from: which === 'all' ? 0 : required(sources, 'new', 'source').size,
    at: (name, rows) => {
      const table = inputs.get(`${which}/${name}`)
      const places = placeOf(rows)
      const known = which === 'some' ? step.op('Max', [places, scalar(step, 0, places)]) : places
      const found = table && step.op('Gather', [table, known])
      return found && found.dims.length > 2 ? asFarAsRead(found) : found
    },
    answered: (rows) => {
      if (which !== 'some') return undefined
      return cast(step, step.op('GreaterOrEqual', [rows, scalar(step, offset, rows)]), 'float32')
    },
  }
}

/**
 * Whether new rows are distilled on: where they have classes that are new, as this leaves the old answers for them free of any label, and
 * where nothing is remembered.
 */
function onNewRows({ sources, units, index }: OpeningContext): boolean {
  const remembered = sources.some(({ name, weight }) => name !== 'new' && weight > 0)
  const known = new Set(units.slice(0, index).flat())
  return !remembered || units[index]?.some((unit) => !known.has(unit)) === true
}

/** The units of past tasks. */
export const pastUnits = ({ units, index }: TaskContext): readonly number[] =>
  [...new Set(units.slice(0, index).flat())].sort((a, b) => a - b)

/** The units whose old answers say something; undefined where these are all, or each task has a head of its own, told apart by masks. */
export function taughtOf(task: TaskContext): readonly number[] | undefined {
  const past = pastUnits(task)
  return task.scenario === 'task' || past.length === task.outputs ? undefined : past
}

function refuseMany(task: TaskContext, sources: readonly BatchSource[], numbers: number): void {
  const { labels } = task.train
  const places = kindOf(task.train) === 'token-classification' ? sizeOf(labels.dims.slice(1)) : 1
  const rows = sources.reduce((sum, { dataset }) => sum + samples(dataset), 0)
  const bytes = rows * places * numbers * 4
  if (bytes <= MOST_BYTES) return
  const size = (bytes / 2 ** 30).toFixed(1)
  const name = itemAt(sources, 0, 'source').dataset.name
  throw new UsageError(
    'distil-answers',
    `distil keeps the old model's answers to all rows that it teaches on ("${name}" and what stands beside it, ${rows.toLocaleString('en-US')} rows), and these would take ${size} GiB; 4 are the most. ${places > 1 ? 'Keep fewer likely tokens for each place, take fewer rows, or take lwf' : 'Take fewer rows, or lwf'}, which computes the answers in each step and keeps none.`,
  )
}
