import { count } from '../../count.ts'
import { samples } from '../dataset.ts'
import type { Pack, PackedDocuments } from './pack-documents.ts'

/** From this share of filled places on, joining documents is worth a word. */
const muchFilled = 0.5

/**
 * What became of the tokens of a part, in a sentence or two. What fills rows up is a matter of training parts alone, as others are not
 * read again and again.
 *
 * @param place What messages call the part.
 * @example
 * 'kjv, train part: 1,117,930 tokens in 1,094 documents: all used, in 9,282 rows of 128.'
 */
export function packingNotes(
  { dataset, tokens, dropped, counting, filled }: PackedDocuments,
  place: string,
  documents: number,
  { pack, training }: { readonly pack?: Pack | undefined; readonly training: boolean },
): readonly string[] {
  const [rows, length = 1] = [samples(dataset), dataset.inputs.dims[1]]
  const n = (value: number): string => value.toLocaleString('en-US')
  const used =
    dropped === 0
      ? 'all used'
      : `${n(tokens - dropped)} used, ${n(dropped)} dropped with rows without an answer`
  const joined = pack === 'joined' ? ', joined' : ''
  const note = `${place}: ${count(tokens, 'token')} in ${count(documents, 'document')}: ${used}, in ${count(rows, 'row')} of ${length}${joined}; ${n(counting)} count in the loss.`
  const share = filled / (rows * length)
  if (!training || share < muchFilled) return [note]
  return [
    note,
    `${place}: ${Math.round(100 * share)} % of the rows is filling, as most documents are shorter than ${length} tokens: it takes time and counts for nothing. Shorter rows (maxLength) cut the long ones, and joined documents (pack) fill rows up.`,
  ]
}
