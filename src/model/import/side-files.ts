import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isImageName } from '../../data/images/index.ts'
import { readAt } from '../../tensor/whole-files.ts'
import { labelFileNames } from './labels-beside-files.ts'

/** Forms in which rows lie on disk, packs and archives. */
const rows =
  /(\.(keep|jsonl|ndjson|csv|tsv|parquet|arrow|feather|npy|npz|mat|pkl|pickle|db|sqlite3?|zip|tar|tgz|gz|bz2|xz|zst|7z)|-ubyte)$/i

/** Texts that say something of a model; any other may be what it was trained on. */
const texts = /(label|class|name|categor|synset|vocab|merges|readme|licen[cs]e|notice|copying|requirements)/i

/** What models are made of in folders of their own, such as the `1_Pooling` of sentence-transformers. */
const parts =
  /^((.*_)?config\.json|tokenizer.*|vocab\..*|merges\.txt|special_tokens_map\.json|added_tokens\.json|pytorch_model\.bin|.*\.(safetensors|model))$/

const startBytes = 2 ** 16

/**
 * Which files of a model's folder go with it to where it is written. Hidden files, packs, data, images and archives do not, nor does
 * what lies in folders without a model but for its configuration, tokenizer and weights: they may hold the rows that a release is not to have.
 *
 * @param names The paths of all files, from the folder on.
 */
export async function sideFiles(folder: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const modelFolders = new Set(['.', ...names.filter((name) => name.endsWith('.onnx')).map(dirname)])
  const found = new Set<string>()
  for (const path of names) {
    const name = basename(path)
    if (path.split(/[\\/]/).some((part) => part.startsWith('.')) || rows.test(name) || isImageName(name))
      continue
    if (!modelFolders.has(dirname(path)) && !parts.test(name)) continue
    if (/\.(txt|md)$/i.test(name) && !texts.test(name)) continue
    if (/\.json$/i.test(name) && (await holdsRows(join(folder, path)))) continue
    found.add(path)
  }
  return found
}

/** Whether a JSON file is a list of objects, or has one a line. */
async function holdsRows(path: string): Promise<boolean> {
  const name = basename(path)
  // The list of what a sentence-transformers model is made of.
  if (name === 'modules.json' || (labelFileNames as readonly string[]).includes(name)) return false
  const file = await open(path)
  try {
    const bytes = new Uint8Array(startBytes)
    const start = new TextDecoder().decode(bytes.subarray(0, readAt(file.fd, bytes, 0))).trimStart()
    return /^\[\s*\{|^\{[^\n]*\}\s*\n\s*\{/.test(start)
  } finally {
    await file.close()
  }
}
