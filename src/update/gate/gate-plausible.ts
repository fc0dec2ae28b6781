import { locatePrediction, type PredictionSet, probabilityOf } from '../../data/formats/index.ts'
import { spellingKey } from '../../data/names/index.ts'
import { DataError } from '../../errors.ts'
import { binomialCdf } from '../../measure/binomial.ts'

/**
 * Answers to probes are no classes: another answer to each, and chance is another.
 *
 * @throws DataError `predictions-probe`.
 */
export function refuseProbes(set: PredictionSet): void {
  const row = set.predictions.findIndex(({ probe }) => probe !== undefined)
  if (row < 0) return
  throw new DataError(
    'predictions-probe',
    `${locatePrediction(set, row)}: this answers a probe, and the others are classes, or taken for such. Answers to probes come as .jsonl files that hold nothing else, on both sides.`,
  )
}

const shown = (names: Iterable<string>): string => {
  const all = [...names]
  const first = all.slice(0, 3).map((name) => `"${name}"`)
  return `${first.join(', ')}${all.length > 3 ? ', …' : ''}`
}

/**
 * Refuses predictions that can never be right since they spell classes otherwise than the labels do: where none of them is
 * a label, and where one differs from a label, which is never predicted, in spelling alone (`spellingKey`). A label that is a
 * class of the model is spelled as it spells it: if it is never predicted, that is what the model answers.
 *
 * @throws DataError `predictions-spelling` with both spellings.
 */
export function refuseSpelling({ name, predictions, classes = [] }: PredictionSet): void {
  const labels = new Set(predictions.map(({ label }) => label))
  const answers = new Set(predictions.map(({ pred }) => pred))
  const own = new Set(classes)
  const strange = [...answers].filter((answer) => !labels.has(answer))
  if (strange.length === answers.size && ![...labels].some((label) => own.has(label))) {
    throw new DataError(
      'predictions-spelling',
      `${name}: none of its predictions is among the labels: it predicts ${shown(answers)}, but the labels are ${shown(labels)}. Write both in the same way.`,
    )
  }
  const unused = new Map(
    [...labels].flatMap((label) =>
      answers.has(label) || own.has(label) ? [] : [[spellingKey(label), label] as const],
    ),
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
 *
 * @param leftOut Labels of examples that do not count.
 */
export function chanceWarning(
  { name, predictions: all }: PredictionSet,
  leftOut: ReadonlySet<string>,
): string[] {
  const predictions = all.filter(({ label }) => !leftOut.has(label))
  const counts = new Map<string, number>()
  for (const { label } of predictions) counts.set(label, (counts.get(label) ?? 0) + 1)
  const [[most, count] = ['', 0]] = [...counts].sort(([, a], [, b]) => b - a)
  if (counts.size < 2) return []
  const n = predictions.length
  const right = predictions.filter(({ label, pred }) => pred === label).length
  if (!atChance(right, n, count / n)) return []
  const percent = (part: number) => `${((100 * part) / n).toFixed(2)} %`
  return [
    `${name} answers ${percent(right)} rightly, which is not shown to be more than always answering "${most}" would (${percent(count)}): a verdict on it says little. Look whether it is the right file.`,
  ]
}

/** Whether so many right of n are not shown to be more than chance, P(X >= right), would give. */
const atChance = (right: number, n: number, chance: number): boolean =>
  1 - binomialCdf(right - 1, n, chance) > ERROR

/**
 * The same of an older model's answers to questions with choices, against guessing. Their numbers of choices may differ: the binomial of the mean chance has the
 * heavier tail then (Hoeffding 1956), so it warns rather too often.
 */
export function guessWarning({ name, predictions }: PredictionSet): string[] {
  const choices = predictions.flatMap(({ label, pred, probe, probs }) =>
    probe === 'choice' && probs ? [{ right: label === pred, chance: 1 / Object.keys(probs).length }] : [],
  )
  if (choices.length === 0) return []
  const right = choices.filter((each) => each.right).length
  const chance = choices.reduce((sum, each) => sum + each.chance, 0) / choices.length
  if (!atChance(right, choices.length, chance)) return []
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  return [
    `${name} answers ${percent(right / choices.length)} of the questions with choices rightly, which is not shown to be more than guessing gives (${percent(chance)}): what it does not know, its successor cannot forget, and a verdict says little.`,
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
