import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { readLabelText } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { foundAt, readBytes } from '../../tensor/reads-files.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import type { Model } from '../model.ts'
import { modelFolder } from './find-files.ts'
import { decodedLabels, labelFileNames } from './labels-beside-files.ts'
import { withLabelsInStep } from './labels-in-step-files.ts'

/** Files beside a model that say how its inputs are made. */
export const readingFileNames = [
  'holdfast.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
]

/** Beside these those that say what its outputs are called. */
export const companionNames = [...labelFileNames, ...readingFileNames]

/** A file that goes with a model. */
interface Companion {
  readonly path: string
  readonly content: Uint8Array | string
}

/**
 * What has to be written beside a model's file in another folder, so that it is read there as the one that it came from is read.
 *
 * @param model The model as it is written: labels are its.
 * @returns Nothing where the folder is that of the model.
 * @throws UsageError `out-companions` where the folder has such a file that says otherwise and belongs to another model.
 */
export async function companionsOf(
  out: string,
  file: ModelFile,
  model: Model,
): Promise<readonly Companion[]> {
  const folder = dirname(out)
  const sources = [...new Set([dirname(file.path), modelFolder(file.path)])]
  const real = await realpath(folder).catch(() => undefined)
  if (real !== undefined && (await Promise.all(sources.map((source) => realpath(source)))).includes(real))
    return []
  const replaces = await isOfSameModel(out)
  const companions: Companion[] = []
  for (const name of companionNames) {
    const content = await contentOf(sources, name, model)
    if (content === undefined) continue
    const path = join(folder, name)
    const there = (await foundAt(path)) && (await readBytes(path))
    if (there && Buffer.from(content).equals(Buffer.from(there))) continue
    if (there && !replaces) {
      throw new UsageError(
        'out-companions',
        `${path} is there already and says otherwise than the one beside ${file.path}, by which the model that is written has to be read. Write the model to a folder of its own.`,
      )
    }
    companions.push({ path, content })
  }
  return companions
}

/** @returns Where they are. */
export async function writeCompanions(companions: readonly Companion[]): Promise<readonly string[]> {
  for (const { path, content } of companions) await writeWhole(path, content)
  return companions.map(({ path }) => path)
}

async function contentOf(
  sources: readonly string[],
  name: string,
  model: Model,
): Promise<Uint8Array | string | undefined> {
  for (const source of sources) {
    const path = join(source, name)
    const bytes = (await foundAt(path)) && (await readBytes(path))
    if (!bytes) continue
    if (name === 'config.json' && !readLabelText(path, decodedLabels(path, bytes))) {
      // It may still say how long a text may be.
      const tokenizers = await Promise.all(sources.map((folder) => foundAt(join(folder, 'tokenizer.json'))))
      return tokenizers.some((found) => found !== undefined) ? bytes : undefined
    }
    return (model.unnamed ? undefined : await withLabelsInStep(path, model.classes)) ?? bytes
  }
  return undefined
}

/** Whether the folder holds an older file of this name, perhaps one whose budget was not met, and no other model. */
async function isOfSameModel(out: string): Promise<boolean> {
  const names = await readdir(dirname(out)).catch((): string[] => [])
  const models = names.filter((name) => name.endsWith('.onnx'))
  const stem = (name: string) => basename(name, extname(name)).replace(/\.(not-met|unproven)$/, '')
  return models.length > 0 && models.every((name) => stem(name) === stem(basename(out)))
}
