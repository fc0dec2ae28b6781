import { type Dataset, ignoredLabel, samples } from '../../data/dataset.ts'
import { type TokenDocument, tokensThatCount } from '../../data/documents/index.ts'
import { inMemory } from '../../data/spilled-rows.ts'
import { UsageError } from '../../errors.ts'
import type { TopTokens } from '../../evaluate/index.ts'
import { itemAt } from '../../required.ts'
import { float32 } from '../../tensor/tensor.ts'
import type { TextAnswers } from '../text-pack/index.ts'

export interface KeptAnswers {
  /** Of all documents, as a pack keeps them. */
  readonly answers: TextAnswers
  readonly documents: readonly TokenDocument[]
  /** Places of the documents that the rows are made of, in the rows' order. */
  readonly chosen: readonly number[]
}

/**
 * Answers that are kept a token after another, as rows have them: [N, T, k], 0 where nothing counts.
 *
 * @param rows What `packDocuments` makes of the chosen documents, one by one.
 * @throws UsageError `text-answers` where there are not as many answers as tokens that count.
 */
export function rowAnswers(rows: Dataset, { answers, documents, chosen }: KeptAnswers): TopTokens {
  const [kept = 0, k = 1] = answers.ids.dims
  const counts = documents.map(tokensThatCount)
  const starts: number[] = []
  const total = counts.reduce((sum, count) => {
    starts.push(sum)
    return sum + count
  }, 0)
  if (total !== kept) {
    throw new UsageError(
      'text-answers',
      `The old documents have ${total.toLocaleString('en-US')} tokens that count, but answers are kept for ${kept.toLocaleString('en-US')}.`,
    )
  }
  const length = itemAt(rows.labels.dims, 1, 'axis')
  const dims = [samples(rows), length, k]
  const logProbabilities = float32(dims)
  const ids = new Int32Array(logProbabilities.data.length)
  const places = placesOf(chosen, starts, counts)
  for (const [at, label] of inMemory<'int32' | 'float32'>(rows.labels).data.entries()) {
    if (label === ignoredLabel) continue
    const from = (places.next().value as number) * k
    ids.set(answers.ids.data.subarray(from, from + k), at * k)
    logProbabilities.data.set(answers.logProbabilities.data.subarray(from, from + k), at * k)
  }
  return { ids: { type: 'int32', dims, data: ids }, logProbabilities }
}

function* placesOf(
  chosen: readonly number[],
  starts: readonly number[],
  counts: readonly number[],
): Generator<number> {
  for (const place of chosen) {
    const start = itemAt(starts, place, 'document')
    for (let at = 0; at < itemAt(counts, place, 'document'); at++) yield start + at
  }
}
