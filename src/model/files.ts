import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadModelFile, type ModelFile } from '../onnx/files.ts'
import { classesFromFile } from './labels.ts'
import type { Model } from './model.ts'
import { modelFromOnnx } from './onnx-model.ts'

/** A model, and the file that it came from, which `saveModelFile` writes again with other parameters. */
export interface LoadedModel {
  readonly model: Model
  readonly file: ModelFile
}

/** Where labels are looked for beside a model, in this order. */
const labelFiles = ['labels.txt', 'labels.json', 'config.json']

/**
 * Reads a model from disk, tensors in files beside it included. Labels come from `labels.txt`, `labels.json` or
 * `config.json` (`id2label`) in its folder, else from its metadata.
 *
 * @param options.output The value that holds the logits, where the file does not tell.
 * @throws ModelError `model-not-found`, `labels-unreadable`, and what {@link modelFromOnnx} throws.
 * @example
 * const { model, file } = await loadModel('model.onnx')
 * await saveModelFile('better.onnx', file, { changes: trained })
 */
export async function loadModel(
  path: string,
  options: { readonly output?: string } = {},
): Promise<LoadedModel> {
  const file = await loadModelFile(path)
  const classes = await labelsBeside(path)
  const model = modelFromOnnx(file.model, {
    ...options,
    name: path,
    externalData: file.externalData,
    ...(classes ? { classes } : {}),
  })
  return { model, file }
}

async function labelsBeside(path: string): Promise<readonly string[] | undefined> {
  for (const name of labelFiles) {
    const beside = join(dirname(path), name)
    const text = await readFile(beside, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const found = text === undefined ? undefined : classesFromFile(beside, text)
    if (found) return found
  }
  return undefined
}
