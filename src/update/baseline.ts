import { classLabels, type Dataset } from '../data/dataset.ts'
import type { Answers, Judge } from '../evaluate/judge.ts'
import { type Agreement, agreement } from '../measure/chance.ts'
import { itemAt } from '../required.ts'
import type { Parts } from './parts.ts'
import { predicted } from './path/index.ts'
import type { Prover } from './prover.ts'
import type { Known } from './update-types.ts'

/** The old model's answers. */
export interface Baseline {
  readonly order: Answers
  readonly proof: Int32Array
  readonly choose: Int32Array
  readonly check: Int32Array
}

/**
 * @param read Rows as what answers reads them.
 * @param prove The old model's answers for the old rows that prove.
 */
export async function baselineOf(
  judge: Judge,
  { order, proof, choose, check }: Parts,
  oldClasses: number,
  { read, prove }: { readonly read: (rows: Dataset) => Promise<Dataset>; readonly prove: Prover },
): Promise<Baseline> {
  const answers = async (data: Dataset | undefined) => judge.answers(data && (await read(data)))
  const predictions = async (data: Dataset | undefined): Promise<Int32Array> =>
    predicted(await answers(data), oldClasses, 0)
  const chosen = await predictions(choose)
  return {
    order: await answers(order),
    proof: proof ? predicted(await prove(), oldClasses, 0) : new Int32Array(),
    choose: chosen,
    check: check === choose ? chosen : await predictions(check),
  }
}

/** What the old model answers right of everything that is measured on. New classes it cannot know. */
export function knownOf({ proof, choose, check }: Parts, baseline: Baseline, oldClasses: number): Known {
  const agreementOn = (
    found: readonly (readonly [Int32Array | undefined, Int32Array])[],
  ): Agreement | null => {
    const rows = found.flatMap(([labels, answers]) =>
      Array.from(labels ?? [], (label, row) => ({ label, answer: itemAt(answers, row, 'answer') })),
    )
    const known = rows.filter(({ label }) => label < oldClasses)
    if (known.length === 0) return null
    return agreement(
      known.map(({ label }) => label),
      known.map(({ answer }) => answer),
    )
  }
  return {
    old: agreementOn([[proof?.labels, baseline.proof]]),
    new: agreementOn([
      [classLabels(choose), baseline.choose],
      ...(check === choose ? [] : [[classLabels(check), baseline.check] as const]),
    ]),
  }
}
