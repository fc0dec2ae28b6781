import { type PredictionSet, probabilityOf } from '../../data/formats/index.ts'
import { spellingKey } from '../../data/names/index.ts'
import { DataError } from '../../errors.ts'
import { binomialCdf } from '../../measure/binomial.ts'

const shown = (names: Iterable<string>): string => {
  const all = [...names]
  const first = all.slice(0, 3).map((name) => `"${name}"`)
  return `${first.join(', ')}${all.length > 3 ? ', …' : ''}`
}

/**
 * Refuses predictions that can never be right since they spell classes otherwise than the labels do: where none of them is
 * a label, and where one differs from a label, which is never predicted, in spelling alone (`spellingKey`).
 *
 * @throws DataError `predictions-spelling` with both spellings.
 */
export function refuseSpelling({ name, predictions }: PredictionSet): void {
  const labels = new Set(predictions.map(({ label }) => label))
  const answers = new Set(predictions.map(({ pred }) => pred))
  const strange = [...answers].filter((answer) => !labels.has(answer))
  if (strange.length === answers.size) {
    throw new DataError(
      'predictions-spelling',
      `${name}: none of its predictions is among the labels: it predicts ${shown(answers)}, but the labels are ${shown(labels)}. Write both in the same way.`,
    )
  }
  const unused = new Map(
    [...labels].flatMap((label) => (answers.has(label) ? [] : [[spellingKey(label), label] as const])),
  )
  for (const answer of strange) {
    const label = unused.get(spellingKey(answer))
    if (label === undefined) continue
    throw new DataError(
      'predictions-spelling',
      `${name}: it predicts "${answer}", which is no label, and never "${label}", which is one: every such answer would count as wrong. Write both in the same way.`,
    )
  }
}

/** Above this chance an accuracy is not shown to be better than that of one constant answer. */
const ERROR = 0.05

/**
 * A warning where a side is not shown to be right more often than always giving the most frequent label would be. A bad
 * baseline lets any candidate pass.
 */
export function chanceWarning({ name, predictions }: PredictionSet): string[] {
  const counts = new Map<string, number>()
  for (const { label } of predictions) counts.set(label, (counts.get(label) ?? 0) + 1)
  const [[most, count] = ['', 0]] = [...counts].sort(([, a], [, b]) => b - a)
  if (counts.size < 2) return []
  const n = predictions.length
  const right = predictions.filter(({ label, pred }) => pred === label).length
  // P(X >= right) of the constant answer.
  if (1 - binomialCdf(right - 1, n, count / n) <= ERROR) return []
  const percent = (part: number) => `${((100 * part) / n).toFixed(2)} %`
  return [
    `${name} answers ${percent(right)} rightly, which is not shown to be more than always answering "${most}" would (${percent(count)}): a verdict on it says little. Look whether it is the right file.`,
  ]
}

/**
 * A warning where both sides give the same probabilities, to the last bit, for every example: no two models do, so it is one
 * that was given twice, and it would pass as a candidate that it is not. Both have the same examples.
 */
export function sameWarning(baseline: PredictionSet, candidate: PredictionSet): string[] {
  const certain = new Map(candidate.predictions.map((each) => [each.id, probabilityOf(each)]))
  const same = baseline.predictions.every((each) => {
    const probability = probabilityOf(each)
    return probability !== undefined && probability === certain.get(each.id)
  })
  if (!same) return []
  return [
    `${baseline.name} and ${candidate.name} give the same probabilities for every example: they seem to be one model, and the verdict says nothing of another. Look whether the candidate is the right file.`,
  ]
}
