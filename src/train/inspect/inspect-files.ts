import type { InputSpec } from '../../data/images/index.ts'
import { readInputFiles } from '../../data/sidecar-files.ts'
import { HoldfastError, ModelError } from '../../errors.ts'
import { type FromOnnxOptions, storedTypes } from '../../model/import/index.ts'
import { findModelFile, type LoadedModel, loadModel } from '../../model/import/index-files.ts'
import { placeOf } from '../../onnx/external-data-node.ts'
import { loadModelFile, type ModelFile } from '../../onnx/files.ts'
import { DataLocation, TensorCode } from '../../onnx/index.ts'
import { type Inspection, type InspectOptions, inspectModel } from './inspect.ts'
import { USUAL_SIDE } from './inspect-sizes.ts'

/** What `holdfast inspect` says of a file. */
export interface FileInspection extends Inspection {
  /** The model's file: in a folder, the one that was found there. */
  readonly file: string
  readonly producer: string
  /** How data become the model's input, from the files beside it and the input's dims. */
  readonly preprocessing: InputSpec | { readonly problem: string }
}

/**
 * Reads a model from disk, and what lies beside it, and says what can be done with it.
 *
 * @param path An .onnx file, or a folder as transformers.js lays it out.
 * @param options.output The value that holds the logits, where the file does not tell.
 * @throws ModelError what `loadModel` throws; but a file with several outputs is inspected by its first of floats, and the obstacle
 * says that one has to be named.
 * @example
 * const { trainable, step } = await inspectFile('model.onnx', { batch: 32 })
 */
export async function inspectFile(
  path: string,
  options: Omit<InspectOptions, 'typeOf' | 'fileBytes'> & Pick<FromOnnxOptions, 'output' | 'bind'> = {},
): Promise<FileInspection> {
  const { output, bind, ...asked } = options
  const { loaded, ambiguous } = await loadFor(path, { output, bind })
  const { model, file } = loaded
  const { preprocessing, positions } = await preprocessingOf(loaded)
  const image = asked.image ?? imageSize(preprocessing) ?? sizeInMetadata(file)
  const inspection = inspectModel(model, {
    ...asked,
    image,
    positions,
    fileBytes: bytesOnDisk(file),
    typeOf: storedTypes(file.model),
  })
  const named = ambiguous === undefined ? [] : [{ node: '', op: '', domain: '', reason: ambiguous }]
  return {
    file: file.path,
    producer: [file.model.producerName, file.model.producerVersion].filter(Boolean).join(' '),
    ...inspection,
    trainable: inspection.trainable && ambiguous === undefined,
    obstacles: [...named, ...inspection.obstacles],
    limits: [...inspection.limits, ...(image ? [] : freeSize(loaded, preprocessing))],
    preprocessing,
  }
}

/** Pixels of the images that the files beside the model lead to. */
function imageSize(preprocessing: FileInspection['preprocessing']): InspectOptions['image'] {
  if ('problem' in preprocessing || preprocessing.kind !== 'image') return undefined
  const { crop, resize } = preprocessing.image
  if (crop || !resize) return crop
  return resize.how === 'shortest-edge' ? { height: resize.edge, width: resize.edge } : resize
}

/** Nothing says how large images are. */
function freeSize({ model }: LoadedModel, preprocessing: FileInspection['preprocessing']): string[] {
  if ('problem' in preprocessing || preprocessing.kind !== 'image') return []
  const sides = (model.input.dims ?? []).slice(1).filter((dim) => typeof dim === 'string')
  if (sides.length === 0) return []
  return [
    `The file leaves the size of images free, and nothing beside it says it: a step was counted for ${USUAL_SIDE} pixels a side (--size HxW for others), and images of one size are read as they are. Write "resize" into holdfast.json beside the model to have all brought to one.`,
  ]
}

/** As Ultralytics writes it: height and width. */
function sizeInMetadata({ model }: ModelFile): InspectOptions['image'] {
  const text = model.metadataProps.find(({ key }) => key === 'imgsz')?.value ?? ''
  const [, height, width] = /^\[\s*(\d{1,5})\s*,\s*(\d{1,5})\s*\]$/.exec(text.trim()) ?? []
  return Number(height) > 0 && Number(width) > 0
    ? { height: Number(height), width: Number(width) }
    : undefined
}

/** The model's file, and its tensors in others. */
function bytesOnDisk({ path, bytes, model }: ModelFile): number {
  const outside = (model.graph?.initializer ?? []).filter(
    ({ dataLocation }) => dataLocation === DataLocation.external,
  )
  return outside.reduce((sum, tensor) => sum + placeOf(tensor, path).length, bytes.byteLength)
}

async function loadFor(
  path: string,
  { output, bind }: Pick<FromOnnxOptions, 'output' | 'bind'>,
): Promise<{ readonly loaded: LoadedModel; readonly ambiguous?: string }> {
  const load = (name: string | undefined): Promise<LoadedModel> =>
    loadModel(path, { batchNorm: 'train', output: name, bind })
  try {
    return { loaded: await load(output) }
  } catch (problem) {
    if (!(problem instanceof ModelError) || problem.code !== 'model-output' || output !== undefined)
      throw problem
    const { model } = await loadModelFile(await findModelFile(path))
    const outputs = model.graph?.output ?? []
    const float = outputs.find(
      ({ type }) => type?.value.case === 'tensorType' && type.value.value.elemType === TensorCode.float32,
    )
    return { loaded: await load((float ?? outputs[0])?.name), ambiguous: problem.message }
  }
}

async function preprocessingOf({ model, file }: LoadedModel): Promise<{
  readonly preprocessing: FileInspection['preprocessing']
  readonly positions?: number | undefined
}> {
  try {
    const { input, tokenizer } = await readInputFiles(file.path, model.input)
    return { preprocessing: input, positions: tokenizer?.limit }
  } catch (problem) {
    if (problem instanceof HoldfastError) return { preprocessing: { problem: problem.message } }
    throw problem
  }
}
