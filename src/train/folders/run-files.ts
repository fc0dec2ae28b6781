import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import { isRefusal } from '../../engine/refusals.ts'
import { CheckpointError, UsageError } from '../../errors.ts'
import type { RunResult } from '../../measure/results.ts'
import {
  checkAdapterInputs,
  mergeLora,
  type WithAdapterInputs,
  withAdapterInputs,
  withPackedUpdates,
} from '../../model/adapters/index.ts'
import { checkAdapters, saveAdapterInputs, saveAdapters } from '../../model/adapters/index-files.ts'
import { modelToOnnx } from '../../model/import/index.ts'
import {
  companionsOf,
  savedNotes,
  saveModel,
  saveModelFolder,
  writeCompanions,
} from '../../model/import/index-files.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { decodeModel } from '../../onnx/read.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder } from '../../tensor/writes-files.ts'
import { type PreparedPlan, preparePlan, type RunPlan } from '../plan/index.ts'
import { type LoadedPlan, loadPlan } from '../plan/index-files.ts'
import type { LearnEvent, OpenTask } from '../run/index.ts'
import { benchResult } from './bench-result.ts'
import { executePlan, parameterBytes, type RunOutcome } from './execute.ts'
import { machineFacts } from './machine-node.ts'
import { type RunConfig, readRunConfig } from './run-config-files.ts'
import { isFolder, openRunFolder } from './run-folder-files.ts'
import { runVersions } from './versions-files.ts'

/** A finished run in its folder. */
export interface KeptRun {
  readonly folder: string
  readonly result: RunResult
  /** Of the final parameters and buffers, written as safetensors. */
  readonly parametersSha256: string
  /** What is to be told of the files of a model's folder that were not copied. */
  readonly notes: readonly string[]
}

export type KeptOutcome =
  | ({ readonly status: 'finished' } & KeptRun)
  | (Extract<RunOutcome, { status: 'interrupted' }> & { readonly folder: string })

export interface KeepOptions {
  readonly engine: Engine
  readonly folder: string
  /** The command that asks. */
  readonly verb: string
  readonly signal?: AbortSignal | undefined
  /** How tasks are trained. Default here, by one program. */
  readonly openTask?: OpenTask | undefined
  /** Where the same plan has been prepared already. */
  readonly prepared?: PreparedPlan | undefined
  /** Is told, in words, where other versions compute than when the run began: its bits may then differ. */
  readonly onOtherVersions?: ((changed: string) => void) | undefined
}

/**
 * Runs a plan in its folder, from where it stands there: `config.json`, checkpoints, `events.jsonl`, and at the end
 * `bench.json`, `result.json`, `parameters.sha256`, and `model.onnx`; or the folder `model`, where the model came as one or files
 * belong beside it (a tokenizer, say).
 *
 * @throws what {@link openRunFolder} and training throw.
 */
export async function* runInFolder(
  loaded: Pick<LoadedPlan, 'plan' | 'inputs' | 'dataSha256' | 'modelFile' | 'beside'>,
  options: KeepOptions,
): AsyncGenerator<LearnEvent, KeptOutcome> {
  const { plan, inputs, dataSha256, modelFile, beside } = loaded
  const { engine, folder: path, verb, signal, openTask } = options
  const prepared = options.prepared ?? preparePlan(plan, inputs)
  const writesAdapter = plan.model.kind === 'onnx' && plan.model.adapter !== undefined
  if (prepared.lora && writesAdapter) checkAdapters(prepared.lora)
  if (prepared.lora && modelFile && adapterInputsOf(plan)) {
    checkAdapterInputs(prepared.lora, prepared.base, modelFile.model)
  }
  if (modelFile && (prepared.method.prepare || prepared.method.answersByGraph)) {
    throw new UsageError(
      'method-graph',
      `The method ${prepared.method.name} changes the model's graph, and the graph of ${modelFile.path} is written as it is. Take another method, or a network that Holdfast builds.`,
    )
  }
  const config: RunConfig = {
    format: 'holdfast-run',
    version: 1,
    verb,
    plan,
    dataSha256,
    versions: runVersions(engine),
  }
  const folder = await openRunFolder(path, config)
  try {
    if (folder.changed !== undefined) options.onOtherVersions?.(folder.changed)
    const events = executePlan(plan, prepared, { engine, store: folder.store, signal, openTask })
    let next = await events.next()
    while (!next.done) {
      await folder.append(next.value)
      yield next.value
      next = await events.next()
    }
    const outcome = next.value
    if (outcome.status === 'interrupted') return { ...outcome, folder: path }
    const { parameters, buffers, model, result } = outcome
    const values = weightsOf(model)
    const parametersSha256 = createHash('sha256').update(parameterBytes(parameters, buffers)).digest('hex')
    const notes = modelFile ? await saveTrained(path, modelFile, engine, plan, prepared, values) : []
    if (!modelFile) await saveNew(path, modelToOnnx(model, { parameters: values }), beside)
    await folder.write('parameters.sha256', `${parametersSha256}\n`)
    const bench = benchResult([plan], inputs, machineFacts(engine), [result])
    await folder.write('bench.json', `${JSON.stringify(bench, null, 2)}\n`)
    // Last, because it says that the run is finished.
    await folder.write('result.json', `${JSON.stringify(result, null, 2)}\n`)
    return { status: 'finished', folder: path, result, parametersSha256, notes }
  } catch (error) {
    // Its device is of its settings: on another one it is another run.
    if (isRefusal(error)) await folder.forget()
    throw error
  } finally {
    await folder.close()
  }
}

/** A model that Holdfast built: as `model.onnx`, or where files go beside it as the folder `model`. */
async function saveNew(run: string, bytes: Uint8Array, beside: LoadedPlan['beside']): Promise<void> {
  if (beside.size === 0) return writeWhole(join(run, 'model.onnx'), bytes)
  const folder = join(run, 'model')
  await makeFolder(folder)
  await writeCompanions([...beside].map(([name, content]) => ({ path: join(folder, name), content })))
  await writeWhole(join(folder, 'model.onnx'), bytes)
}

/** A model of one file: as `model.onnx`, or where files go beside it as the folder `model`. */
async function saveFile(
  run: string,
  file: ModelFile,
  values: ReadonlyMap<string, Tensor>,
  model: Model,
): Promise<void> {
  const inFolder = join(run, 'model', 'model.onnx')
  const beside = await companionsOf(inFolder, file, model)
  if (beside.length === 0 && !(await isFolder(join(run, 'model'))))
    return saveModel(join(run, 'model.onnx'), file, values, { model })
  await makeFolder(join(run, 'model'))
  await writeCompanions(beside)
  await saveModel(inFolder, file, values, { model })
}

const adapterInputsOf = ({ model }: RunPlan) => (model.kind === 'onnx' ? model.adapterInputs : undefined)

/** The model's file with inputs for the updates, and their values beside it; its weights are as they were. */
async function saveWithInputs(
  run: string,
  given: ModelFile,
  { model: asked }: RunPlan,
  base: Model,
  { bytes, zeros, adapter }: WithAdapterInputs,
): Promise<readonly string[]> {
  const file = fileWith(given, bytes)
  const inFolder = asked.kind === 'onnx' && asked.path !== file.path
  const notes = inFolder ? await saveFolder(run, file, new Map(), base) : []
  if (!inFolder) await saveFile(run, file, new Map(), base)
  const folder = (await isFolder(join(run, 'model'))) ? join(run, 'model') : run
  await saveAdapterInputs(join(folder, 'adapter.safetensors'), adapter)
  if (asked.kind === 'onnx' && asked.adapterInputs === 'required') {
    await saveAdapterInputs(join(folder, 'no-adapter.safetensors'), zeros)
  }
  return notes
}

/** The folder that the model came from, as the folder `model`; what is to be told of files that were not copied. */
async function saveFolder(
  run: string,
  file: ModelFile,
  values: ReadonlyMap<string, Tensor>,
  model: Model,
): Promise<readonly string[]> {
  const path = join(run, 'model')
  return savedNotes(path, await saveModelFolder(path, file, values, { model }))
}

/**
 * The model's file as `model.onnx`, or the folder that it came from as `model`, with what was trained, updates added to their weights;
 * and the updates alone where the plan says so. The head is written even where it did not train, as its rows may be new.
 */
async function saveTrained(
  run: string,
  given: ModelFile,
  engine: Engine,
  plan: RunPlan,
  prepared: PreparedPlan,
  trained: ReadonlyMap<string, Tensor>,
): Promise<readonly string[]> {
  const { model: asked } = plan
  const { base, lora } = prepared
  if (lora && asked.kind === 'onnx' && asked.adapter !== undefined) {
    await saveAdapters(asked.adapter, lora, trained, { base: asked.path })
  }
  const form = adapterInputsOf(plan)
  if (lora && form) {
    const made = withAdapterInputs(given.bytes, given.model, base, lora, trained, form)
    return saveWithInputs(run, given, plan, base, made)
  }
  const merged = lora ? await mergeLora(engine, base, lora, trained) : trained
  const updated = lora && withPackedUpdates(given.bytes, given.model, lora, merged)
  const file = updated ? fileWith(given, updated.bytes) : given
  const head = asked.kind === 'onnx' && asked.head !== undefined ? base.parameters : new Map()
  const values = new Map([...head, ...(updated?.weights ?? merged)])
  const folder = asked.kind === 'onnx' && asked.path !== file.path
  if (folder) return saveFolder(run, file, values, base)
  await saveFile(run, file, values, base)
  return []
}

const fileWith = (file: ModelFile, bytes: Uint8Array): ModelFile =>
  bytes === file.bytes ? file : { ...file, bytes, model: decodeModel(bytes, file.path) }

/**
 * A run's folder and all that its plan names, ready to go on with {@link runInFolder}.
 *
 * @throws CheckpointError `run-data-changed` when the data are no longer those that the run began with.
 */
export async function loadRun(
  folder: string,
  engineOf: (plan: RunPlan) => Engine,
): Promise<{ loaded: LoadedPlan; engine: Engine; config: RunConfig }> {
  const config = await readRunConfig(folder)
  const loaded = await loadPlan(config.plan, { engine: engineOf, folder })
  if (loaded.dataSha256 !== config.dataSha256) {
    throw new CheckpointError(
      'run-data-changed',
      `The data of ${folder} are no longer those it began with: expected content with SHA-256 ${config.dataSha256}, found ${loaded.dataSha256} in ${config.plan.data.source}. Bring the old data back, or start a new run.`,
    )
  }
  return { loaded, engine: engineOf(config.plan), config }
}
