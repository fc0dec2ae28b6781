import { DataError } from '../../errors.ts'
import { findColumn, guessColumn, isList, numberOf, type Table, type TableOptions } from '../formats/index.ts'
import { sorted } from '../names/index.ts'

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
  if (targetColumns) return { form: 'numbers', columns: targetColumns.map((name) => findColumn(table, name)) }
  if (labelColumns) return { form: 'flags', columns: labelColumns.map((name) => findColumn(table, name)) }
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

function planInputs(table: Table, options: TableOptions, words: number, labels: LabelPlan): InputPlan {
  if (words >= 0) return { form: 'words', column: words }
  if (options.textColumn !== undefined) return { form: 'text', column: findColumn(table, options.textColumn) }
  if (options.imageColumn !== undefined)
    return { form: 'image', column: findColumn(table, options.imageColumn) }
  if (options.featureColumns)
    return { form: 'numbers', columns: options.featureColumns.map((name) => findColumn(table, name)) }
  const taken = new Set('column' in labels ? [labels.column] : labels.columns)
  const free = table.columns.flatMap((_, column) => (taken.has(column) ? [] : [column]))
  const image = guessColumn(table, imageNames)
  if (free.includes(image) && holdsImage(table.value(0, image))) return { form: 'image', column: image }
  refusePairs(table)
  const text = guessColumn(table, textNames)
  if (free.includes(text)) return { form: 'text', column: text }
  const array = guessColumn(table, arrayNames)
  if (free.includes(array) && isList(table.value(0, array))) {
    const dims: number[] = []
    for (let value = table.value(0, array); isList(value); value = value[0]) dims.push(value.length)
    return { form: 'array', column: array, dims }
  }
  const { dialect } = table
  const numeric = dialect.passOver
    ? sorted(
        free.flatMap((column) =>
          numberOf(table.value(0, column), dialect) === undefined ? [] : (table.columns[column] ?? []),
        ),
      ).map((name) => table.columns.indexOf(name))
    : free
  if (numeric.length > 0) return { form: 'numbers', columns: numeric }
  throw missing(
    table,
    `there is no text, image, array called ${arrayNames.join(', ')}, or number beside the label`,
  )
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
    `${table.locate(0)}: ${what}; there are ${table.columns.join(', ')}.${hint}`,
  )
}
