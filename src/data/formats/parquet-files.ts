import type { FileMetaData } from 'hyparquet'
import { z } from 'zod'
import { count as counted } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { regularFile } from '../../tensor/reads-files.ts'
import { damaged, openParquet, patience } from './parquet-worker-node.ts'
import { dialects, type Table, type TableOptions } from './table.ts'

/** Row groups up to this many bytes (unpacked) are read at once; larger ones in pieces, which unpacks some pages twice. */
const groupBytes = 256 * 2 ** 20

/**
 * Reads a Parquet file row group by row group. Class names of columns come from the `huggingface` metadata that the datasets library
 * writes. Byte arrays that are not marked as text stay bytes.
 *
 * @param seconds How long opening, and any piece, may take at least.
 * @throws DataError `parquet-damaged`, `parquet-endless`, `parquet-empty`, `file-unreadable`.
 */
export async function* parquetTables(
  path: string,
  rows: number,
  _options: TableOptions = {},
  seconds: number = patience,
): AsyncGenerator<Table> {
  const { size } = await regularFile(path)
  const parquet = await openParquet(path, seconds)
  try {
    const { metadata } = parquet
    if (metadata.num_rows === 0n) throw new DataError('parquet-empty', `${path}: the file holds no rows.`)
    const columns = topColumns(metadata, path)
    const classNames = readClassNames(metadata, path)
    for (const piece of piecesOf(metadata, path)) {
      const { start, end, bytes, useOffsetIndex } = piece
      // No packing gives more than a thousand bytes for one, whatever the file says of itself.
      const allowed = seconds + Math.min(bytes, 1000 * size) / bytesPerSecond
      const cells = await parquet.read(piece, columns, { useOffsetIndex, seconds: allowed })
      if (cells.length !== end - start) {
        throw damaged(path, `rows ${start} to ${end - 1} are expected, but ${cells.length} were found`)
      }
      for (let from = 0; from < cells.length; from += rows) {
        const table = parquetTable(path, cells.slice(from, from + rows), start + from, columns, classNames)
        yield { ...table, total: Number(metadata.num_rows) }
      }
    }
  } finally {
    await parquet.close()
  }
}

/** What a slow machine reads, unpacked. */
const bytesPerSecond = 2 ** 20

const parquetTable = (
  path: string,
  cells: readonly (readonly unknown[])[],
  first: number,
  columns: readonly string[],
  classNames: Table['classNames'],
): Table => ({
  file: path,
  dialect: dialects.parquet,
  columns,
  rows: cells.length,
  value: (row, column) => cells[row]?.[column],
  locate: (row) => `${path}, row ${first + row}`,
  classNames,
})

/** Rows that are read at once, and about how many bytes they unpack to. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly bytes: number
  readonly useOffsetIndex: boolean
}

function* piecesOf({ row_groups, num_rows }: FileMetaData, path: string): Generator<Piece> {
  let groupStart = 0
  for (const { num_rows: groupRows, total_byte_size } of row_groups) {
    const count = Number(groupRows)
    const bytes = Number(total_byte_size)
    if (count < 0 || groupStart + count > Number(num_rows)) {
      throw damaged(path, `its row groups hold more rows than the ${num_rows} that it says it has`)
    }
    const pieces = Math.max(1, Math.min(count, Math.ceil(bytes / groupBytes)))
    const step = Math.max(1, Math.ceil(count / pieces))
    for (let start = groupStart; start < groupStart + count; start += step) {
      const end = Math.min(start + step, groupStart + count)
      yield { start, end, bytes: bytes / pieces, useOffsetIndex: pieces > 1 }
    }
    groupStart += count
  }
  if (groupStart !== Number(num_rows)) {
    throw damaged(path, `its row groups hold ${counted(groupStart, 'row')}, but it says ${num_rows}`)
  }
}

/** The names of the columns at the schema's top, nested ones counted once. */
function topColumns({ schema }: FileMetaData, path: string): string[] {
  const [root] = schema
  const names: string[] = []
  let at = 1
  for (let child = 0; child < (root?.num_children ?? 0); child++) {
    const element = schema[at]
    if (!element) throw damaged(path, 'its schema ends too early')
    names.push(element.name)
    // All that stands below it: the schema is a tree written row by row.
    for (let open = 1; open > 0; open--) {
      const inner = schema[at++]
      if (!inner) throw damaged(path, 'its schema ends too early')
      open += inner.num_children ?? 0
    }
  }
  return names
}

/** What the datasets library says of the columns: features by name. */
const huggingFace = z.looseObject({
  info: z.looseObject({ features: z.record(z.string(), z.unknown()).optional() }).optional(),
})
const classLabel = z.looseObject({ _type: z.literal('ClassLabel'), names: z.array(z.string()) })
const wrapper = z.looseObject({ feature: z.unknown() })

/** Lists in lists: more than this no data set has, but a file may. */
const deepest = 32

/** The names of the classes that a feature, or the list of lists that it is, holds indexes of. */
function namesOf(feature: unknown): readonly string[] | undefined {
  let inner = feature
  for (let depth = 0; depth < deepest; depth++) {
    const label = classLabel.safeParse(inner)
    if (label.success) return label.data.names
    const next = wrapper.safeParse(inner)
    if (!next.success) return undefined
    inner = next.data.feature
  }
  return undefined
}

function readClassNames({ key_value_metadata }: FileMetaData, path: string): Map<string, readonly string[]> {
  const text = key_value_metadata?.find(({ key }) => key === 'huggingface')?.value
  const names = new Map<string, readonly string[]>()
  if (text === undefined) return names
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DataError('parquet-damaged', `${path}: its 'huggingface' metadata is not JSON.`, {
      cause: error,
    })
  }
  const features = huggingFace.safeParse(value).data?.info?.features ?? {}
  for (const [column, found] of Object.entries(features)) {
    const classes = namesOf(found)
    if (classes) names.set(column, classes)
  }
  return names
}
