import { DataError } from '../../errors.ts'
import {
  columnsShown,
  findColumn,
  findColumns,
  guessColumn,
  isList,
  numberOf,
  type Table,
  type TableOptions,
  wrongCell,
} from '../formats/index.ts'
import { checkNamed, inputColumns, withoutRowNames } from './columns.ts'
import { checkWidth, inFeatureOrder } from './feature-order.ts'

/** What a table's inputs are made of. */
export type InputPlan =
  | { readonly form: 'text' | 'words' | 'image'; readonly column: number }
  | { readonly form: 'array'; readonly column: number; readonly dims: readonly number[] }
  | { readonly form: 'numbers'; readonly columns: readonly number[] }

/** What its labels are made of. */
export type LabelPlan =
  | { readonly form: 'list'; readonly column: number }
  | { readonly form: 'tags'; readonly column: number }
  /** `asked`: the caller said that labels are classes, whatever they look like. */
  | { readonly form: 'class'; readonly column: number; readonly asked: boolean }
  | { readonly form: 'parted'; readonly column: number; readonly separator: string }
  | { readonly form: 'flags'; readonly columns: readonly number[] }
  | { readonly form: 'numbers'; readonly columns: readonly number[] }

/** How the rows of a table are read: made from its first rows, and held to for all that follow. */
export interface TablePlan {
  readonly columns: readonly string[]
  readonly inputs: InputPlan
  readonly labels: LabelPlan
}

const labelNames = ['label', 'labels', 'class', 'target']
const tagNames = ['ner_tags', 'tags', 'labels', 'pos_tags']
const textNames = ['text', 'sentence', 'content']
const wordNames = ['tokens', 'words']
const imageNames = ['file_name', 'image', 'img']
const arrayNames = ['features', 'x', 'input']
const pairs = [
  ['text', 'text_pair'],
  ['sentence', 'sentence_pair'],
  ['text1', 'text2'],
  ['sentence1', 'sentence2'],
  ['premise', 'hypothesis'],
  ['question1', 'question2'],
  ['question', 'sentence'],
  ['question', 'context'],
] as const

/**
 * Finds out what the columns of a table are, by the options, else by their names and by what the first row holds.
 *
 * Inputs, whichever is there first: lists of words `tokens`; images; a text; an array `features`, `x` or `input`; the numeric columns.
 * Labels: with `targetColumns` numbers to predict; with `labelColumns` several classes a row; else the label column, whose lists are
 * several classes a row (beside `tokens`: one class a word), and whose single values are classes.
 *
 * @throws DataError `column-missing` (`field-missing` in JSON) when there are no inputs or labels; `text-pair` for two texts a row;
 * `label-ambiguous` when a label could be read in two ways.
 */
export function planTable(table: Table, options: TableOptions): TablePlan {
  const words = wordsColumn(table, options)
  const labels = planLabels(table, options, words >= 0)
  return { columns: table.columns, inputs: planInputs(table, options, words, labels), labels }
}

function wordsColumn(table: Table, options: TableOptions): number {
  if (options.textColumn !== undefined || (options.kind ?? 'token-classification') !== 'token-classification')
    return -1
  const column = guessColumn(table, wordNames)
  if (column >= 0 && isList(table.value(0, column))) return column
  if (options.kind === undefined) return -1
  throw missing(table, `no ${table.dialect.noun} called ${wordNames.join(', ')} holds lists of words`)
}

function planLabels(table: Table, options: TableOptions, tagged: boolean): LabelPlan {
  if (options.unlabelled) return { form: 'numbers', columns: [] }
  const { kind, targetColumns, labelColumns } = options
  if (targetColumns) return { form: 'numbers', columns: findColumns(table, targetColumns) }
  if (labelColumns) return { form: 'flags', columns: findColumns(table, labelColumns) }
  const names = tagged ? tagNames : labelNames
  const column =
    options.labelColumn === undefined ? guessColumn(table, names) : findColumn(table, options.labelColumn)
  if (column < 0) {
    throw missing(
      table,
      `no ${table.dialect.noun} is called ${names.join(', ')}`,
      ' Say which holds the label (labelColumn) or the numbers to predict (targetColumns).',
    )
  }
  if (tagged) return { form: 'tags', column }
  if (kind === 'regression') return { form: 'numbers', columns: [column] }
  const value = table.value(0, column)
  if (isList(value) && kind !== 'classification') return { form: 'list', column }
  if (kind === 'multi-label') return { form: 'parted', column, separator: options.separator ?? ';' }
  return { form: 'class', column, asked: kind === 'classification' }
}

/** Whether a table has what {@link planTable} takes for labels. */
export function hasLabels(table: Table, options: TableOptions): boolean {
  const named =
    options.targetColumns ?? options.labelColumns ?? (options.labelColumn && [options.labelColumn])
  if (named) {
    const there = new Set(table.columns.map((name) => name.trim()))
    return named.every((name) => there.has(name.trim()))
  }
  return guessColumn(table, [...labelNames, ...tagNames]) >= 0
}

function planInputs(table: Table, options: TableOptions, words: number, labels: LabelPlan): InputPlan {
  if (words >= 0) return { form: 'words', column: words }
  if (options.textColumn !== undefined) return { form: 'text', column: findColumn(table, options.textColumn) }
  if (options.imageColumn !== undefined)
    return { form: 'image', column: findColumn(table, options.imageColumn) }
  if (options.featureColumns) {
    const columns = findColumns(table, options.featureColumns)
    checkWidth(table, columns, options.width)
    return { form: 'numbers', columns }
  }
  const taken = new Set('column' in labels ? [labels.column] : labels.columns)
  const free = inputColumns(table, taken, options)
  const image = guessColumn(table, imageNames)
  if (free.includes(image) && holdsImage(table.value(0, image))) return { form: 'image', column: image }
  refusePairs(table)
  const text = guessColumn(table, textNames)
  if (free.includes(text)) return { form: 'text', column: text }
  const array = guessColumn(table, arrayNames)
  if (free.includes(array) && isList(table.value(0, array))) {
    return { form: 'array', column: array, dims: dimsOf(table, array) }
  }
  return { form: 'numbers', columns: numberColumns(table, free, options) }
}

function numberColumns(table: Table, free: readonly number[], options: TableOptions): readonly number[] {
  const { width, onNote } = options
  const numeric = table.dialect.passOver ? free.filter((column) => beginsWithNumber(table, column)) : free
  if (numeric.length === 0) {
    throw missing(
      table,
      `there is no text, image, array called ${arrayNames.join(', ')}, or number beside the label`,
      ' Say which hold the text (textColumn), the image (imageColumn) or the numbers (featureColumns).',
    )
  }
  const kept = width === undefined ? numeric : withoutRowNames(table, numeric, width)
  for (const [columns, why] of [
    [without(free, numeric), 'hold no numbers'],
    [without(numeric, kept), 'name the rows, and the model reads one number less'],
  ] as const) {
    if (columns.length === 0) continue
    const names = columns.map((column) => table.columns[column]).join(', ')
    onNote?.(`${table.file}: left out, as they ${why}: ${names}.`)
  }
  checkNamed(table, kept)
  const ordered = inFeatureOrder(table, kept, options)
  checkWidth(table, ordered, width)
  return ordered
}

function without(columns: readonly number[], some: readonly number[]): readonly number[] {
  const left = new Set(some)
  return columns.filter((column) => !left.has(column))
}

/** Whether the first value that a column has is a number. */
function beginsWithNumber(table: Table, column: number): boolean {
  for (let row = 0; row < table.rows; row++) {
    const value = table.value(row, column)
    if (value === undefined || value === null) continue
    return typeof value === 'boolean' || numberOf(value, table.dialect) !== undefined
  }
  return false
}

/** More axes than this are no input of any model, but may be more than a stack holds. */
const mostAxes = 16

function dimsOf(table: Table, column: number): readonly number[] {
  const dims: number[] = []
  for (let value = table.value(0, column); isList(value); value = value[0]) {
    dims.push(value.length)
    if (dims.length > mostAxes) throw wrongCell(table, 0, column, `lists of at most ${mostAxes} axes`, value)
  }
  return dims
}

const holdsImage = (value: unknown): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value))

function refusePairs(table: Table): void {
  const pair = pairs.find((names) => names.every((name) => guessColumn(table, [name]) >= 0))
  if (!pair) return
  throw new DataError(
    'text-pair',
    `${table.file}: each row holds two texts, '${pair[0]}' and '${pair[1]}', but pairs of texts are not supported. Name the one to use (textColumn), or join the two into one column beforehand.`,
  )
}

function missing(table: Table, what: string, hint = ''): DataError {
  return new DataError(
    table.dialect.missingCode,
    `${table.locate(0)}: ${what}; there are ${columnsShown(table)}.${hint}`,
  )
}
