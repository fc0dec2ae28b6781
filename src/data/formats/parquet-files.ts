import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { z } from 'zod'
import { DataError, HoldfastError } from '../../errors.ts'
import { reading } from './disk-files.ts'
import { dialects, type Table } from './table.ts'

/** Row groups up to this many bytes (unpacked) are read at once; larger ones in pieces, which unpacks some pages twice. */
const groupBytes = 256 * 2 ** 20

/**
 * Reads a Parquet file row group by row group. Class names of columns come from the `huggingface` metadata that the datasets library
 * writes. Byte arrays that are not marked as text stay bytes.
 *
 * @throws DataError `parquet-damaged`, `parquet-empty`, `file-unreadable`.
 */
export async function* parquetTables(path: string, rows: number): AsyncGenerator<Table> {
  const file = await reading(path, () => asyncBufferFromFile(path))
  const metadata = await decoding(path, () => parquetMetadataAsync(file))
  if (metadata.num_rows === 0n) throw new DataError('parquet-empty', `${path}: the file holds no rows.`)
  const columns = topColumns(metadata)
  const classNames = readClassNames(metadata, path)
  let groupStart = 0
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows)
    const pieces = Math.max(1, Math.ceil(Number(group.total_byte_size) / groupBytes))
    const step = Math.max(1, Math.min(count, Math.ceil(count / pieces)))
    for (let start = groupStart; start < groupStart + count; start += step) {
      const end = Math.min(start + step, groupStart + count)
      const cells = await decoding(path, async () => {
        let result: unknown[][] = []
        await parquetRead({
          file,
          metadata,
          compressors,
          columns: [...columns],
          utf8: false,
          useOffsetIndex: pieces > 1,
          rowStart: start,
          rowEnd: end,
          onComplete: (read) => {
            result = read
          },
        })
        return result
      })
      for (let from = 0; from < cells.length; from += rows) {
        const slice = cells.slice(from, from + rows)
        const first = start + from
        yield {
          file: path,
          dialect: dialects.parquet,
          columns,
          rows: slice.length,
          value: (row, column) => slice[row]?.[column],
          locate: (row) => `${path}, row ${first + row}`,
          classNames,
        }
      }
    }
    groupStart += count
  }
}

async function decoding<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'parquet-damaged',
      `${path}: the file cannot be read as Parquet (${reason}). It may be cut off; fetch or write it again.`,
      { cause: error },
    )
  }
}

/** The names of the columns at the schema's top, nested ones counted once. */
function topColumns({ schema }: FileMetaData): string[] {
  const names: string[] = []
  const [root] = schema
  let at = 1
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0
    for (let child = 0; child < children; child++) skip()
  }
  for (let child = 0; child < (root?.num_children ?? 0); child++) {
    names.push(schema[at]?.name ?? '')
    skip()
  }
  return names
}

const feature: z.ZodType<Feature> = z.lazy(() =>
  z.looseObject({
    _type: z.string().optional(),
    names: z.array(z.string()).optional(),
    feature: feature.optional().catch(undefined),
  }),
)
interface Feature {
  readonly _type?: string | undefined
  readonly names?: readonly string[] | undefined
  readonly feature?: Feature | undefined
}
const huggingFace = z.looseObject({
  info: z.looseObject({ features: z.record(z.string(), feature.catch({})).optional() }).optional(),
})

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
    let inner: Feature | undefined = found
    while (inner && inner._type !== 'ClassLabel') inner = inner.feature
    if (inner?.names) names.set(column, inner.names)
  }
  return names
}
