import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { listFolder } from '../tensor/reads-files.ts'
import { guessColumn } from './formats/index.ts'
import { isImageName } from './images/index.ts'
import { visibleFolders } from './images/index-files.ts'
import { preview, sorted } from './names/index.ts'
import type { ReadOptions } from './read-options.ts'
import { tableReader } from './tables/index-files.ts'

/** What data plainly are: `documents` are text files, `texts` the rows of a table, `table` has no column that is called for texts. */
export interface PlainKind {
  readonly kind: 'documents' | 'texts' | 'table' | 'images' | 'arrays'
  /** For messages, behind "these are". */
  readonly said: string
}

/** Columns that hold texts by their names. */
const textColumns = [
  ...['text', 'sentence', 'content', 'messages', 'conversations', 'conversation'],
  ...['instruction', 'prompt'],
]

/** Folders that may lie in each other: parts, and classes in them. */
const DEEPEST = 3

/** What lies at a path, by the names of files and columns alone; undefined where these do not tell. */
export async function plainKind(path: string, options: ReadOptions): Promise<PlainKind | undefined> {
  const files = await firstFiles(path, DEEPEST)
  const table = files.find((file) => tableReader(file) !== undefined)
  if (table !== undefined) return tableKind(table, options)
  if (files.some(isImageName)) return { kind: 'images', said: 'images' }
  if (files.some((file) => /\.txt(\.gz)?$/i.test(file))) return { kind: 'documents', said: 'text files' }
  if (files.some((file) => /\.(npz|npy|safetensors)$/i.test(file)))
    return { kind: 'arrays', said: 'arrays of numbers' }
  return undefined
}

/** The file itself, those of a folder, or of the first folder in it that has any. */
async function firstFiles(path: string, deepest: number): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const folders = sorted(await visibleFolders(path))
  const files = sorted(await listFolder(path)).filter((name) => !folders.includes(name))
  if (files.length > 0 || deepest === 0) return files.map((name) => join(path, name))
  for (const name of folders) {
    const inner = await firstFiles(join(path, name), deepest - 1)
    if (inner.length > 0) return inner
  }
  return []
}

async function tableKind(file: string, options: ReadOptions): Promise<PlainKind | undefined> {
  const read = tableReader(file)
  if (!read) return undefined
  for await (const rows of read(file, 1, options)) {
    if (guessColumn(rows, textColumns) >= 0) return { kind: 'texts', said: 'texts' }
    if (guessColumn(rows, ['file_name', 'image', 'img']) >= 0) return { kind: 'images', said: 'images' }
    return { kind: 'table', said: `rows of a table (${preview(rows.columns)})` }
  }
  return undefined
}
