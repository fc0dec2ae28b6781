import { extname } from 'node:path'
import type { Table, TableOptions } from '../formats/index.ts'
import { parquetTables } from '../formats/index-files.ts'
import { csvTables } from './csv-files.ts'
import { jsonTables } from './json-files.ts'

/** A file's rows as tables of at most `rows` rows, read as they are asked for. */
type Reader = (path: string, rows: number, options: TableOptions) => AsyncGenerator<Table>

/** The formats of tables, by their files' extension. */
export const tableReaders = {
  '.csv': csvTables,
  '.tsv': csvTables,
  '.json': jsonTables,
  '.jsonl': jsonTables,
  '.ndjson': jsonTables,
  '.parquet': parquetTables,
} as const satisfies { readonly [extension: string]: Reader }

/** Text formats may be packed: `train.csv.gz`. */
const packable = ['.csv', '.tsv', '.json', '.jsonl', '.ndjson']

/** The reader of a table by its file's name; undefined where it is none. */
export function tableReader(path: string): Reader | undefined {
  const extension = tableExtension(path)
  return extension === undefined ? undefined : tableReaders[extension]
}

function tableExtension(path: string): keyof typeof tableReaders | undefined {
  const last = extname(path).toLowerCase()
  if (last === '.gz') {
    const inner = extname(path.slice(0, -last.length)).toLowerCase()
    return packable.includes(inner) ? (inner as keyof typeof tableReaders) : undefined
  }
  return Object.hasOwn(tableReaders, last) ? (last as keyof typeof tableReaders) : undefined
}

/** A file's name without the extension of a table: `train` of `train.csv.gz`. */
export function tableStem(name: string): string {
  const bare = name.replace(/\.gz$/i, '')
  return bare.slice(0, bare.length - extname(bare).length)
}
