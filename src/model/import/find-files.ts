import { basename, dirname, join, relative } from 'node:path'
import { ModelError } from '../../errors.ts'
import { foundAt, listFolder } from '../../tensor/reads-files.ts'

/** What transformers.js appends to a model's name for its smaller variants, before `.onnx`. */
const VARIANT = /_(fp16|int8|uint8|bnb4|quantized|q\d+(f16)?)$/

const fault = { kind: ModelError, code: 'model-not-found', way: 'Give the path of an .onnx file.' } as const

/** Whether a file is a smaller variant of a model: `model_quantized.onnx`, or its data, of `model.onnx`. */
export function isVariantOf(name: string, model: string): boolean {
  const stem = name.replace(/\.onnx(_data(_\d+)?)?$/, '')
  return stem !== name && VARIANT.test(stem) && `${stem.replace(VARIANT, '')}.onnx` === model
}

/**
 * The .onnx file that a path means: itself, or in a folder `onnx/model.onnx` (where transformers.js keeps it),
 * `model.onnx`, or the only one there.
 *
 * @throws ModelError `model-quantised-only` when the folder holds smaller variants only; `model-not-found` when it holds
 * none, `model-several` when it holds several.
 */
export async function findModelFile(path: string): Promise<string> {
  const found = await foundAt(path, fault)
  if (!found?.isDirectory()) return path
  const files: string[] = []
  for (const folder of [join(path, 'onnx'), path]) {
    const names = (await foundAt(folder, fault))?.isDirectory() ? await listFolder(folder, fault) : []
    if (names.includes('model.onnx')) return join(folder, 'model.onnx')
    files.push(
      ...names
        .filter((name) => name.endsWith('.onnx'))
        .sort()
        .map((name) => join(folder, name)),
    )
  }
  const whole = files.filter((file) => !VARIANT.test(basename(file, '.onnx')))
  const [first, ...others] = whole
  const list = (names: readonly string[]): string => names.map((name) => relative(path, name)).join(', ')
  if (first === undefined && files.length > 0) {
    throw new ModelError(
      'model-quantised-only',
      `${path}: only smaller variants of the model are here (${list(files)}), but training needs the fp32 file. Fetch onnx/model.onnx of the same model, or export it without quantisation; a file that quantize_dynamic wrote learns by low-rank updates: name it.`,
    )
  }
  if (first === undefined) {
    throw new ModelError(
      'model-not-found',
      `${path}: an .onnx file was expected in this folder or in its folder onnx, but there is none. Give the path of an .onnx file.`,
    )
  }
  if (others.length > 0) {
    throw new ModelError(
      'model-several',
      `${path}: which of the models in this folder is meant? They are ${list(whole)}. Give the path of one.`,
    )
  }
  return first
}

/** What a model is called: its file's name; where many have it, with that of its folder. */
export function modelName(file: string): string {
  const name = basename(file)
  const folder = modelFolder(file)
  return name === 'model.onnx' ? join(basename(folder), relative(folder, file)) : name
}

/** The folder that a model belongs to with its configuration and tokenizer: the one above where it lies in `onnx`. */
export function modelFolder(file: string): string {
  const folder = dirname(file)
  return basename(folder) === 'onnx' ? dirname(folder) : folder
}
