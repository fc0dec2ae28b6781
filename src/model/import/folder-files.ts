import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { preview } from '../../data/names/index.ts'
import { EnvironmentError, HoldfastError, UsageError } from '../../errors.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { DataLocation } from '../../onnx/index.ts'
import { refuseTaken } from '../../tensor/outputs-files.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { writeObstacle } from '../../tensor/writes-files.ts'
import type { Model } from '../model.ts'
import { saveModel } from './files.ts'
import { isVariantOf, modelFolder } from './find-files.ts'
import { withLabelsInStep } from './labels-in-step-files.ts'
import { sideFiles } from './side-files.ts'
import { storedChanges } from './stored.ts'

/** What became of a folder's files, by their paths in it. */
export interface SavedFolder {
  readonly copied: readonly string[]
  readonly written: readonly string[]
  /** Smaller variants (quantised, fp16) of the model: they hold the old weights, and have to be made anew. */
  readonly leftOut: readonly string[]
  /** What is no part of the model: hidden files, packs, data. */
  readonly notCopied: readonly string[]
}

/**
 * Writes the folder that a model came from with other parameters: the .onnx file in its place, and every file that goes with it
 * byte for byte (see {@link sideFiles}), but for smaller variants of the model, which would hold old weights. Where the head has changed, every file of
 * labels in the folder gets the new ones. The folder is written beside its place and renamed when it is whole. In one that is there and holds
 * a model, only the files of the model are replaced, each whole; any other is refused.
 *
 * @param file As `loadModel` gives it.
 * @param options.model The model where its head has changed.
 * @throws UsageError `out-folder-taken`; EnvironmentError `write-failed`; and what `saveModel` throws.
 * @example
 * const { model, file } = await loadModel('distilbert')
 * const { leftOut } = await saveModelFolder('distilbert-updated', file, trained)
 */
export async function saveModelFolder(
  path: string,
  file: ModelFile,
  parameters: ReadonlyMap<string, Tensor>,
  options: { readonly model?: Model } = {},
): Promise<SavedFolder> {
  const source = modelFolder(file.path)
  const place = relative(source, file.path)
  const own = new Set([place, ...dataFilesOf(file).map((name) => join(dirname(place), name))])
  const stale =
    options.model !== undefined || storedChanges(file.model, parameters, file.externalData).size > 0
  const there = await refuseTakenPlace(path, source)
  const beside = `${path}.${process.pid}.partial`
  const copied: string[] = []
  const leftOut: string[] = []
  const notCopied: string[] = []
  const written = [place]
  try {
    await rm(beside, { recursive: true, force: true })
    await mkdir(join(beside, dirname(place)), { recursive: true })
    const names = (await filesIn(source)).filter((name) => !own.has(name))
    const going = await sideFiles(source, [place, ...names])
    for (const name of names) {
      const sibling = dirname(name) === dirname(place) && isVariantOf(basename(name), basename(place))
      if (sibling && stale) {
        leftOut.push(name)
        continue
      }
      if (!going.has(name)) {
        notCopied.push(name)
        continue
      }
      const labelled = options.model && (await withLabelsInStep(join(source, name), options.model.classes))
      await mkdir(dirname(join(beside, name)), { recursive: true })
      if (labelled === undefined) await copyFile(join(source, name), join(beside, name))
      else await writeWhole(join(beside, name), labelled)
      ;(labelled === undefined ? copied : written).push(name)
    }
    await saveModel(join(beside, place), file, parameters, options)
    if (there) await moveInto(beside, path, { last: place, stale: leftOut })
    else await rename(beside, path)
  } catch (cause) {
    await rm(beside, { recursive: true, force: true })
    if (cause instanceof HoldfastError) throw cause
    const reason = await writeObstacle(path, cause, 'folder')
    throw new EnvironmentError('write-failed', `${path}: the folder could not be written (${reason}).`, {
      cause,
    })
  }
  return { copied, written, leftOut, notCopied }
}

/** What is to be told of a folder that was written, sentence by sentence. */
export function savedNotes(path: string, { leftOut, notCopied }: SavedFolder): string[] {
  return [
    ...(leftOut.length === 0
      ? []
      : [
          `${path} has no smaller variants of the model (${preview(leftOut)}), as they hold the old weights: make them anew.`,
        ]),
    ...(notCopied.length === 0
      ? []
      : [
          `${path} has only what goes with the model; not copied ${notCopied.length === 1 ? 'is' : 'are'} ${preview(notCopied)}.`,
        ]),
  ]
}

/** Paths of all files, in order. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

/** Files that the model keeps its tensors in, as it names them: from its folder on. */
export const dataFilesOf = ({ model }: Pick<ModelFile, 'model'>): readonly string[] => [
  ...new Set(
    (model.graph?.initializer ?? [])
      .filter(({ dataLocation }) => dataLocation === DataLocation.external)
      .flatMap(({ externalData }) => externalData.filter(({ key }) => key === 'location'))
      .map(({ value = '' }) => value),
  ),
]

/** What stands at the place of the folder: nothing, or a folder that holds a model. */
async function refuseTakenPlace(path: string, source: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isDirectory()) {
    throw new UsageError(
      'out-folder-taken',
      `${path}: this is a file, and a folder is written. Name a folder.`,
    )
  }
  const way = relative(resolve(source), resolve(path))
  if (way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(source, way) === resolve(path)) {
    throw new UsageError(
      'out-folder-taken',
      `${path}: this folder lies in ${source}, all of which is copied there. Name one beside it.`,
    )
  }
  if (!found) return false
  await refuseTaken(path)
  return true
}

/** Moves files to their places in a folder that is there: the model last, so that what lies beside it is never that of an older one. */
async function moveInto(
  from: string,
  to: string,
  { last, stale }: { readonly last: string; readonly stale: readonly string[] },
): Promise<void> {
  const names = (await filesIn(from)).filter((name) => name !== last)
  for (const name of stale) await rm(join(to, name), { force: true })
  for (const name of [...names, last]) {
    await mkdir(dirname(join(to, name)), { recursive: true })
    await rename(join(from, name), join(to, name))
  }
  await rm(from, { recursive: true })
}
