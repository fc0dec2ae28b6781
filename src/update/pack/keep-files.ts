import { createHash } from 'node:crypto'
import type { ReadOptions } from '../../data/read-options.ts'
import { type PreprocessingName, preprocessed, type Reading } from '../../data/reading.ts'
import { readingFor } from '../../data/reading-files.ts'
import { bytesOf } from '../../data/rows.ts'
import { inColumnsOf } from '../../data/same-columns.ts'
import { openSpill } from '../../data/spill-files.ts'
import { UsageError } from '../../errors.ts'
import type { Bindings } from '../../model/import/index.ts'
import { type LoadedModel, loadModel, modelName } from '../../model/import/index-files.ts'
import { DataLocation } from '../../onnx/codes.ts'
import { versions } from '../../train/folders/index-files.ts'
import { readSource } from '../model-data-files.ts'
import { type KeepOptions, type Kept, keepModel } from './keep.ts'
import { extendPack } from './keep-extend.ts'
import { mergePacks } from './keep-merge.ts'
import type { ModelIdentity } from './pack.ts'
import { readPack, writePack } from './pack-files.ts'
import { readTraining } from './training-blocks-files.ts'

export interface KeepSources
  extends Pick<
    KeepOptions,
    | 'engine'
    | 'budget'
    | 'heldOutRows'
    | 'heldOutActivations'
    | 'activationsAt'
    | 'traffic'
    | 'private'
    | 'sumsOnly'
    | 'expandHead'
    | 'fisher'
    | 'numbersArePositions'
    | 'seed'
  > {
  /** An .onnx file, or a folder as transformers.js lays it out. */
  readonly model: string
  /** A file, a folder, or the name of a known data set; exemplars come from its training part. */
  readonly data: string
  /** The pack's file. */
  readonly out: string
  /** The value that holds the logits, where the model's file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
}

/** A pack that was written. */
export interface WrittenPack extends Kept {
  readonly file: string
  readonly bytes: number
  readonly seconds: number
}

/**
 * Makes a classifier's retention pack and writes it; see {@link keepModel}. Rows are held out of the data's test part, else of
 * its validation part. Training images that do not fit into memory are gone through in blocks, twice.
 *
 * @param given The model, where it is loaded.
 * @throws What {@link keepModel}, {@link writePack}, and reading model and data throw.
 * @example
 * await keepFile({ engine, model: 'model.onnx', data: 'old/', out: 'model.keep' })
 */
export const keepFile = (sources: KeepSources, given?: LoadedModel): Promise<WrittenPack> =>
  written(sources.out, async () => {
    const { named, options, notes } = await readModel(sources, given)
    const { train, heldOut, columns, ...data } = await readTraining(sources.data, options, (found) =>
      preprocessed(found, sources.preprocessing),
    )
    const kept = await keepModel({ ...sources, ...named, train, heldOut, columns })
    return { pack: kept.pack, notes: [...notes, ...data.notes(), ...kept.notes] }
  })

/**
 * Extends a pack after an update, `model` being the updated model and `data` what it has learned; see {@link extendPack}.
 *
 * @param given The model, where it is loaded.
 * @throws What {@link extendPack}, {@link readPack}, {@link writePack}, and reading model and data throw.
 * @example
 * await extendFile('model.keep', { engine, model: 'better.onnx', data: 'new/', out: 'next.keep' })
 */
export const extendFile = (
  path: string,
  sources: Omit<KeepSources, 'private' | 'fisher' | 'sumsOnly' | 'expandHead'>,
  given?: LoadedModel,
): Promise<WrittenPack> =>
  written(sources.out, async () => {
    const pack = await readPack(path)
    const { named, options, notes } = await readModel(sources, given)
    const before = { name: path, columns: pack.columns }
    const spill = openSpill(options.maxBytes)
    try {
      const found = await inColumnsOf(before, { ...options, spill }, (how) => readSource(sources.data, how))
      const { train, validation, test } = preprocessed(found, sources.preprocessing)
      const rows = { train, heldOut: test ?? validation, columns: found.columns }
      const kept = await extendPack({ ...sources, ...named, ...rows, pack })
      const laid = [spill.note(sources.data)].filter((note) => note !== undefined)
      return { pack: kept.pack, notes: [...notes, ...found.notes, ...laid, ...kept.notes] }
    } finally {
      spill.close()
    }
  })

/**
 * Merges packs of one model; see {@link mergePacks}.
 *
 * @throws UsageError `keep-merge` for fewer than two; and what {@link mergePacks}, {@link readPack} and {@link writePack} throw.
 */
export const mergeFiles = (paths: readonly string[], out: string): Promise<WrittenPack> =>
  written(out, async () => {
    const [first, ...others] = await Promise.all(paths.map(readPack))
    if (!first || others.length === 0) {
      throw new UsageError('keep-merge', `Two or more packs are needed to merge; ${paths.length} were given.`)
    }
    const pack = others.reduce(mergePacks, first)
    const summed = [first, ...others].some(({ sums }) => sums !== undefined)
    return { pack, notes: summed && !pack.sums ? [sumsGone] : [] }
  })

const sumsGone =
  'The packs have no sums, or not of the same features (--expand-head, --seed), so that the merged one has none: sums of some of the data would say nothing of the rest.'

async function written(file: string, make: () => Promise<Kept>): Promise<WrittenPack> {
  const began = performance.now()
  const kept = await make()
  const bytes = await writePack(file, kept.pack)
  return { ...kept, file, bytes, seconds: (performance.now() - began) / 1000 }
}

type Sources = Omit<KeepSources, 'out'>

interface ReadSources {
  readonly named: Pick<KeepOptions, 'model' | 'identity' | 'versions'>
  /** How the data are read. */
  readonly options: ReadOptions
  readonly notes: readonly string[]
}

async function readModel(
  { engine, model: path, data, output, bind, ...rest }: Sources,
  given: LoadedModel | undefined,
): Promise<ReadSources> {
  const loaded = given ?? (await loadModel(path, { output, bind }))
  const reading = await readingFor({ path: loaded.file.path, input: loaded.model.input }, rest.reading)
  return {
    named: { model: loaded.model, identity: identify(loaded), versions: versions(engine) },
    options: { name: data, ...reading.options },
    notes: [...loaded.notes, ...reading.notes],
  }
}

/** A model's name and hash; weights in files beside it are part of it. */
export function identify({ file, model }: LoadedModel): ModelIdentity {
  const hash = createHash('sha256').update(file.bytes)
  const outside = file.model.graph?.initializer.some(
    ({ dataLocation }) => dataLocation === DataLocation.external,
  )
  if (outside) for (const tensor of model.parameters.values()) hash.update(bytesOf(tensor))
  return { name: modelName(file.path), sha256: hash.digest('hex') }
}
