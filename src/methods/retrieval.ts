import { z } from 'zod'
import { kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { rowCrossEntropies } from '../model/losses/index.ts'
import {
  add,
  cast,
  type Emitter,
  mul,
  reduceSum,
  reshape,
  scalar,
  scale,
  sub,
  type Value,
} from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32 } from '../tensor/tensor.ts'
import type { Named, StepContext, StepTerms, TaskContext } from './method.ts'
import { searchedAmong } from './search.ts'
import { rowsOfBatch } from './teacher.ts'

const retrievals = ['uniform', 'interfered', 'hardest'] as const

/**
 * Which rows of a memory a step replays:
 * - `uniform`: any
 * - `interfered`: those whose loss the coming step on new rows would raise most (MIR: Aljundi et al. 2019, NeurIPS)
 * - `hardest`: those of the largest loss
 */
export type Retrieval = (typeof retrievals)[number]

export const retrievalOptions = {
  retrieval: z
    .enum(retrievals)
    .default('uniform')
    .describe(
      'which of the rows drawn are replayed: any, those that the step on new rows would hurt most, or those of the largest loss',
    )
    .meta(searchedAmong(...retrievals)),
  candidates: z
    .int()
    .min(1)
    .optional()
    .describe('rows drawn a step, to choose those that are replayed from; default twice as many as these'),
}

/** Rows that are drawn a step, for `size` that are replayed. */
export function candidatesOf(
  {
    retrieval = 'uniform',
    candidates,
  }: { readonly retrieval?: Retrieval | undefined; readonly candidates?: number | undefined },
  size: number,
): number {
  if (retrieval === 'uniform') return size
  const drawn = candidates ?? 2 * size
  if (drawn >= size) return drawn
  throw new UsageError(
    'retrieval-candidates',
    `${size} rows a step are replayed, so at least as many have to be drawn to choose from; candidates is ${drawn}. Draw more, or replay fewer.`,
  )
}

export interface RetrievedRows {
  readonly retrieval: Exclude<Retrieval, 'uniform'>
  /** Rows that are replayed. */
  readonly size: number
  /** The share of the loss that the rows drawn carry, all alike. */
  readonly weight: number
}

/**
 * Shifts the loss of the rows drawn to the best `size` of them: weight (mean of the chosen - mean of all), which is added to what all
 * of them carry. With `interfered` the score of a row is l(theta - lr g) - l(theta), g the gradient of the loss on the new rows and l the
 * row's loss as at inference; with `hardest` it is l(theta).
 *
 * @throws UsageError `retrieval-labels` for rows without one class each, `retrieval-mixtures` where rows are mixed.
 */
export function retrieved(
  context: StepContext,
  { train }: TaskContext,
  { retrieval, size, weight }: RetrievedRows,
): StepTerms {
  if (kindOf(train) !== 'classification' || context.mixed)
    throw refused(train.name, context.mixed !== undefined)
  const { step, sources, loss } = context
  const range = required(sources, 'replay', 'source')
  if (range.size === size) return {}
  const now = rowLosses(context, context.parameters)
  const score = retrieval === 'hardest' ? now : sub(step, rowLosses(context, stepped(context)), now)
  const chosen = reshape(step, amongBest(step, score, size), [range.size, 1])
  const factors = scale(step, chosen, range.size / size)
  const shifted = loss(range, sub(step, factors, scalar(step, 1, factors)))
  return { losses: [{ name: 'retrieval', value: scale(step, shifted, weight) }] }
}

/** The loss of each row drawn, as at inference with given parameters. */
function rowLosses({ step, sources, batch, labels, mask, forward }: StepContext, parameters: Named): Value {
  const range = required(sources, 'replay', 'source')
  const part = (value: Value): Value => rowsOfBatch(step, value, range)
  const own = mask && (mask.dims[0] === 1 ? mask : part(mask))
  return rowCrossEntropies(step, forward(part(batch), parameters), part(labels), own ? { mask: own } : {})
}

/** theta - lr g: a plain step on the new rows. */
function stepped({ step, sources, parameters, loss, gradients, learningRate }: StepContext): Named {
  const found = gradients(loss(required(sources, 'new', 'source')))
  return new Map(
    [...parameters].map(([name, parameter]) => [
      name,
      sub(step, parameter, mul(step, learningRate, required(found, name, 'gradient'))),
    ]),
  )
}

/** 1 for the `size` largest of some numbers, 0 for others, [n]; of equal ones the first. */
function amongBest(emit: Emitter, scores: Value, size: number): Value {
  const n = itemAt(scores.dims, 0, 'dim')
  const before = float32([n, n])
  for (let row = 0; row < n; row++) before.data.fill(1, row * n, row * n + row)
  const [own, others] = [reshape(emit, scores, [n, 1]), reshape(emit, scores, [1, n])]
  const larger = cast(emit, emit.op('Greater', [others, own]), 'float32')
  const first = mul(emit, cast(emit, emit.op('Equal', [others, own]), 'float32'), emit.constant(before))
  const rank = reduceSum(emit, add(emit, larger, first), [1])
  return cast(emit, emit.op('Less', [rank, scalar(emit, size, rank)]), 'float32')
}

const refused = (dataset: string, mixed: boolean): UsageError =>
  mixed
    ? new UsageError(
        'retrieval-mixtures',
        'Rows are chosen for replay by their own loss, and mixup and cutmix show each mixed with another. Leave them out, or retrieval.',
      )
    : new UsageError(
        'retrieval-labels',
        `Rows are chosen for replay by the loss of one class each, which the labels of "${dataset}" are not. Leave retrieval out.`,
      )
