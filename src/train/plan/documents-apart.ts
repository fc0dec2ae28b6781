import { count } from '../../count.ts'
import { type DividedDocuments, documentKey } from '../../data/documents/index.ts'
import { asWarning } from '../../data/notes.ts'
import { DataError } from '../../errors.ts'

/** Training and test documents of a source. */
export interface SourceDocuments extends DividedDocuments {
  readonly source: string
}

/**
 * Takes documents that are held out of those that are trained on beside the tasks', and warns of documents that a source has both to train on
 * and held out. They are told by their tokens.
 *
 * @param beside Places of sources that judge nothing.
 * @throws DataError `data-too-few` where none is left.
 */
export function documentsApart(
  data: readonly SourceDocuments[],
  beside: ReadonlySet<number> = new Set(),
): { readonly data: readonly SourceDocuments[]; readonly notes: readonly string[] } {
  const notes: string[] = []
  const held = new Set<string>()
  for (const [at, { source, train, test }] of data.entries()) {
    if (beside.has(at) || train === test) continue
    const trained = new Set(train.map(documentKey))
    const keys = test.map(documentKey)
    for (const key of keys) held.add(key)
    const both = keys.filter((key) => trained.has(key)).length
    if (both > 0) notes.push(asWarning(`${source}: ${bothWords(both)}`))
  }
  const apart = data.map((own, at) => {
    if (!beside.has(at) || held.size === 0) return own
    const train = own.train.filter((document) => !held.has(documentKey(document)))
    const taken = own.train.length - train.length
    if (taken === 0) return own
    const said = `${own.source}: ${count(taken, 'document')} to train on beside the tasks ${taken === 1 ? 'stands' : 'stand'} among those held out to judge by, too`
    if (train.length === 0) {
      throw new DataError('data-too-few', `${said}, and there are no others. Give other texts.`)
    }
    notes.push(`${said}, and ${taken === 1 ? 'is' : 'are'} left out of training.`)
    return { ...own, train }
  })
  return { data: apart, notes }
}

const bothWords = (documents: number): string =>
  `${count(documents, 'document')} that ${documents === 1 ? 'is held out is' : 'are held out are'} trained on, too. What is measured on ${documents === 1 ? 'it' : 'them'} looks better than it is: take ${documents === 1 ? 'it' : 'them'} out of one of the two parts.`
