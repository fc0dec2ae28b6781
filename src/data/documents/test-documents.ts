import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { LoadedDocuments, TokenDocument } from './document.ts'

/** Documents to learn from, and others to measure on. */
export interface DividedDocuments {
  readonly train: readonly TokenDocument[]
  readonly test: readonly TokenDocument[]
}

/**
 * Documents with those to measure on: the test part, else the validation part, else a share of what there is, whole documents, the
 * same ones each time.
 *
 * @param options.share 0 measures on what is learned.
 * @param options.source What messages call the data.
 * @param options.otherwise What else could be done, as the end of a sentence: `or set data.testShare`.
 * @throws DataError `data-too-few` where no document can be held out.
 */
export function withTestDocuments(
  { train, validation, test: own }: LoadedDocuments,
  {
    share,
    source,
    otherwise,
  }: { readonly share: number; readonly source: string; readonly otherwise: string },
): DividedDocuments {
  const test = own ?? validation
  if (test) return { train, test }
  if (share === 0) return { train, test: train }
  const held = Math.max(1, Math.round(train.length * share))
  if (held >= train.length) {
    throw new DataError(
      'data-too-few',
      `${source}: of ${count(train.length, 'document')} a share of ${share} cannot be held out for testing, as documents are held out whole. Add a test part, make each paragraph a document (paragraphs), ${otherwise}.`,
    )
  }
  const order = randomStream(0, 'test share').permutation(train.length)
  const chosen = (places: Int32Array) =>
    Array.from(places.sort(), (place) => present(train[place], 'document'))
  return { train: chosen(order.slice(held)), test: chosen(order.slice(0, held)) }
}
