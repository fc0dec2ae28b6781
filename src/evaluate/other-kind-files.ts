import { type PlainKind, plainKind } from '../data/plain-kind-files.ts'
import type { ReadOptions } from '../data/read-options.ts'
import { DataError } from '../errors.ts'
import type { Model } from '../model/model.ts'

/** What a model learns from. */
export interface Wanted {
  /** What messages call the model. */
  readonly name: string
  readonly kinds: readonly PlainKind['kind'][]
  /** What the model is, behind its name and "is". */
  readonly said: string
  readonly way: string
}

/** What a language model learns from. */
export const textsFor = (name: string): Wanted => ({
  name,
  kinds: ['documents', 'texts'],
  said: 'a language model, which learns from texts',
  way: 'Give it texts: .txt files, or a table with the column text.',
})

/** What any other model learns from. */
export function rowsFor({ input }: Model, name: string): Wanted {
  if (input.type !== 'float32') {
    return {
      name,
      kinds: ['texts', 'table'],
      said: 'a classifier of texts, which are rows of a table',
      way: 'Give it a table with the columns text and label, such as train.csv.',
    }
  }
  const row = input.dims?.slice(1)
  const images = row?.length === 3
  const reads = row ? `reads rows of the dims [${row.map((dim) => dim ?? '?').join(', ')}]` : 'reads numbers'
  return {
    name,
    kinds: ['images', 'arrays', 'table'],
    said: `no model of texts: it ${reads}`,
    way: images
      ? 'Give it images, in a folder for each class, or name a model of texts.'
      : 'Give it a table of numbers with a label, or name a model of texts.',
  }
}

/** What readers say of data that are of another kind than they look for. */
const misread: ReadonlySet<string> = new Set([
  ...['data-unrecognised', 'image-folder', 'column-missing', 'field-missing'],
])

/**
 * Reads data for a model. Where that fails since they are plainly of another kind than the model learns from, that is said, and not what their
 * reader misses.
 *
 * @throws DataError `data-kind`; and what reading throws.
 */
export async function readWanted<T>(
  path: string,
  wanted: Wanted,
  options: ReadOptions,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!(cause instanceof DataError && misread.has(cause.code)) || namesColumns(options)) throw cause
    const found = await plainKind(path, options).catch(() => undefined)
    if (!found || wanted.kinds.includes(found.kind)) throw cause
    throw new DataError(
      'data-kind',
      `${path}: these are ${found.said}, but ${wanted.name} is ${wanted.said}. ${wanted.way}${found.kind === 'table' ? otherColumn : ''}`,
      { cause },
    )
  }
}

const otherColumn = ' Where a column of another name holds the text, say which (textColumn).'

/** Who names columns is told of these. */
const namesColumns = ({ textColumn, labelColumn, labelColumns, imageColumn, featureColumns }: ReadOptions) =>
  [textColumn, labelColumn, labelColumns, imageColumn, featureColumns].some((asked) => asked !== undefined)
