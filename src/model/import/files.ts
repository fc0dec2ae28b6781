import { loadModelFile, type ModelFile, saveModelFile } from '../../onnx/files.ts'
import { decodeModel } from '../../onnx/read.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { withHeadOf } from '../heads/index.ts'
import type { Model } from '../model.ts'
import { findModelFile } from './find-files.ts'
import { type FromOnnxOptions, modelFromOnnx } from './onnx-model.ts'
import { settleLabels } from './settle-labels-files.ts'
import { storedChanges } from './stored.ts'
import { isUpdateName } from './update-inputs.ts'

/** A model, and the file that it came from, which {@link saveModel} writes again with other parameters. */
export interface LoadedModel {
  readonly model: Model
  readonly file: ModelFile
  /** What was recognised or passed over in the files beside it, as sentences. */
  readonly notes: readonly string[]
}

/**
 * Reads a model from disk, tensors in files beside it included. Labels come from `labels.txt`, `labels.json` or
 * `config.json` (`id2label`) in its folder (or the one above a folder `onnx`), else from its metadata. Each file of labels has to have
 * as many as the model has outputs, unless the metadata have: then it is that of the model which this one was updated from.
 *
 * @param path An .onnx file, or a folder as transformers.js lays it out: `onnx/model.onnx` or `model.onnx` in it is read.
 * @param options.output The value that holds the logits, where the file does not tell.
 * @throws ModelError `model-not-found`, `model-quantised-only`, `model-several`, `labels-unreadable`, `labels-count`, `labels-disagree`, `classes-repeated`,
 * and what {@link modelFromOnnx} throws.
 * @example
 * const { model, file } = await loadModel('model.onnx')
 * await saveModel('better.onnx', file, trained)
 */
export async function loadModel(
  path: string,
  options: Pick<FromOnnxOptions, 'output' | 'batchNorm' | 'untie' | 'bind'> = {},
): Promise<LoadedModel> {
  return modelOfFile(await loadModelFile(await findModelFile(path)), options)
}

/** Low-rank updates that are inputs of the file have no values here. */
function unfedUpdates({ path, model: { graph } }: ModelFile): readonly string[] {
  const inputs = graph?.input.filter(({ name }) => isUpdateName(name ?? '')) ?? []
  if (inputs.length === 0) return []
  return [
    `${path} has ${inputs.length} inputs for low-rank updates (--adapter-inputs), and none are fed: it answers as the model without an update.`,
  ]
}

/**
 * {@link loadModel} of a file that is read already.
 *
 * @throws What {@link loadModel} throws.
 */
export async function modelOfFile(
  file: ModelFile,
  options: Pick<FromOnnxOptions, 'output' | 'batchNorm' | 'untie' | 'bind'> = {},
): Promise<LoadedModel> {
  const from = { ...options, name: file.path, externalData: file.externalData }
  const own = modelFromOnnx(file.model, from)
  const { classes, notes } = await settleLabels(file.path, own)
  // Two labels for one number make another model of the file.
  const labelled =
    classes.classes.length === own.classes.length
      ? own
      : modelFromOnnx(file.model, { ...from, classes: classes.classes })
  return { model: { ...labelled, ...classes }, file, notes: [...notes, ...unfedUpdates(file)] }
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
