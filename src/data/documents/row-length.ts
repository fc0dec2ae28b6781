import { count } from '../../count.ts'
import { UsageError } from '../../errors.ts'
import type { TokenDocument } from './document.ts'
import type { Pack } from './pack-documents.ts'
import { tokenCount } from './token-span.ts'

/** Longer rows than this are not made of texts by themselves: attention takes memory by the square of it. */
const longestUnasked = 1024

/**
 * How many tokens rows have: as asked, else what the model reads; no more than the longest document has, rounded up to a
 * multiple of 8.
 *
 * @param asked What was asked for, or the model's input says.
 * @param limit What the tokenizer's and the model's files say that the model reads at most.
 * @throws UsageError `length-beyond-model` for more than the model reads, `length-missing` where nothing says how much that is.
 */
export function documentRowLength(
  documents: Iterable<TokenDocument>,
  { asked, limit, pack }: { asked: number | undefined; limit: number | undefined; pack: Pack | undefined },
): number {
  if (asked !== undefined && limit !== undefined && asked > limit) {
    throw new UsageError(
      'length-beyond-model',
      `Rows of ${count(asked, 'token')} are asked for (maxLength), but the model reads ${limit.toLocaleString('en-US')}. Documents that are longer are cut into several rows: ask for ${limit} at most.`,
    )
  }
  if (asked !== undefined) return asked
  let [longest, total] = [1, 0]
  for (const document of documents) {
    const tokens = tokenCount(document)
    longest = Math.max(longest, tokens - 1)
    total += tokens
  }
  const text = Math.ceil((pack === 'joined' ? total : longest) / 8) * 8
  if (limit !== undefined) return Math.min(limit, text)
  if (text <= longestUnasked) return text
  throw new UsageError(
    'length-missing',
    `A document has ${longest.toLocaleString('en-US')} tokens, and neither the tokenizer's nor the model's files say how many the model reads at a time. Say it (maxLength); longer documents are cut into several rows.`,
  )
}
