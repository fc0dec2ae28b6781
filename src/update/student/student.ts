import type { PredictionSet } from '../../data/formats/index.ts'
import { required } from '../../required.ts'
import type { GateResult, LanguageGateResult, Verdict } from '../gate/index.ts'

/** A side of the comparison: its file, and how many numbers training changes in it. */
export interface StudentSide {
  readonly name: string
  readonly parameters: number
}

/** What became of a student, held against its teacher; `holdfast distil --json` prints it. */
export interface StudentResult {
  readonly schema: 'holdfast.distil/1'
  readonly verdict: Verdict
  /**
   * What it was judged by on rows held out: their labels; where there are none the teacher's own answers, so that the drop is the
   * share of other answers; or texts.
   */
  readonly judgedBy: 'labels' | 'teacher' | 'texts'
  /** Share of the rows held out to which both give the same answer; null of texts. */
  readonly agreement: number | null
  /** Several teachers are one: the mean of their probabilities. */
  readonly teacher: StudentSide
  readonly student: StudentSide
  readonly gate: GateResult | LanguageGateResult
}

/** Share of examples to which both sides give the same answer. */
export function agreementOf(first: PredictionSet, second: PredictionSet): number {
  const answers = new Map(second.predictions.map(({ id, pred }) => [id, pred]))
  const same = first.predictions.filter(({ id, pred }) => required(answers, id, 'prediction') === pred).length
  return same / first.predictions.length
}
