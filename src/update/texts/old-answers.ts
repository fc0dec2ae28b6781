import { type Dataset, samples, subset } from '../../data/dataset.ts'
import { concatenateRows, takeRows } from '../../data/rows.ts'
import { type TopTokens, type TopTokensOptions, topTokens } from '../../evaluate/index.ts'
import { itemAt } from '../../required.ts'
import { measuring } from './measuring.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** What the given model thinks likeliest at rows of a data set. */
export interface OldAnswers {
  /** @param places Which rows; default all. */
  at(places: Int32Array | undefined, options: Pick<TopTokensOptions, 'k' | 'temperature'>): Promise<TopTokens>
}

/** Answers, and where those of each row stand among them; -1 where it was not asked for. */
interface Known {
  readonly places: Int32Array
  answers: TopTokens | undefined
}

/** Each row is asked for once, whichever rungs rehearse it. */
export function openOldAnswers(
  options: Pick<TextUpdateOptions, 'engine' | 'model' | 'onEvent'>,
  rows: Dataset,
): OldAnswers {
  const all = samples(rows)
  const asked = new Map<string, Known>()
  return {
    at: async (places = Int32Array.from({ length: all }, (_, row) => row), { k, temperature = 1 }) => {
      const key = `${k} at ${temperature}`
      const known = asked.get(key) ?? { places: new Int32Array(all).fill(-1), answers: undefined }
      asked.set(key, known)
      const missing = places.filter((row) => known.places[row] === -1)
      if (missing.length > 0) {
        const { engine, model } = options
        const fresh = await topTokens(engine, model, subset(rows, missing), {
          ...{ k, temperature, onRows: measuring(options, 'the likeliest tokens of old documents') },
        })
        const from = known.answers ? itemAt(known.answers.ids.dims, 0, 'axis') : 0
        known.answers = known.answers ? joined(known.answers, fresh) : fresh
        for (const [at, row] of missing.entries()) known.places[row] = from + at
      }
      return taken(known, places)
    },
  }
}

const joined = (one: TopTokens, other: TopTokens): TopTokens => ({
  ids: concatenateRows([one.ids, other.ids]),
  logProbabilities: concatenateRows([one.logProbabilities, other.logProbabilities]),
})

function taken({ places: found, answers }: Known, places: Int32Array): TopTokens {
  if (!answers) throw new RangeError('No row was asked for.')
  const at = places.map((row) => itemAt(found, row, 'row'))
  if (at.length === itemAt(answers.ids.dims, 0, 'axis') && at.every((row, place) => row === place))
    return answers
  return { ids: takeRows(answers.ids, at), logProbabilities: takeRows(answers.logProbabilities, at) }
}
