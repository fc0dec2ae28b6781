import { join } from 'node:path'
import { sorted } from '../names/index.ts'
import { checkShards } from './shards.ts'
import type { Source, SourceOptions } from './source.ts'
import { tableSource } from './table-source-files.ts'

/** A table that names the images beside it, as Hugging Face's image folders have it. */
export function metadataSource(
  folder: string,
  names: readonly string[],
  options: SourceOptions,
): Source | undefined {
  const found = sorted(names.filter((name) => /^metadata\.((csv|tsv|jsonl)(\.gz)?|parquet)$/.test(name)))
  if (found.length === 0) return undefined
  checkShards(folder, found)
  return tableSource(
    found.map((name) => join(folder, name)),
    options,
  )
}
