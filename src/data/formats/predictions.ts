import { DataError } from '../../errors.ts'
import { largest } from '../../extent.ts'
import { itemAt } from '../../required.ts'
import { readCsv } from './csv.ts'
import type { TableOptions } from './table.ts'

/** What a model answered for one example. */
export interface Prediction {
  /** What the example is called in every prediction file: the files are joined on it. */
  readonly id: string
  /** The right class. */
  readonly label: string
  /** The class that the model gave. */
  readonly pred: string
  /** Probabilities by class, or in the order of the classes. */
  readonly probs?: readonly number[] | Readonly<Record<string, number>>
  /** Groups of examples that it belongs to, besides its class. */
  readonly slices?: readonly string[]
  /** That it answers a probe, and so is no class: one of its choices, or a text that was written. */
  readonly probe?: ProbeForm
}

/** How a probe is answered. */
type ProbeForm = 'choice' | 'answer'

/** The answers of one model. */
export interface PredictionSet {
  /** What messages and tables call it, e.g. its file. */
  readonly name: string
  readonly predictions: readonly Prediction[]
  /** All classes that the model can answer, where that is known: of a model, and not of a file. */
  readonly classes?: readonly string[]
  /** Names the place of one in a message, e.g. `old.jsonl, line 7`; default `NAME, row N`. */
  readonly locate?: (row: number) => string
}

/** Where a prediction stands. */
export const locatePrediction = ({ name, locate }: PredictionSet, row: number): string =>
  locate?.(row) ?? `${name}, row ${row + 1}`

/**
 * The probability that the model gave to its own answer; undefined where the prediction has none. Of a list it is the entry that `pred`
 * numbers, or, where `pred` is a name, the largest.
 */
export function probabilityOf({ pred, probs }: Prediction): number | undefined {
  if (probs === undefined) return undefined
  if (!Array.isArray(probs)) return (probs as Readonly<Record<string, number>>)[pred]
  const list = probs as readonly number[]
  return /^\d+$/.test(pred) && Number(pred) < list.length ? list[Number(pred)] : largest(list)
}

/** How prediction files are read. */
export type PredictionReading = Pick<TableOptions, 'encoding' | 'delimiter' | 'onNote'>

type Fields = Readonly<Record<string, unknown>>

/**
 * Predictions from JSON Lines: `{"id", "label", "pred", "probs"?, "slice"?}` a line; `id`, `label`, `pred` are texts or numbers, `probs` a
 * list or an object from class to probability, `slice` a text or a list of texts. Answers to probes have `probe`, too: `choice` or
 * `answer`; their texts are taken as they stand. Other fields are passed over.
 *
 * @param file Named in errors.
 * @throws DataError `predictions-syntax`, `predictions-field`, `predictions-empty`, `predictions-duplicate`, each with the line.
 * @example
 * parsePredictionLines('{"id": 1, "label": "cat", "pred": "dog"}\n', 'old.jsonl')
 */
export function parsePredictionLines(text: string, file: string): PredictionSet {
  const rows: { readonly fields: Fields; readonly line: number }[] = []
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() !== '')
      rows.push({ fields: parseObject(line, `${file}, line ${index + 1}`), line: index + 1 })
  }
  return predictionSet(rows, file)
}

/**
 * Predictions from CSV with the columns `id`, `label`, `pred` and perhaps `probs` (as JSON) and `slice`.
 *
 * @param file Named in errors.
 * @throws DataError as {@link parsePredictionLines}, and `csv-syntax`.
 * @example
 * parsePredictionCsv('id,label,pred\n1,cat,dog\n', 'old.csv')
 */
export function parsePredictionCsv(
  text: string,
  file: string,
  { delimiter, onNote }: PredictionReading = {},
): PredictionSet {
  // No cell is read as a number with a fraction, so a decimal comma decides nothing.
  const { columns, records, notes } = readCsv(text, file, { delimiter, decimal: '.' })
  for (const note of notes) onNote?.(note)
  const rows = records.map(({ cells, line }) => {
    const entries = columns.flatMap((key, column): [string, unknown][] => {
      const cell = itemAt(cells, column, 'cell')
      // An empty cell is a field that is not there.
      if (cell.trim() === '') return []
      return [[key, key === 'probs' ? parseJson(cell, `${file}, line ${line}, column 'probs'`) : cell]]
    })
    return { fields: Object.fromEntries(entries), line }
  })
  return predictionSet(rows, file)
}

function predictionSet(
  rows: readonly { readonly fields: Fields; readonly line: number }[],
  file: string,
): PredictionSet {
  if (rows.length === 0) {
    throw new DataError(
      'predictions-empty',
      `${file}: expected predictions with id, label and pred, found none.`,
    )
  }
  const locate = (row: number) => `${file}, line ${rows[row]?.line}`
  const predictions = rows.map(({ fields }, row) => readPrediction(fields, locate(row)))
  const set = { name: file, predictions, locate }
  indexById(set)
  return set
}

/**
 * Row of each id.
 *
 * @throws DataError `predictions-duplicate` naming both places.
 */
export function indexById(set: PredictionSet): Map<string, number> {
  const rows = new Map<string, number>()
  for (const [row, { id }] of set.predictions.entries()) {
    const before = rows.get(id)
    if (before !== undefined) {
      throw new DataError(
        'predictions-duplicate',
        `${locatePrediction(set, row)}: id "${id}" stands already at ${locatePrediction(set, before)}. Each example may have one prediction a model.`,
      )
    }
    rows.set(id, row)
  }
  return rows
}

function readPrediction(fields: Fields, place: string): Prediction {
  const probs = readProbs(fields.probs, place)
  const slices = readSlices(fields.slice, place)
  const probe = readProbe(fields.probe, place)
  const answer = (field: 'label' | 'pred') =>
    probe === undefined ? readName(fields, field, place) : readAnswer(fields, field, place)
  return {
    id: readName(fields, 'id', place),
    label: answer('label'),
    pred: answer('pred'),
    ...(probs === undefined ? {} : { probs }),
    ...(slices === undefined ? {} : { slices }),
    ...(probe === undefined ? {} : { probe }),
  }
}

function readProbe(value: unknown, place: string): ProbeForm | undefined {
  if (value === undefined || value === null) return undefined
  if (value === 'choice' || value === 'answer') return value
  throw wrongField(place, 'probe', "'choice' or 'answer'", value)
}

/** A text as it stands: choices may differ in white space alone, and a model may write nothing. */
function readAnswer(fields: Fields, field: 'label' | 'pred', place: string): string {
  const value = fields[field]
  if (typeof value === 'string') return value
  throw wrongField(place, field, 'a text', value)
}

function readName(fields: Fields, field: string, place: string): string {
  const value = fields[field]
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw wrongField(place, field, 'a text or a number', value)
}

const isProbability = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1

function readProbs(value: unknown, place: string): Prediction['probs'] {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value) && value.length > 0 && value.every(isProbability)) return value
  if (typeof value === 'object' && !Array.isArray(value) && Object.values(value).every(isProbability)) {
    return value as Readonly<Record<string, number>>
  }
  throw wrongField(
    place,
    'probs',
    'a list of probabilities from 0 to 1, or an object from class to probability',
    value,
  )
}

function readSlices(value: unknown, place: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const names = list.flatMap((name) => (typeof name === 'string' && name.trim() !== '' ? [name.trim()] : []))
  if (names.length === list.length) return [...new Set(names)]
  throw wrongField(place, 'slice', 'a text or a list of texts', value)
}

function wrongField(place: string, field: string, expected: string, found: unknown): DataError {
  const shown = found === undefined ? 'no such field' : JSON.stringify(found).slice(0, 40)
  return new DataError(
    'predictions-field',
    `${place}, field '${field}': expected ${expected}, found ${shown}. A prediction is {"id", "label", "pred", "probs"?, "slice"?}.`,
  )
}

function parseObject(line: string, place: string): Fields {
  const value = parseJson(line, place)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new DataError(
    'predictions-syntax',
    `${place}: expected a JSON object such as {"id": "7", "label": "cat", "pred": "dog"}, found ${line.slice(0, 40)}.`,
  )
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataError('predictions-syntax', `${place}: this is not JSON: ${reason}.`, { cause })
  }
}
