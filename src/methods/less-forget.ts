import { z } from 'zod'
import { kindOf, samples } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { scale } from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { featureDistance } from './feature-distance.ts'
import type { Method, OpeningContext } from './method.ts'
import { searched, searchedAmong } from './search.ts'
import { teacherOf, teacherState } from './teacher.ts'

const options = z.strictObject({
  featureWeight: z
    .number()
    .min(0)
    .default(0.1)
    .describe('weight of the squared distance between old and new features')
    .meta({ ...inUpdates('distillation'), ...searched(1e-3, 10) }),
  normalised: z
    .boolean()
    .default(false)
    .describe('compare features of length 1: directions alone (Hou et al. 2019)')
    .meta(searchedAmong(false, true)),
})

export type LessForgetOptions = z.input<typeof options>

const FEATURES = 'features'
/** Features of one task take this much at most, 4 GiB. */
const MOST_BYTES = 2 ** 32

/**
 * Less-forgetting learning (Jung et al. 2018, AAAI): what the head reads stays near what it read before the task. With f the
 * features of a row and f* those that the model of the last task's end had for it, each step adds weight * mean 1/2 |f - f*|^2,
 * over all rows of the batch; with `normalised` both are scaled to length 1, and it is weight * mean (1 - cos(f, f*)) (Hou et
 * al. 2019, CVPR). Old features are worked out once, when a task begins, for the rows as they are stored. The paper holds the
 * head fixed; here it trains.
 *
 * @throws UsageError `method-option`; when a task begins, `less-forget-tokens` for rows with a label a token,
 * `less-forget-mixtures` where rows are mixed, `less-forget-features` for features of more than 4 GiB; ModelError `head-missing`.
 * @example
 * const method = lessForget({ featureWeight: 0.1 })
 */
export function lessForget(given: LessForgetOptions = {}): Method {
  const settings = settle('less-forget', options, given)
  const { featureWeight, normalised } = settings
  return {
    name: 'less-forget',
    settings,
    past: 'weights',
    needsBorders: `It holds features to those of the model as a task’s end left it. ${ONLINE_MEMORY}`,
    inputs: async (state, task) => {
      refuseTokens(task)
      const teacher = teacherOf(state)
      if (teacher.size === 0 || featureWeight === 0) return new Map()
      return new Map([[FEATURES, await oldFeatures(task, teacher)]])
    },
    terms: ({ step, inputs, rows, features, mixed }) => {
      const table = inputs.get(FEATURES)
      if (!table) return {}
      if (mixed) throw mixtures()
      const old = step.op('Gather', [table, rows])
      const distance = featureDistance(step, { features: features(), held: old, normalised }, otherWidth)
      return { losses: [{ name: FEATURES, value: scale(step, distance, featureWeight) }] }
    },
    consolidate: async (_state, context) => ({ state: teacherState(context) }),
  }
}

/** Of every row of the pool, [rows, width]. */
async function oldFeatures(
  { sources, reader }: OpeningContext,
  teacher: ReadonlyMap<string, Tensor>,
): Promise<Tensor> {
  const rows = sources.reduce((sum, { dataset }) => sum + samples(dataset), 0)
  const found: Tensor<'float32'>[] = []
  for (const { dataset } of sources) {
    found.push(await reader.features(dataset, teacher))
    const bytes = rows * itemAt(itemAt(found, 0, 'part').dims, 1, 'dim') * 4
    if (bytes > MOST_BYTES) throw tooMany(rows, bytes)
  }
  return concatenateRows(found)
}

function refuseTokens({ train }: OpeningContext): void {
  if (kindOf(train) !== 'token-classification') return
  throw new UsageError(
    'less-forget-tokens',
    `less-forget holds one vector of features a row, but the labels of "${train.name}" are of tokens. Take lwf or distil.`,
  )
}

const otherWidth = (width: number, row: string): UsageError =>
  new UsageError(
    'less-forget-features',
    `Old features have ${width} numbers a row, and those in training ${row}. Leave less-forget out.`,
  )

const mixtures = (): UsageError =>
  new UsageError(
    'less-forget-mixtures',
    'less-forget holds features to those that the old model has for a row, and mixup and cutmix show it mixed with another. Leave them out, or take lwf.',
  )

const tooMany = (rows: number, bytes: number): UsageError =>
  new UsageError(
    'less-forget-features',
    `less-forget keeps the old features of all rows of a task (${rows.toLocaleString('en-US')} here), and these would take ${(bytes / 2 ** 30).toFixed(1)} GiB; 4 are the most. Take fewer rows, or lwf, which keeps none.`,
  )

export const lessForgetEntry = methodEntry({
  name: 'less-forget',
  summary: 'features held to those of the old model (Jung et al. 2018)',
  needs: 'no',
  keeps: 'a copy of the parameters',
  helps: 'same labels, other inputs; beside replay; a head that is read by features',
  options,
  create: lessForget,
})
