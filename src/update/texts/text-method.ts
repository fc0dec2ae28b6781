import type { Dataset } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import type { TopTokens } from '../../evaluate/index.ts'
import type { OpenReader } from '../../evaluate/reader.ts'
import { compose } from '../../methods/compose.ts'
import type { Method } from '../../methods/method.ts'
import { createMethod, holdsWeights, type MethodOptions, methodParts } from '../../methods/registry.ts'
import type { OldAnswers } from './old-answers.ts'
import { rehearse } from './rehearse.ts'

/** What there is to rehearse, and how much of it. */
export interface ToRehearse {
  readonly rows: Dataset
  /** As kept, by the model's own temperature, as many a token as are kept; else it is asked. */
  readonly answers: TopTokens | undefined
  /** Which of the old rows these are; undefined where they are all. */
  readonly places: Int32Array | undefined
  readonly share: number
  /** The old rows' share of a step's rows, at most. */
  readonly room: number
}

/** Methods that train on rows of a memory by classes or by a stream of their own, which texts do not have. */
const elsewhere = new Set(['joint', 'reservoir-replay', 'der', 'der++', 'a-gem', 'nearest-mean'])

/** What is distilled at where nothing else is said, and how much a token's distillation counts beside its loss. */
const usualDistillation = { temperature: 1, weight: 4 } as const

/**
 * A method's name for texts: as asked, or what the documents allow and the given model knows of them.
 *
 * @throws UsageError `method-unknown`, `method-old-data`, `method-past`, `method-texts`, `method-lora`.
 */
export function textMethodName(
  asked: string | undefined,
  {
    exemplars,
    byHeart,
    lowRank,
  }: { readonly exemplars: boolean; readonly byHeart: boolean; readonly lowRank: boolean },
): string {
  const name = asked ?? usualMethod(exemplars, byHeart)
  const parts = methodParts(name)
  const strange = parts.find((entry) => elsewhere.has(entry.name))
  if (strange) {
    throw new UsageError(
      'method-texts',
      `The method ${strange.name} does not go with the update of a language model. Take replay, distil, lwf, ewc or l2-sp, or several with +.`,
    )
  }
  const blind = parts.find(({ past }) => past === 'training')
  if (blind) {
    throw new UsageError(
      'method-past',
      `The method ${blind.name} remembers how the old was learned, and the model was trained elsewhere. Take l2-sp or lwf, which need none of it.`,
    )
  }
  const needy = parts.find((entry) => entry.past === 'rows')
  if (needy && !exemplars) {
    throw new UsageError(
      'method-old-data',
      `The method ${needy.name} needs old texts, but there are none: give them (--old), or take --method lwf.`,
    )
  }
  const penalty = parts.find(holdsWeights)
  if (penalty && lowRank) {
    throw new UsageError(
      'method-lora',
      `The method ${penalty.name} holds weights in place, but low-rank updates leave them as they are and train others. Take --rungs whole with ${penalty.name}, or low-rank updates with replay.`,
    )
  }
  return name
}

/** The shares of a model that knows by heart what it rehearses are those of its labels, and too sure of everything else. */
function usualMethod(exemplars: boolean, byHeart: boolean): string {
  if (!exemplars) return 'lwf'
  return byHeart ? 'replay' : 'replay+distil'
}

/**
 * The method of a name that was checked. `replay` mixes old texts among the new by their share; `distil` teaches the likeliest tokens of
 * what is rehearsed, at the model's own temperature unless another is asked for; others are as registered.
 *
 * Distillation is a mean over the old tokens of a step, and so that a token's counts as its loss does beside it, its weight is the old
 * rows' share of a step.
 */
export function textMethod(name: string, given: MethodOptions, rehearsed: ToRehearse | undefined): Method {
  // What is not an option of any part is refused.
  createMethod(name, given)
  const parts = methodParts(name).map((entry) => {
    if (entry.name === 'replay' && rehearsed) return rehearse(rehearsed)
    const own = Object.entries(given).filter(([option]) => Object.hasOwn(entry.options.shape, option))
    const asked = Object.fromEntries(own)
    if (entry.name !== 'distil' || !rehearsed) return createMethod(entry.name, asked)
    const weight = Number(asked.distillationWeight ?? usualDistillation.weight) * rehearsed.room
    const { temperature = usualDistillation.temperature } = asked
    return createMethod('distil', { ...asked, temperature, distillationWeight: weight })
  })
  return compose(...parts)
}

/** Whether a method mixes old texts among the new. */
export const rehearses = (name: string): boolean => methodParts(name).some((entry) => entry.name === 'replay')

/**
 * A reader that takes what the given model says of rows that are rehearsed from where each is asked for once: answers that a pack kept, by
 * the model's own temperature and as many a token as there are, else from the model.
 */
export const knowing = (
  reader: OpenReader,
  { rows, answers, places }: Pick<ToRehearse, 'rows' | 'answers' | 'places'>,
  asked: OldAnswers,
): OpenReader => ({
  ...reader,
  topTokens: async (dataset, options) => {
    if (dataset.inputs !== rows.inputs) return reader.topTokens(dataset, options)
    return answers && (options.temperature ?? 1) === 1 ? answers : asked.at(places, options)
  },
})
