import { classLabels, type Dataset } from '../data/dataset.ts'
import type { Judge } from '../evaluate/judge.ts'
import { type Agreement, agreement } from '../measure/chance.ts'
import { itemAt } from '../required.ts'
import type { Parts } from './parts.ts'
import { predicted } from './path/index.ts'
import type { Known } from './update-types.ts'

/** The old model's answers. */
export interface Baseline {
  readonly choose: Int32Array
  readonly check: Int32Array
  readonly newChoose: Int32Array
  readonly newCheck: Int32Array
}

export async function baselineOf(
  judge: Judge,
  { oldChoose, oldCheck, newChoose, newCheck }: Parts,
): Promise<Baseline> {
  const predictions = async (data: Parts['oldCheck']): Promise<Int32Array> => {
    const answers = await judge.answers(data)
    return predicted(answers, itemAt(answers.logits.dims, 1, 'axis'), 0)
  }
  return {
    choose: await predictions(oldChoose),
    check: await predictions(oldCheck),
    newChoose: await predictions(newChoose),
    newCheck: await predictions(newCheck),
  }
}

/** What the old model answers right of everything that is measured on. New classes it cannot know. */
export function knownOf(parts: Parts, baseline: Baseline, oldClasses: number): Known {
  const agreementOn = (found: readonly (readonly [Dataset | undefined, Int32Array])[]): Agreement | null => {
    const rows = found.flatMap(([data, answers]) =>
      data
        ? Array.from(classLabels(data), (label, row) => ({ label, answer: itemAt(answers, row, 'answer') }))
        : [],
    )
    const known = rows.filter(({ label }) => label < oldClasses)
    if (known.length === 0) return null
    return agreement(
      known.map(({ label }) => label),
      known.map(({ answer }) => answer),
    )
  }
  return {
    old: agreementOn([
      [parts.oldChoose, baseline.choose],
      [parts.oldCheck, baseline.check],
    ]),
    new: agreementOn([
      [parts.newChoose, baseline.newChoose],
      [parts.newCheck, baseline.newCheck],
    ]),
  }
}
