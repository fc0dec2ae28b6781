import { stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { DataError } from '../../errors.ts'
import { listFolder, reading } from '../../tensor/reads-files.ts'
import type { TableOptions } from '../formats/index.ts'
import { readText } from '../formats/index-files.ts'
import { visibleFolders } from '../images/index-files.ts'
import { preview, sorted } from '../names/index.ts'
import { checkShards, splitOfFile } from '../sources/index-files.ts'
import { tableReader, tableStem } from '../tables/index-files.ts'
import type { RawDocument } from './document.ts'
import { type DocumentPlan, type DocumentTableOptions, documentAt, planDocuments } from './document-rows.ts'
import { plainDocument, plainLines } from './plain-lines.ts'

/** How documents are found and read. */
export interface DocumentSourceOptions extends TableOptions, DocumentTableOptions {
  /** Whether each paragraph of a text file, parted by blank lines, is a document; default the file is one. */
  readonly paragraphs?: boolean | undefined
}

/** The documents of a part, read as they are asked for. */
export type DocumentSource = () => AsyncGenerator<RawDocument>

/** Rows of a table that are read at a time. */
const rowsAtOnce = 1024

/**
 * Finds the documents at `path`: a text file, a table (`.jsonl`, `.json`, `.parquet`, `.csv`), a folder with such files named for
 * their part (there or in `data/`), `{train,test}/` with text files, or a folder of text files.
 *
 * @throws DataError `data-missing`, `data-unrecognised`, `shards-missing`.
 */
export async function documentSources(
  path: string,
  options: DocumentSourceOptions,
): Promise<ReadonlyMap<string, DocumentSource>> {
  const found = await reading(path, () => stat(path), { code: 'data-missing' })
  if (!found.isDirectory()) {
    if (isRead(path)) return new Map([['train', fileSource([path], options)]])
    throw new DataError(
      'data-unrecognised',
      `${path}: expected documents, a .txt, .jsonl, .json, .parquet or .csv file or a folder of them, found ${extname(path) ? `a ${extname(path)} file` : 'a file without extension'}.`,
    )
  }
  const folders = await visibleFolders(path)
  const inside = folders.includes('data') ? 'data' : folders.length === 1 ? folders[0] : undefined
  const sources =
    (await splitFiles(path, options)) ??
    (await splitFolders(path, folders, options)) ??
    (inside === undefined ? undefined : await splitFiles(join(path, inside), options)) ??
    (await textFolder(path, options))
  if (sources) return sources
  throw new DataError(
    'data-unrecognised',
    `${path}: expected text files (.txt), or train.jsonl, train.txt or train.parquet (also in data/); found ${preview(sorted(await listFolder(path))) || 'nothing'}.`,
  )
}

const isText = (name: string): boolean => /\.txt(\.gz)?$/i.test(name)
const isRead = (name: string): boolean => isText(name) || tableReader(name) !== undefined

/** Files named for their part. */
async function splitFiles(folder: string, options: DocumentSourceOptions) {
  const bySplit = new Map<string, string[]>()
  for (const name of sorted(await listFolder(folder)).filter(isRead)) {
    const split = splitOfFile(tableStem(name), undefined)
    if (split !== undefined) bySplit.set(split, [...(bySplit.get(split) ?? []), name])
  }
  if (bySplit.size === 0) return undefined
  return new Map(
    [...bySplit].map(([split, names]) => {
      checkShards(folder, names)
      const paths = names.map((name) => join(folder, name))
      return [split, fileSource(paths, options)] as const
    }),
  )
}

/** Folders of text files named for their part. */
async function splitFolders(folder: string, inner: readonly string[], options: DocumentSourceOptions) {
  const sources = new Map<string, DocumentSource>()
  for (const name of inner) {
    const split = splitOfFile(name, undefined)
    const found = split === undefined ? [] : await textFiles(join(folder, name), options)
    if (split !== undefined && found.length > 0) sources.set(split, fileSource(found, options))
  }
  return sources.size === 0 ? undefined : sources
}

async function textFolder(folder: string, options: DocumentSourceOptions) {
  const found = await textFiles(folder, options)
  return found.length === 0 ? undefined : new Map([['train', fileSource(found, options)]])
}

/** The text files of a folder and of those in it, in code-point order. */
async function textFiles(folder: string, { onNote }: DocumentSourceOptions): Promise<readonly string[]> {
  const folders = new Set(await visibleFolders(folder))
  const names = sorted(await listFolder(folder)).filter((name) => !name.startsWith('.') && !folders.has(name))
  const others = names.filter((name) => !isText(name))
  const inner: string[] = []
  for (const name of sorted([...folders])) inner.push(...(await textFiles(join(folder, name), { onNote })))
  const own = names.filter(isText).map((name) => join(folder, name))
  if (own.length > 0 && others.length > 0)
    onNote?.(`${folder}: files that are not .txt are not read: ${preview(others)}.`)
  return [...own, ...inner]
}

const fileSource = (paths: readonly string[], options: DocumentSourceOptions): DocumentSource =>
  async function* () {
    let plan: DocumentPlan | undefined
    for (const path of paths) {
      const reader = isText(path) ? undefined : tableReader(path)
      if (!reader) {
        yield* textDocuments(path, options)
        continue
      }
      let plain = true
      const onChange = () => {
        if (plain) options.onNote?.(plainNote(path))
        plain = false
      }
      for await (const table of reader(path, rowsAtOnce, options)) {
        plan ??= planDocuments(table, options)
        for (let row = 0; row < table.rows; row++) yield plainDocument(documentAt(table, row, plan), onChange)
      }
    }
  }

const plainNote = (path: string): string => `${path}: the line ends of Windows are read as plain ones.`

/** A text file as one document, or as one for each paragraph. Line ends of Windows become plain ones. */
async function* textDocuments(path: string, options: DocumentSourceOptions): AsyncGenerator<RawDocument> {
  const read = await readText(path, options)
  const text = plainLines(read)
  if (text !== read) options.onNote?.(plainNote(path))
  if (!options.paragraphs) {
    yield { place: path, kind: 'text', text }
    return
  }
  let line = 1
  for (const part of text.split(/(\n(?:[^\S\n]*\n)+)/)) {
    if (part.trim() !== '') yield { place: `${path}, line ${line}`, kind: 'text', text: part }
    line += part.split('\n').length - 1
  }
}
