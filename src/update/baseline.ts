import { classLabels, type Dataset } from '../data/dataset.ts'
import type { Answers, Judge } from '../evaluate/judge.ts'
import { type Agreement, agreement } from '../measure/chance.ts'
import { itemAt } from '../required.ts'
import type { Parts } from './parts.ts'
import { predicted } from './path/index.ts'
import type { Known } from './update-types.ts'

/** The old model's answers. */
export interface Baseline {
  readonly order: Answers
  readonly proof: Int32Array
  readonly choose: Int32Array
  readonly check: Int32Array
}

/** @param read Rows as what answers reads them. */
export async function baselineOf(
  judge: Judge,
  { order, proof, choose, check }: Parts,
  oldClasses: number,
  read: (rows: Dataset) => Promise<Dataset>,
): Promise<Baseline> {
  const answers = async (data: Dataset | undefined) => judge.answers(data && (await read(data)))
  const predictions = async (data: Dataset | undefined): Promise<Int32Array> =>
    predicted(await answers(data), oldClasses, 0)
  const chosen = await predictions(choose)
  return {
    order: await answers(order),
    proof: await predictions(proof),
    choose: chosen,
    check: check === choose ? chosen : await predictions(check),
  }
}

/** What the old model answers right of everything that is measured on. New classes it cannot know. */
export function knownOf({ proof, choose, check }: Parts, baseline: Baseline, oldClasses: number): Known {
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
    old: agreementOn([[proof, baseline.proof]]),
    new: agreementOn([
      [choose, baseline.choose],
      ...(check === choose ? [] : [[check, baseline.check] as const]),
    ]),
  }
}
