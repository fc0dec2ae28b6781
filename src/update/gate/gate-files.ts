import type { Dataset } from '../../data/dataset.ts'
import { indexById, locatePrediction, type PredictionSet } from '../../data/formats/index.ts'
import { isPredictionFile, loadPredictions } from '../../data/formats/index-files.ts'
import { preview } from '../../data/names/index.ts'
import { asWarning } from '../../data/notes.ts'
import type { LoadedData } from '../../data/parts.ts'
import { type PreprocessingName, preprocessed, type Reading, readOptionsOf } from '../../data/reading.ts'
import { readingDifference } from '../../data/reading-difference-files.ts'
import { readingFor } from '../../data/reading-files.ts'
import { takeRows } from '../../data/rows.ts'
import { columnsOf, inColumnsOf, type NamedColumns } from '../../data/same-columns.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import type { Bindings } from '../../model/import/index.ts'
import { type LoadedModel, loadModel } from '../../model/import/index-files.ts'
import { itemAt, present, required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { checkRows } from '../check-rows.ts'
import { readMeasured } from '../model-data-files.ts'
import type { FlipRecord } from './gate-flips.ts'
import { labelNames, logitsFor, type NamedModel, predictionsFrom } from './gate-models.ts'
import { nearestRows } from './gate-nearest.ts'

export interface GateSources {
  readonly engine: Engine
  /** Models (.onnx) or prediction files (.jsonl, .ndjson, .csv). */
  readonly baseline: string
  readonly candidate: string
  readonly golden?: string | undefined
  /** The data that models are evaluated on: its test part, else its validation part, else all of it. */
  readonly data?: string | undefined
  /** A file of probes that language models are asked. */
  readonly probes?: string | undefined
  /** A file of prompts that both language models continue, for people to read. */
  readonly prompts?: string | undefined
  /** Tokens that an answer has at most. Default 64. */
  readonly promptTokens?: number | undefined
  /** Default: what the data come with. */
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
  /** The value that holds the logits, where a model's file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  /** Whether numbers for labels are positions in the other side's list of names. Default false. */
  readonly numbersArePositions?: boolean | undefined
  /** What was read of the data, for other gates on the same; default: each reads them itself. */
  readonly known?: KnownData | undefined
}

/** Data as they were read, by where they are and how. */
export type KnownData = Map<string, Promise<LoadedData>>

/** The predictions to be compared. */
export interface GateInputs {
  readonly baseline: PredictionSet
  readonly candidate: PredictionSet
  readonly golden: PredictionSet | undefined
  /** Name of the data; undefined where all predictions came from files. */
  readonly dataset: Pick<Dataset, 'name' | 'synthetic'> | undefined
  /** What was recognised, assumed, altered or left out while models and data were read. */
  readonly notes: readonly string[]
  /** Where the input of an example is: row of the data, or line of the candidate's predictions. */
  inputOf(id: string): string
  /**
   * The example of new training data whose logits by the candidate are nearest to those of each flip.
   *
   * @throws UsageError `gate-new` where the candidate is no model.
   */
  nearestNew(source: string, flips: readonly FlipRecord[]): Promise<NearestNew[]>
}

/** An example of the new training data. */
export interface NearestNew {
  /** Where it is: data set and row. */
  readonly source: string
  readonly label: string
}

/**
 * Reads prediction files, and evaluates models on the data.
 *
 * @throws UsageError `gate-data` when there are models but no data, what {@link checkRows} throws; DataError `gate-classes`, ModelError `labels-missing`,
 * `logits-not-finite`, and what loading throws.
 * @param given The models, where they are loaded: {@link loadGateModels}.
 * @example
 * const { baseline, candidate } = await loadGate({ engine, baseline: 'a.onnx', candidate: 'b.onnx', data: 'old-test/' })
 */
export async function loadGate(sources: GateSources, given?: LoadedSides): Promise<GateInputs> {
  const loaded = given ?? (await loadGateModels(sources))
  const { engine, data } = sources
  const paths = gatePaths(sources)
  const models = new Map<string, NamedModel>()
  const loadNotes: string[] = []
  for (const [path, { model, notes: found }] of loaded) {
    models.set(path, { name: path, model })
    loadNotes.push(...found)
  }
  const notes = new Set<string>()
  const onNote = (note: string) => void notes.add(note)
  const read = dataReader(sources, onNote)
  const measured = () => present(data, 'the data of the gate')
  const testData = async (model: NamedModel) => {
    const { train, validation, test } = await read(measured(), model)
    const rows = test ?? validation ?? train
    checkRows(rows, model.model, measured())
    return rows
  }
  const [first] = models.values()
  const dataset = first ? await testData(first) : undefined
  const { names: labels, notes: matched } = dataset
    ? labelNames(dataset, [...models.values()], sources)
    : { names: [], notes: [] }
  const logits = new Map<string, Tensor<'float32'>>()
  const sets = new Map<string, PredictionSet>()
  for (const path of paths) {
    const model = models.get(path)
    if (!model) {
      sets.set(path, await loadPredictions(path, { ...readOptionsOf(sources.reading ?? {}), onNote }))
      continue
    }
    const own = await testData(model)
    const found = await logitsFor(engine, model, own)
    logits.set(path, found)
    sets.set(path, predictionsFrom(model, found, own, labels))
  }
  const setOf = (path: string): PredictionSet => required(sets, path, 'predictions of')
  return {
    baseline: setOf(sources.baseline),
    candidate: setOf(sources.candidate),
    golden: sources.golden === undefined ? undefined : setOf(sources.golden),
    dataset,
    notes: [
      ...new Set([
        ...loadNotes,
        ...notes,
        ...matched,
        ...lostClasses(sources, models),
        ...(await readDifferently(sources, models)),
      ]),
    ],
    inputOf: dataset ? (id) => `${data}, row ${id}` : inputLines(setOf(sources.candidate)),
    nearestNew: async (source, flips) => {
      const model = models.get(sources.candidate)
      const known = logits.get(sources.candidate)
      if (!model || !known) {
        throw new UsageError(
          'gate-new',
          `--new compares logits, so the candidate has to be a model, but ${sources.candidate} holds predictions.`,
        )
      }
      const { train: fresh } = await read(source, model, columnsOf(await read(measured(), model)))
      const queries = takeRows(
        known,
        Int32Array.from(flips, ({ id }) => Number(id)),
      )
      checkRows(fresh, model.model, source)
      const rows = await nearestRows(engine, queries, await logitsFor(engine, model, fresh))
      const { names } = labelNames(fresh, [model], sources)
      return rows.map((row) => ({
        source: `${source}, row ${row}`,
        label: itemAt(names, itemAt(fresh.labels.data, row, 'label of row'), 'class'),
      }))
    },
  }
}

/** The sides of a gate, once each. */
export const gatePaths = ({ baseline, candidate, golden }: GateSources): readonly string[] => [
  ...new Set([baseline, candidate, ...(golden === undefined ? [] : [golden])]),
]

/** The sides of a gate that are models, by their paths. */
export type LoadedSides = ReadonlyMap<string, Pick<LoadedModel, 'model' | 'notes' | 'file'>>

/** @throws UsageError `gate-data` when there are models but neither data nor probes, and what loading throws. */
export async function loadGateModels(sources: GateSources): Promise<LoadedSides> {
  const { data, probes, output, bind } = sources
  const models = new Map<string, LoadedModel>()
  for (const path of gatePaths(sources)) {
    if (isPredictionFile(path)) continue
    models.set(path, await loadModel(path, { output, bind }))
  }
  const [first] = models.keys()
  if (first === undefined || data !== undefined || probes !== undefined) return models
  throw new UsageError(
    'gate-data',
    `${first} is a model, so data to evaluate it on are needed: --data DIR, or of a language model --probes FILE.jsonl. (Predictions come as .jsonl or .csv.)`,
  )
}

function inputLines(set: PredictionSet): (id: string) => string {
  const rows = indexById(set)
  return (id) => locatePrediction(set, required(rows, id, 'prediction'))
}

/** Where a gate's data come in: read as each model wants them, and once for models that want the same. */
function dataReader(
  options: GateSources,
  onNote: (note: string) => void,
): (source: string, model: NamedModel, before?: NamedColumns) => Promise<LoadedData> {
  const known: KnownData = options.known ?? new Map()
  return async (source, { name, model }, before) => {
    const {
      options: how,
      key: reading,
      notes,
    } = await readingFor({ path: name, input: model.input }, options.reading)
    const key = JSON.stringify([source, reading])
    const loading =
      known.get(key) ??
      inColumnsOf(before, { name: source, ...how }, (settled) => readMeasured(source, settled))
    known.set(key, loading)
    const found = await loading
    for (const note of [...notes, ...found.notes]) onNote(note)
    return preprocessed(found, options.preprocessing)
  }
}

/** A candidate that lacks classes of the baseline cannot have learned them: the two may have been named the wrong way round. */
function lostClasses(
  { baseline, candidate }: Pick<GateSources, 'baseline' | 'candidate'>,
  models: ReadonlyMap<string, NamedModel>,
): string[] {
  const [old, next] = [models.get(baseline), models.get(candidate)]
  const lost = old && next ? old.model.classes.filter((name) => !next.model.classes.includes(name)) : []
  if (lost.length === 0) return []
  return [
    asWarning(
      `${candidate} lacks classes that ${baseline} has (${preview(lost)}). If it is the older of the two, name it first.`,
    ),
  ]
}

/** Models are held against each other on the same data: a warning where the files beside them say that they read these differently. */
async function readDifferently(
  sources: GateSources,
  models: ReadonlyMap<string, NamedModel>,
): Promise<string[]> {
  const candidate = models.get(sources.candidate)
  if (!candidate) return []
  const read = ({ name, model }: NamedModel) => ({ path: name, input: model.input })
  const older = [sources.baseline, sources.golden].flatMap((path) => models.get(path ?? '') ?? [])
  const found = await Promise.all(
    older.map((model) => readingDifference(read(model), read(candidate), sources)),
  )
  return found.flat()
}
