import { mkdir } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import { type LoraOptions, withLora } from '../model/adapters/index.ts'
import { checkAdapters, saveAdapters } from '../model/adapters/index-files.ts'
import { isLastOfUpdate, isUpdateName } from '../model/import/index.ts'
import {
  checkLabelsInStep,
  companionsOf,
  modelFolder,
  savedNotes,
  saveModel,
  saveModelFolder,
  writeCompanions,
} from '../model/import/index-files.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { logitsFor, predictionsFrom } from './gate/index.ts'
import type { TextUpdateOptions } from './texts/index.ts'
import type { LoadedUpdate } from './update-files.ts'
import type { UpdateResult } from './update-types.ts'
import { updatedModel } from './updated-model.ts'

/** What stands between a path's name and its extension where the budget was not shown to be kept. */
const suffixes = { met: '', 'nothing-to-gain': '', 'not-met': '.not-met', inconclusive: '.unproven' } as const

/**
 * Where the updated model goes, and its pack: the path that was asked for only when the budget is kept, so that whatever picks the
 * file up never gets another; else beside it, `better.not-met.onnx` or `better.unproven.onnx`.
 *
 * @param force Takes the path whatever the result is.
 * @example outputPath('better.onnx', 'not-met') // 'better.not-met.onnx'
 */
export function outputPath(path: string, status: UpdateResult['status'], force = false): string {
  const plain = path.replace(/(?<=[^\\/])[\\/]+$/, '')
  if (force) return plain
  const extension = ['.onnx', '.keep'].find((known) => known === extname(plain)) ?? ''
  return `${plain.slice(0, plain.length - extension.length)}${suffixes[status]}${extension}`
}

/** What an update came to, as far as its file goes; of whatever kind of model. */
interface Written {
  /** Null where the old model stays. */
  readonly chosen: object | null
  readonly parameters: UpdateResult['parameters']
}

/**
 * Writes the updated model as the file, or the folder, that it came as: whole or not at all. Folders on the way there are made. Where
 * there was nothing to gain it is the old model, byte for byte.
 *
 * @returns What is to be told of a folder's files that were not copied, and the files that were written beside one that is none.
 * @throws EnvironmentError `write-failed`; and what saving throws.
 */
export async function writeUpdated(
  path: string,
  loaded: Pick<LoadedUpdate, 'file' | 'given' | 'folder' | 'model' | 'widened'>,
  result: Written,
): Promise<{ readonly notes: readonly string[]; readonly beside: readonly string[] }> {
  const { folder, model, widened } = loaded
  const { file, parameters } = writtenOf(loaded, result)
  const options = widened === model || !result.chosen ? {} : { model: widened }
  await mkdir(dirname(path), { recursive: true })
  // The folder is first written beside its place, under a name that begins with it.
  if (folder) {
    const plain = path.replace(/[\\/]+$/, '')
    const notes = savedNotes(plain, await saveModelFolder(plain, file, parameters, options))
    return { notes, beside: [] }
  }
  const companions = await companionsOf(path, file, result.chosen ? widened : model)
  await saveModel(path, file, parameters, options)
  return { notes: [], beside: await writeCompanions(companions) }
}

/** What goes into which file: updates beside layers of few bits that learned nothing, as where the head alone did, are left out. */
function writtenOf(
  { file, given }: Pick<LoadedUpdate, 'file' | 'given'>,
  { chosen, parameters }: Written,
): { readonly file: LoadedUpdate['file']; readonly parameters: Written['parameters'] } {
  if (!chosen) return { file: given, parameters: new Map() }
  if (file === given || !withoutUpdates(parameters)) return { file, parameters }
  return { file: given, parameters: new Map([...parameters].filter(([name]) => !isUpdateName(name))) }
}

/** Whether no update adds anything: each ends with zeros. */
const withoutUpdates = (parameters: Written['parameters']): boolean =>
  [...parameters].every(
    ([name, { data }]) => !isLastOfUpdate(name) || (data as Float32Array).every((value) => value === 0),
  )

/**
 * Checks that what lies beside the model can go with it to where it will be written.
 *
 * @throws UsageError `out-companions`; ModelError `labels-unwritable` for a class that the labels beside the model cannot hold.
 */
export async function checkCompanions(
  path: string,
  { file, folder, model, widened }: Pick<LoadedUpdate, 'file' | 'folder' | 'model' | 'widened'>,
): Promise<void> {
  if (!folder) await companionsOf(path, file, widened)
  else if (widened !== model) await checkLabelsInStep(modelFolder(file.path), widened)
}

/**
 * Checks that what LoRA trains of the model can be written as an adapter.
 *
 * @throws UsageError what `checkAdapters` throws.
 */
export function checkAdapterOf({ widened }: Pick<LoadedUpdate, 'widened'>, lora: LoraOptions): void {
  checkAdapters(withLora(widened, lora))
}

/**
 * The same of a language model, whose layers of few bits have their updates in the file.
 *
 * @throws UsageError what `checkAdapters` throws; `lora-packed` where an earlier release left some there.
 */
export function checkTextAdapter(
  loaded: Pick<LoadedUpdate, 'widened'> & { readonly learner: Pick<TextUpdateOptions, 'updates'> },
  lora: LoraOptions,
): void {
  const { updates } = loaded.learner
  if (!updates) checkAdapterOf(loaded, lora)
  else if (updates.lora) checkAdapters(updates.lora)
  else {
    throw new UsageError(
      'lora-packed',
      'The low-rank updates of an earlier release are layers of this file and train on: what this update learns is no adapter for it. Leave --adapter out, or begin with the file that had none.',
    )
  }
}

/** Writes the low-rank updates of the chosen point, as PEFT reads them. */
export async function writeAdapters(
  folder: string,
  base: string,
  { adapters }: Pick<UpdateResult, 'adapters'>,
): Promise<void> {
  if (adapters) await saveAdapters(folder, adapters.lora, adapters.parameters, { base })
}

/**
 * Writes what the updated model answers for the data that the next gate will evaluate, as `holdfast gate` reads it.
 *
 * @throws ModelError `logits-not-finite`.
 */
export async function writeBaseline(
  path: string,
  engine: Engine,
  loaded: LoadedUpdate,
  result: UpdateResult,
): Promise<void> {
  const { gateData, learner } = loaded
  const named = { name: path, model: updatedModel(learner, result) }
  const logits = await logitsFor(engine, named, gateData)
  const { predictions } = predictionsFrom(named, logits, gateData, gateData.classes)
  await writeWhole(path, predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join(''))
}
