import { DataError, UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { memoryLimit } from '../memory-limit-node.ts'
import type { ReadOptions } from '../read-options.ts'
import type { TextTokenizer } from '../text/index.ts'
import { encodedInTime } from '../text/index-files.ts'
import type { LoadedDocuments, TokenDocument } from './document.ts'
import { type DocumentSource, type DocumentSourceOptions, documentSources } from './document-sources-files.ts'
import { emptyDocuments } from './empty-documents.ts'
import { tokenDocument } from './token-document.ts'
import { type WrittenDocument, writeDocument } from './write-document.ts'

/** How documents are read. */
export interface ReadDocumentsOptions extends DocumentSourceOptions, Pick<ReadOptions, 'maxBytes'> {
  /** Makes tokens of texts; it has to be there. */
  readonly tokenizer?: TextTokenizer | undefined
}

/** Characters that are tokenized between two looks at the memory that is left. */
const charactersAtOnce = 2 ** 20

/** What a document takes beside its tokens. */
const overhead = 200

/**
 * Reads the documents at a path as tokens, all parts that are there; what is not divided is `train`. Documents in which nothing
 * is to be learned are left out, and a note says how many.
 *
 * @throws UsageError `tokenizer-missing`; DataError `documents-empty`, `data-too-large`, `chat-template-…`, `chat-messages`, `chat-turns-unfound`
 * with file and line, and what the formats' readers throw.
 * @example
 * const { train } = await readDocuments('chats.jsonl', { tokenizer })
 */
export async function readDocuments(path: string, asked: ReadDocumentsOptions): Promise<LoadedDocuments> {
  const { tokenizer } = asked
  if (!tokenizer) {
    throw new UsageError(
      'tokenizer-missing',
      `${path}: a language model reads tokens, and there is no tokenizer for the texts. Put tokenizer.json (with tokenizer_config.json) beside the model, or name the folder that holds them (tokenizer).`,
    )
  }
  const notes = new Set<string>()
  const onNote = (note: string) => {
    notes.add(note)
    asked.onNote?.(note)
  }
  const options = { ...asked, onNote }
  const room = memoryLimit(asked.maxBytes, path)
  const parts = new Map<string, readonly TokenDocument[]>()
  for (const [split, source] of await documentSources(path, options)) {
    const left = emptyDocuments(`${path}, ${split} part`)
    const documents: TokenDocument[] = []
    for await (const found of tokenized(source, tokenizer)) {
      for (const document of found) {
        if (left.leaves(document)) continue
        room.take(document.ids.byteLength + (document.learned?.byteLength ?? 0) + overhead)
        documents.push(document)
      }
    }
    for (const note of left.notes(documents.length)) onNote(note)
    parts.set(split, documents)
  }
  const { train, validation, test } = Object.fromEntries(parts)
  if (train === undefined) {
    throw new DataError(
      'split-missing',
      `${path}: there is no split 'train'; there are ${[...parts.keys()].join(', ')}. Bring a part of that name, or give data that have one.`,
    )
  }
  return { train, validation, test, notes: [...notes] }
}

async function* tokenized(
  source: DocumentSource,
  tokenizer: TextTokenizer,
): AsyncGenerator<readonly TokenDocument[]> {
  let waiting: WrittenDocument[] = []
  let characters = 0
  for await (const raw of source()) {
    const written = writeDocument(raw, tokenizer)
    waiting.push(written)
    characters += written.parts.reduce((sum, { text }) => sum + text.length, 1)
    if (characters < charactersAtOnce) continue
    yield inTime(waiting, tokenizer)
    waiting = []
    characters = 0
  }
  yield inTime(waiting, tokenizer)
}

function inTime(documents: readonly WrittenDocument[], tokenizer: TextTokenizer): readonly TokenDocument[] {
  const [first] = documents
  if (!first) return []
  const texts = documents.map(({ parts }) => parts.map(({ text }) => text))
  let at = 0
  return encodedInTime(
    texts,
    () => tokenDocument(itemAt(documents, at++, 'document'), tokenizer),
    `${first.place} and on`,
  )
}
