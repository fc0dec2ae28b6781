import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadModelFile, type ModelFile, saveModelFile } from '../../onnx/files.ts'
import { decodeModel } from '../../onnx/read.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { classesFromFile, findHead, withHeadOf } from '../heads/index.ts'
import { classCount, type Model } from '../model.ts'
import { findModelFile, modelFolder } from './find-files.ts'
import { type FromOnnxOptions, modelFromOnnx } from './onnx-model.ts'
import { storedChanges } from './stored.ts'

/** A model, and the file that it came from, which {@link saveModel} writes again with other parameters. */
export interface LoadedModel {
  readonly model: Model
  readonly file: ModelFile
}

/** Where labels are looked for beside a model, in this order. */
const labelFiles = ['labels.txt', 'labels.json', 'config.json']

/**
 * Reads a model from disk, tensors in files beside it included. Labels come from `labels.txt`, `labels.json` or
 * `config.json` (`id2label`) in its folder (or the one above a folder `onnx`), else from its metadata; these hold, too,
 * where they alone are as many as the outputs.
 *
 * @param path An .onnx file, or a folder as transformers.js lays it out: `onnx/model.onnx` or `model.onnx` in it is read.
 * @param options.output The value that holds the logits, where the file does not tell.
 * @throws ModelError `model-not-found`, `model-quantised-only`, `model-several`, `labels-unreadable`, and what {@link modelFromOnnx} throws.
 * @example
 * const { model, file } = await loadModel('model.onnx')
 * await saveModel('better.onnx', file, trained)
 */
export async function loadModel(
  path: string,
  options: Pick<FromOnnxOptions, 'output' | 'batchNorm' | 'untie'> = {},
): Promise<LoadedModel> {
  const file = await loadModelFile(await findModelFile(path))
  const classes = await labelsBeside(file.path)
  const from = { ...options, name: file.path, externalData: file.externalData }
  const model = modelFromOnnx(file.model, classes ? { ...from, classes } : from)
  const rows = findHead(model)?.classes
  const outputs = rows === undefined ? undefined : classCount(model, rows)
  if (!classes || outputs === undefined || outputs === classes.length) return { model, file }
  // Labels beside a file may be those of the model that it was updated from: its own hold where they fit and these do not.
  const own = modelFromOnnx(file.model, from)
  return { model: own.classes.length === outputs ? own : model, file }
}

/**
 * Writes the file that a model came from with other parameters, each in the type that the file keeps it in. Nothing else
 * of the file changes, and what did not train keeps its bytes; tensors in files beside it go to `<path>_data`.
 *
 * @param options.model The model where its head has changed: the dims of its outputs and the labels in the metadata are
 * written, too.
 * @throws ModelError `initializer-missing`, `tensor-overflow`; and what `saveModelFile` throws.
 * @example
 * await saveModel('better.onnx', file, trained)
 */
export async function saveModel(
  path: string,
  file: ModelFile,
  parameters: ReadonlyMap<string, Tensor>,
  options: { readonly model?: Model } = {},
): Promise<void> {
  const source = options.model ? fileOf(file, options.model) : file
  await saveModelFile(path, source, { changes: storedChanges(file.model, parameters, file.externalData) })
}

function fileOf(file: ModelFile, model: Model): ModelFile {
  const bytes = withHeadOf(file.bytes, model)
  return bytes === file.bytes ? file : { ...file, bytes, model: decodeModel(bytes, file.path) }
}

async function labelsBeside(path: string): Promise<readonly string[] | undefined> {
  const folders = new Set([dirname(path), modelFolder(path)])
  for (const beside of [...folders].flatMap((folder) => labelFiles.map((name) => join(folder, name)))) {
    const text = await readFile(beside, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const found = text === undefined ? undefined : classesFromFile(beside, text)
    if (found) return found
  }
  return undefined
}
