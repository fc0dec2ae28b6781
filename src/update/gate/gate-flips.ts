import { type Prediction, type PredictionSet, probabilityOf } from '../../data/formats/index.ts'
import { DataError } from '../../errors.ts'
import { joinPredictions, type PairedExample } from './gate-join.ts'

/** An answer, and the probability that the model gave it; null where that is not known. */
export interface FlipAnswer {
  readonly pred: string
  readonly probability: number | null
}

/** An example that one model answers rightly and the other does not. */
export interface FlipRecord {
  readonly id: string
  /** `negative`: right before and wrong after. */
  readonly flip: 'negative' | 'positive'
  /** The right class. */
  readonly label: string
  readonly before: FlipAnswer
  readonly after: FlipAnswer
  readonly slices: readonly string[]
}

/** Right before and wrong after. */
export const flipsDown = ({ label, before, after }: PairedExample): boolean =>
  before.pred === label && after.pred !== label

const answerOf = (prediction: Prediction): FlipAnswer => ({
  pred: prediction.pred,
  probability: probabilityOf(prediction) ?? null,
})

/**
 * The examples that flip, negative ones first, each kind in the order of the baseline.
 *
 * @throws DataError as `gate` does where predictions cannot be paired.
 * @example flipRecords(baseline, candidate).filter(({ flip }) => flip === 'negative')
 */
export function flipRecords(baseline: PredictionSet, candidate: PredictionSet): FlipRecord[] {
  const records = joinPredictions(baseline, candidate).flatMap((example): FlipRecord[] => {
    const { id, label, before, after, slices } = example
    if ((before.pred === label) === (after.pred === label)) return []
    const flip = flipsDown(example) ? 'negative' : 'positive'
    return [{ id, flip, label, before: answerOf(before), after: answerOf(after), slices }]
  })
  const of = (kind: FlipRecord['flip']) => records.filter(({ flip }) => flip === kind)
  return [...of('negative'), ...of('positive')]
}

/** An id, and where it is listed, for messages. */
export interface ListedId {
  readonly id: string
  readonly place?: string
}

/**
 * Those of the listed examples that were right and are wrong now.
 *
 * @param candidate What messages call the second model.
 * @throws DataError `never-flip-unknown` for an id without an example.
 */
export function brokenIds(
  listed: readonly ListedId[],
  examples: readonly PairedExample[],
  candidate: string,
): string[] {
  const known = new Set(examples.map(({ id }) => id))
  const stranger = listed.find(({ id }) => !known.has(id))
  if (stranger) {
    throw new DataError(
      'never-flip-unknown',
      `${stranger.place ?? 'The list of examples that must never flip'}: "${stranger.id}" is no id of an example in ${candidate}. Correct the list.`,
    )
  }
  const flipped = new Set(examples.filter(flipsDown).map(({ id }) => id))
  return [...new Set(listed.map(({ id }) => id))].filter((id) => flipped.has(id))
}
