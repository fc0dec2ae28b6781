import { basename } from 'node:path'
import { DataError, UsageError } from '../../errors.ts'
import { itemAt, required } from '../../required.ts'
import { spanned } from '../../spans.ts'
import { type MemoryLimit, memoryLimit } from '../memory-limit-node.ts'
import type { ReadOptions } from '../read-options.ts'
import type { TextTokenizer } from '../text/index.ts'
import { encodedInTime } from '../text/index-files.ts'
import type { LoadedDocuments, TokenDocument } from './document.ts'
import { type DocumentSource, type DocumentSourceOptions, documentSources } from './document-sources-files.ts'
import { emptyDocuments } from './empty-documents.ts'
import { DOCUMENT_BYTES, documentKeeper } from './laid-documents.ts'
import { tokenDocument } from './token-document.ts'
import { type WrittenDocument, writeDocument } from './write-document.ts'

/** How documents are read. */
export interface ReadDocumentsOptions extends DocumentSourceOptions, Pick<ReadOptions, 'maxBytes' | 'spill'> {
  /** Makes tokens of texts; it has to be there. */
  readonly tokenizer?: TextTokenizer | undefined
}

/** Characters that are tokenized between two looks at the memory that is left. */
const charactersAtOnce = 2 ** 20

/**
 * Reads the documents at a path as tokens, all parts that are there; what is not divided is `train`. Documents in which nothing
 * is to be learned are left out, and a note says how many.
 *
 * Where there is a place for them (`spill`) tokens that memory has no room for are kept there; else they are refused.
 *
 * @throws UsageError `tokenizer-missing`; DataError `documents-empty`, `data-too-large`, `chat-template-…`, `chat-messages`, `chat-turns-unfound`
 * with file and line, and what the formats' readers throw.
 * @example
 * const { train } = await readDocuments('chats.jsonl', { tokenizer })
 */
export const readDocuments = (path: string, asked: ReadDocumentsOptions): Promise<LoadedDocuments> =>
  spanned('read data', () => readParts(path, asked), { file: basename(path) })

async function readParts(path: string, asked: ReadDocumentsOptions): Promise<LoadedDocuments> {
  const { sources, read, notes } = await openDocuments(path, asked)
  const parts = new Map<string, readonly TokenDocument[]>()
  for (const split of sources.keys()) parts.set(split, await read(split))
  const { train, validation, test } = Object.fromEntries(parts)
  if (train === undefined) {
    throw new DataError(
      'split-missing',
      `${path}: there is no split 'train'; there are ${[...parts.keys()].join(', ')}. Bring a part of that name, or give data that have one.`,
    )
  }
  return { train, validation, test, notes: [...notes] }
}

/** Documents to measure a model on. */
export interface MeasuredDocuments {
  readonly documents: readonly TokenDocument[]
  readonly part: 'test' | 'validation' | 'train'
  readonly notes: readonly string[]
}

/**
 * Reads the documents to measure a model on: the test part, else the validation part, else all that there is. No other part is read.
 *
 * @throws What {@link readDocuments} throws.
 * @example
 * const { documents, part } = await readMeasuredDocuments('kjv/', { tokenizer })
 */
export const readMeasuredDocuments = (
  path: string,
  asked: ReadDocumentsOptions,
): Promise<MeasuredDocuments> =>
  spanned('read data', () => readMeasured(path, asked), { file: basename(path) })

async function readMeasured(path: string, asked: ReadDocumentsOptions): Promise<MeasuredDocuments> {
  const { sources, read, notes } = await openDocuments(path, asked)
  const part = (['test', 'validation'] as const).find((name) => sources.has(name)) ?? 'train'
  // Without a test part all of it is measured on, and that is no part.
  const place = part === 'train' ? path : undefined
  return { documents: await read(part, place), part, notes: [...notes] }
}

async function openDocuments(path: string, asked: ReadDocumentsOptions) {
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
  const keep = asked.spill ? documentKeeper(asked.spill) : within(memoryLimit(asked.maxBytes, path))
  const sources = await documentSources(path, { ...asked, onNote })
  const read = async (split: string, place = `${path}, ${split} part`): Promise<readonly TokenDocument[]> => {
    const left = emptyDocuments(place)
    const documents: TokenDocument[] = []
    for await (const found of tokenized(required(sources, split, 'part'), tokenizer)) {
      for (const document of found) {
        if (left.leaves(document)) continue
        documents.push(keep(document))
      }
    }
    for (const note of left.notes(documents.length)) onNote(note)
    return documents
  }
  return { sources, read, notes }
}

/** @throws DataError `data-too-large` for a document that there is no room for. */
const within =
  (room: MemoryLimit) =>
  (document: TokenDocument): TokenDocument => {
    room.take(document.ids.byteLength + (document.learned?.byteLength ?? 0) + DOCUMENT_BYTES)
    return document
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
