import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { guessColumn } from '../data/formats/index.ts'
import { sorted } from '../data/names/index.ts'
import type { ReadOptions } from '../data/read-options.ts'
import { hasLabels } from '../data/tables/index.ts'
import { tableReader } from '../data/tables/index-files.ts'
import { UsageError } from '../errors.ts'
import { listFolder, reading } from '../tensor/reads-files.ts'
import { isNamed } from './model-data-files.ts'

/** Fields that hold a document whatever else the row has. */
const documentFields = ['messages', 'conversations', 'instruction', 'prompt']

/** What is done with texts, for the message. */
const ways = {
  evaluate:
    'Give it texts, or questions as probes; to measure its loss on the texts of labelled rows alone, say that they are documents of the format text (documents).',
  keep: 'Give it texts; to keep the texts of labelled rows alone, say that they are documents of the format text (documents).',
  update:
    'Give it texts; to learn the texts of labelled rows alone, say that they are documents of the format text (documents).',
} as const

/**
 * Refuses rows with labels for a language model, which has no classes: their texts alone are taken only where that is asked for.
 *
 * @param name What messages call the model.
 * @throws UsageError `evaluate-labelled`, `keep-labelled`, `update-labelled`.
 */
export async function refuseLabelled(
  path: string,
  name: string,
  options: ReadOptions,
  verb: keyof typeof ways,
): Promise<void> {
  const refuse = (what: string): never => {
    throw new UsageError(
      `${verb}-labelled`,
      `${path}: ${what}, but ${name} is a language model, which continues texts and has no classes. ${ways[verb]}`,
    )
  }
  if (isNamed(path)) refuse('the data are images with labels')
  if (options.documents !== undefined) return
  const table = await firstTable(path)
  const read = table === undefined ? undefined : tableReader(table)
  if (table === undefined || !read) return
  for await (const rows of read(table, 1, options)) {
    if (hasLabels(rows, options) && guessColumn(rows, documentFields) < 0)
      refuse(`rows have a label (${table})`)
    break
  }
}

/** The table at a path, or the first of those in a folder or in its folder `data`. */
async function firstTable(path: string): Promise<string | undefined> {
  const found = await reading(path, () => stat(path), { code: 'data-missing' })
  if (!found.isDirectory()) return path
  const names = sorted(await listFolder(path))
  const table = names.find((name) => tableReader(name) !== undefined)
  if (table !== undefined) return join(path, table)
  return names.includes('data') ? firstTable(join(path, 'data')) : undefined
}
