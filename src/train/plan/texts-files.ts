import { basename } from 'node:path'
import type { Dataset } from '../../data/dataset.ts'
import {
  documentRowLength,
  packNoted,
  type TokenDocument,
  withTestDocuments,
} from '../../data/documents/index.ts'
import { readDocuments } from '../../data/documents/index-files.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { fixedLength } from '../../data/ready-rows.ts'
import { readWanted, textsFor } from '../../evaluate/other-kind-files.ts'
import { present } from '../../required.ts'
import { documentsApart, type SourceDocuments } from './documents-apart.ts'
import type { TrainTest } from './prepare.ts'

/** How the texts of a plan are read. */
export interface TextsOptions {
  /** What messages call the model. */
  readonly name: string
  readonly reading: ReadOptions
  /** Tokens that the model knows. */
  readonly vocabulary: number
  /** Tokens that it reads at most, where its file says. */
  readonly positions: number | undefined
  /** Places of sources whose documents are trained on beside those of the tasks, and judge nothing. Default none. */
  readonly beside?: ReadonlySet<number> | undefined
  /** Share of the documents held out where the data have no test part; 0 tests on what is learned. */
  readonly testShare: number
}

export interface LoadedTexts {
  /** A pair for each source. */
  readonly data: readonly TrainTest[]
  readonly notes: readonly string[]
}

/**
 * Reads the texts of each source as rows of next tokens, all of one length. What is held out is whole documents, and test parts
 * are packed by documents always: what a document's tokens cost does not depend on its neighbours.
 *
 * @throws DataError `data-too-few` where no document can be held out, `data-kind` for data that plainly are no texts; and what {@link readDocuments} and
 * {@link packDocuments} throw.
 */
export async function loadTexts(sources: readonly string[], options: TextsOptions): Promise<LoadedTexts> {
  const { reading, testShare } = options
  const notes = new Set<string>()
  const divided: SourceDocuments[] = []
  for (const source of sources) {
    const found = await readWanted(source, textsFor(options.name), reading, () =>
      readDocuments(source, reading),
    )
    for (const note of found.notes) notes.add(note)
    divided.push({
      source,
      ...withTestDocuments(found, { share: testShare, source, otherwise: 'or set data.testShare' }),
    })
  }
  const { data: apart, notes: said } = documentsApart(divided, options.beside)
  for (const note of said) notes.add(note)
  const { pack } = reading
  const limits = [present(reading.tokenizer, 'tokenizer').limit, options.positions]
  const known = limits.filter((limit) => limit !== undefined)
  const limit = known.length > 0 ? Math.min(...known) : undefined
  const length = documentRowLength(
    apart.flatMap(({ train, test }) => [...train, ...test]),
    { asked: fixedLength(reading), limit, pack },
  )
  const data = apart.map(({ source, train, test }) => {
    const rows = (documents: readonly TokenDocument[], part: 'train' | 'test'): Dataset => {
      const packed = packedRows(documents, { ...options, source, part, length })
      for (const note of packed.notes) notes.add(note)
      return packed.dataset
    }
    const trained = rows(train, 'train')
    return {
      train: trained,
      test: test === train && pack !== 'joined' ? trained : rows(test, 'test'),
    }
  })
  return { data, notes: [...notes] }
}

interface PartOptions extends TextsOptions {
  readonly source: string
  readonly part: 'train' | 'test'
  /** Tokens in a row. */
  readonly length: number
}

function packedRows(documents: readonly TokenDocument[], options: PartOptions) {
  const { reading, vocabulary, source, part, length } = options
  const training = part === 'train'
  return packNoted(documents, {
    name: basename(source).replace(/(.)\.[^.]*$/, '$1'),
    tokenizer: present(reading.tokenizer, 'tokenizer'),
    ...{ length, vocabulary, overlap: reading.overlap, pack: training ? reading.pack : 'documents' },
    ...{ place: `${source}, ${part} part`, training },
  })
}
