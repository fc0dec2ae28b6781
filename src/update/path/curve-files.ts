import type { Dataset } from '../../data/dataset.ts'
import { alignLabels } from '../../data/names/index.ts'
import type { LoadedData } from '../../data/parts.ts'
import { type PreprocessingName, preprocessed, type Reading } from '../../data/reading.ts'
import { readingDifference } from '../../data/reading-difference-files.ts'
import { readingFor } from '../../data/reading-files.ts'
import { columnsOf, inColumnsOf } from '../../data/same-columns.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError, UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import { type Bindings, type ReadBack, readBackOf } from '../../model/import/index.ts'
import {
  companionsOf,
  type LoadedModel,
  loadModel,
  saveModel,
  writeCompanions,
} from '../../model/import/index-files.ts'
import { type Model, namingOf } from '../../model/model.ts'
import { checkKind, checkRows } from '../check-rows.ts'
import { copiedDocuments, copiesWords } from '../copied-documents.ts'
import { textRows } from '../measured-texts-files.ts'
import { readMeasured } from '../model-data-files.ts'
import type { Blend } from './blend.ts'
import { addedClasses } from './curve-path.ts'

export interface CurveSources {
  /** An .onnx file, or a folder as transformers.js lays it out. */
  readonly from: string
  readonly to: string
  /** Data whose test part is looked at, else the validation part, else all. */
  readonly old?: string | undefined
  readonly new?: string | undefined
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
  readonly numbersArePositions?: boolean | undefined
}

/** The two models that a curve lies between. */
export interface CurveModels {
  readonly from: LoadedModel
  readonly to: LoadedModel
  /** Whether they predict the next token. */
  readonly texts: boolean
}

/** Two models and the data to look at, under the classes of the second. */
export interface LoadedCurve {
  readonly from: Model
  readonly to: LoadedModel
  readonly old: Dataset | undefined
  readonly new: Dataset | undefined
  /** Weights as the second model's file gives them back; undefined where that is as they are. */
  readonly stored: ReadBack | undefined
  /** What was recognised, altered, left out or not done while models and data were read. */
  readonly notes: readonly string[]
}

/** @throws UsageError `curve-kinds` for a language model and another; what loading throws. */
export async function loadCurveModels(sources: CurveSources): Promise<CurveModels> {
  const options = {
    // Statistics are weights here: they may differ between the two.
    batchNorm: 'train' as const,
    output: sources.output,
    bind: sources.bind,
  }
  const from = await loadModel(sources.from, options)
  const to = await loadModel(sources.to, options)
  const texts = answersTokens(to.model)
  if (answersTokens(from.model) === texts) return { from, to, texts }
  const [language, other] = texts ? [sources.to, sources.from] : [sources.from, sources.to]
  throw new UsageError(
    'curve-kinds',
    `${language} is a language model and ${other} is none, so there is no path between them. Give a model and its update.`,
  )
}

/**
 * Reads what a curve of classifiers is made from. Classes are matched by name.
 *
 * @throws ModelError `labels-missing`, `curve-classes`; DataError `curve-data` for a class that the second model does not know; and what reading throws.
 * @param given The models, where they are loaded.
 */
export async function loadCurve(sources: CurveSources, given?: CurveModels): Promise<LoadedCurve> {
  const { from, to } = given ?? (await loadCurveModels(sources))
  for (const { model, file } of [from, to]) {
    if (model.classes.length > 0) continue
    throw new ModelError(
      'labels-missing',
      `${file.path}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  addedClasses(from.model, to.model)
  let before: LoadedData | undefined
  const read = async (source: string | undefined) => {
    const found = source === undefined ? undefined : await readFor(to, source, sources, before)
    before ??= found?.loaded
    return found
  }
  const { notes } = await readingFor({ path: to.file.path, input: to.model.input }, sources.reading)
  const [old, fresh] = [await read(sources.old), await read(sources.new)]
  return {
    ...{ from: from.model, to, old: old?.dataset, new: fresh?.dataset },
    stored: storedBy(to),
    notes: [...notes, ...(await notesOf({ from, to }, [old, fresh], sources))],
  }
}

/** Weights as a model's file gives them back. */
const storedBy = ({ model, file }: LoadedModel): ReadBack | undefined =>
  readBackOf(file.model, [...model.parameters.keys(), ...model.buffers.keys()], file.externalData)

interface Noted {
  readonly notes: readonly string[]
}

async function notesOf(
  { from, to }: Pick<CurveModels, 'from' | 'to'>,
  parts: readonly (Noted | undefined)[],
  sources: CurveSources,
): Promise<readonly string[]> {
  const found = [from, to, ...parts].flatMap((read) => read?.notes ?? [])
  return [...new Set([...found, ...(await readingDifference(readBy(from), readBy(to), sources))])]
}

/**
 * Reads what a curve of language models is made from: documents, in rows by the second model's tokenizer.
 *
 * @throws ModelError `model-looks-ahead`; UsageError `tokenizer-missing`; and what reading documents throws.
 */
export async function loadTextCurve(
  engine: Engine,
  sources: CurveSources,
  { from, to }: CurveModels,
): Promise<LoadedCurve> {
  const named = { name: sources.to, model: to.model }
  const how = await readingFor({ path: to.file.path, input: to.model.input }, sources.reading)
  const read = async (source: string | undefined) =>
    source === undefined ? undefined : distinct(source, await textRows(engine, named, source, how.options))
  const [old, fresh] = [await read(sources.old), await read(sources.new)]
  return {
    ...{ from: from.model, to, old: old?.dataset, new: fresh?.dataset },
    stored: storedBy(to),
    notes: [...how.notes, ...(await notesOf({ from, to }, [old, fresh], sources))],
  }
}

/** With a note where a text stands more than once. */
function distinct(
  source: string,
  { dataset, count, notes }: Pick<Awaited<ReturnType<typeof textRows>>, 'dataset' | 'count' | 'notes'>,
) {
  const words = copiesWords(copiedDocuments(dataset).size, count)
  return { dataset, notes: [...notes, ...words.map((said) => `${source}: ${said}`)] }
}

const readBy = ({ file, model }: LoadedModel) => ({ path: file.path, input: model.input })

async function readFor(
  { model, file }: LoadedModel,
  source: string,
  { preprocessing, reading, numbersArePositions = false }: CurveSources,
  before: LoadedData | undefined,
): Promise<{
  readonly loaded: LoadedData
  readonly dataset: Dataset
  readonly notes: readonly string[]
}> {
  const { options } = await readingFor({ path: file.path, input: model.input }, reading)
  const found = await inColumnsOf(before && columnsOf(before), { ...options, name: source }, (how) =>
    readMeasured(source, how),
  )
  const loaded = preprocessed(found, preprocessing)
  const part = loaded.test ?? loaded.validation ?? loaded.train
  checkRows(part, model, source)
  checkKind(part, source)
  const { dataset, added, notes } = alignLabels(part, model.classes, {
    numbersArePositions,
    ...namingOf(model),
  })
  if (added.length === 0) return { loaded, dataset, notes: [...loaded.notes, ...notes] }
  throw new DataError(
    'curve-data',
    `${source}: the second model does not know the class "${added[0]}". Correct the labels, or give the model that was updated with it.`,
  )
}

/**
 * Writes the point of the path as the second model's file with other initialisers.
 *
 * @returns The files that were written beside it.
 */
export async function savePoint(
  path: string,
  { to }: LoadedCurve,
  blend: Blend,
  alpha: number,
): Promise<readonly string[]> {
  const companions = await companionsOf(path, to.file, to.model)
  await saveModel(path, to.file, await blend.at(alpha))
  return writeCompanions(companions)
}
