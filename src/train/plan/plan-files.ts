import { createHash } from 'node:crypto'
import { isAbsolute, resolve } from 'node:path'
import { count } from '../../count.ts'
import { syntheticDigits } from '../../data/catalogue/index.ts'
import { type DownloadProgress, mnistOrSynthetic, resolveDataset } from '../../data/catalogue/index-files.ts'
import { samples, subset } from '../../data/dataset.ts'
import { readDataset } from '../../data/files.ts'
import { fingerprint } from '../../data/fingerprint.ts'
import type { LoadedData } from '../../data/parts.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { readingFor } from '../../data/reading-files.ts'
import { columnsOf, inColumnsOf } from '../../data/same-columns.ts'
import { padTogether } from '../../data/text/index.ts'
import { DataError } from '../../errors.ts'
import { loadModel } from '../../model/import/index-files.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { fitToModel } from './fit-model.ts'
import { withTokenClasses } from './language.ts'
import { type LoadedSources, loadLanguage } from './language-files.ts'
import { limited } from './limited.ts'
import type { RunPlan } from './plan.ts'
import type { PlanInputs, TrainTest } from './prepare.ts'
import { isNamed } from './source-names.ts'

/** A plan with what it names brought in. */
export interface LoadedPlan {
  /** As asked, but naming the data that were really taken. */
  readonly plan: RunPlan
  readonly inputs: PlanInputs
  /** SHA-256 over the content of all data, and of the model's file. */
  readonly dataSha256: string
  /** Why it is not the data asked for; undefined when it is. */
  readonly instead: string | undefined
  /** Where the model came from a file: that file. */
  readonly modelFile: ModelFile | undefined
  /** What was recognised, assumed, altered or left out while model and data were read. */
  readonly notes: readonly string[]
}

export interface LoadPlanOptions {
  /** Fetch MNIST where it is not on this machine. Default false. */
  readonly download?: boolean
  /** Take synthetic digits where MNIST is not to be had, and say so in `instead`. Default false: an error. */
  readonly orSynthetic?: boolean
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Data without a test part keep all their rows for training, and are tested on these. Default false: a share is held out. */
  readonly wholeTrain?: boolean
  /** Folder that relative paths start from. Default the working folder. */
  readonly base?: string
}

/**
 * Loads the data, and the model's file, that a plan names. Paths in the plan that comes back are absolute, so that a run
 * can be resumed from anywhere.
 *
 * @throws DataError, EnvironmentError, ModelError as loading does.
 */
export async function loadPlan(asked: RunPlan, options: LoadPlanOptions = {}): Promise<LoadedPlan> {
  const base = options.base ?? process.cwd()
  const plan = withAbsolutePaths(asked, base)
  const sources =
    plan.stream.kind === 'list' ? plan.stream.tasks.map(({ source }) => source) : [plan.data.source]
  const read = plan.model.kind === 'onnx' ? await readModel(plan.model) : undefined
  const found = await readingFor(read && { path: read.file.path, input: read.model.input }, plan.data)
  const notes = new Set([...(read?.notes ?? []), ...found.notes])
  const reading: ReadOptions = {
    ...found.options,
    // Runs read the same data again and again.
    cache: plan.data.cache ?? true,
  }
  const {
    data,
    instead,
    notes: told,
  } = plan.loss === 'causal-lm'
    ? await loadLanguage(sources, plan, options, { reading, model: present(read, 'model').model })
    : await loadRows(sources, plan, options, reading)
  for (const note of told) notes.add(note)
  const hash = createHash('sha256')
  for (const { train, test } of data) hash.update(fingerprint(train)).update(fingerprint(test))
  if (read) hash.update(read.file.bytes)
  const fitted =
    read && fitToModel(plan, data, plan.loss === 'causal-lm' ? withTokenClasses(read.model) : read.model)
  for (const note of fitted?.notes ?? []) notes.add(note)
  return {
    plan: instead === undefined ? plan : { ...plan, data: { ...plan.data, source: 'synthetic' } },
    inputs: fitted ?? { data },
    dataSha256: hash.digest('hex'),
    instead,
    modelFile: read?.file,
    notes: [...notes],
  }
}

async function loadRows(
  sources: readonly string[],
  plan: RunPlan,
  options: LoadPlanOptions,
  reading: ReadOptions,
): Promise<LoadedSources> {
  const loaded: LoadedSource[] = []
  for (const source of sources) {
    loaded.push(await loadSource(source, plan, options, reading, loaded[0]?.found))
  }
  return {
    data: ofOneLength(loaded.map((each) => each.data)),
    instead: loaded.find((each) => each.instead !== undefined)?.instead,
    notes: loaded.flatMap((each) => each.found?.notes ?? []),
  }
}

/** Texts of several files as rows of one length. */
function ofOneLength(data: readonly TrainTest[]): readonly TrainTest[] {
  const same = padTogether(data.flatMap(({ train, test }) => [train, test]))
  return data.map(({ train, test }, index) => ({
    train: same[2 * index] ?? train,
    test: same[2 * index + 1] ?? test,
  }))
}

type OnnxPlan = Extract<RunPlan['model'], { kind: 'onnx' }>

const readModel = ({ path, output, bind, batchnorm, untie }: OnnxPlan) =>
  loadModel(path, { output, bind, batchNorm: batchnorm, untie })

function withAbsolutePaths(plan: RunPlan, base: string): RunPlan {
  const place = (path: string) => (isAbsolute(path) ? path : resolve(base, path))
  const source = (name: string) => (isNamed(name) ? name : place(name))
  return {
    ...plan,
    data: {
      ...plan.data,
      source: source(plan.data.source),
      ...(plan.data.tokenizer === undefined ? {} : { tokenizer: place(plan.data.tokenizer) }),
    },
    model:
      plan.model.kind === 'onnx'
        ? {
            ...plan.model,
            path: place(plan.model.path),
            ...(plan.model.adapter === undefined ? {} : { adapter: place(plan.model.adapter) }),
          }
        : plan.model,
    stream:
      plan.stream.kind === 'list'
        ? {
            ...plan.stream,
            tasks: plan.stream.tasks.map((task) => ({ ...task, source: source(task.source) })),
          }
        : plan.stream,
  }
}

interface LoadedSource {
  readonly data: TrainTest
  readonly instead: string | undefined
  /** As read from files. */
  readonly found?: LoadedData | undefined
}

/** @param before Data of the first task: the columns of all stand in their order. */
async function loadSource(
  source: string,
  { data }: RunPlan,
  options: LoadPlanOptions,
  reading: ReadOptions,
  before: LoadedData | undefined,
): Promise<LoadedSource> {
  if (source === 'synthetic') {
    return { data: syntheticDigits(data.limit ?? {}), instead: undefined }
  }
  const { download = false, onProgress } = options
  if (source.toLowerCase() === 'mnist' && options.orSynthetic) {
    const { train, test, instead } = await mnistOrSynthetic({ ...data.limit, download, onProgress })
    return { data: limited({ train, test }, data.limit), instead }
  }
  const found = isNamed(source)
    ? await resolveDataset(source, { download, onProgress })
    : await inColumnsOf(before && columnsOf(before), reading, (how) => readDataset(source, how))
  return {
    data: limited(withTest(found, options.wholeTrain ? 0 : data.testShare, source), data.limit),
    instead: undefined,
    found,
  }
}

/** Data without a test part give up a share of their rows, the same ones each time. */
function withTest(loaded: LoadedData, share: number, source: string): TrainTest {
  const test = loaded.test ?? loaded.validation
  if (test) return { train: loaded.train, test }
  if (share === 0) return { train: loaded.train, test: loaded.train }
  const rows = samples(loaded.train)
  const held = Math.round(rows * share)
  if (held < 1 || held >= rows) {
    throw new DataError(
      'data-too-few',
      `${source}: of ${count(rows, 'sample')} a share of ${share} cannot be held out for testing. Add a test part, or set data.testShare.`,
    )
  }
  const order = randomStream(0, 'test share').permutation(rows)
  return {
    train: subset(loaded.train, order.slice(held).sort()),
    test: subset(loaded.train, order.slice(0, held).sort()),
  }
}
