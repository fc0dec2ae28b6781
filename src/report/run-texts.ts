import type { ResultGroup, RunResult, TextsRecord } from '../measure/results.ts'
import { mean } from '../measure/statistics.ts'
import type { TextRates } from '../measure/text-scores.ts'
import { itemAt } from '../required.ts'
import { methodTitle, rowNames, type TableData } from './figures/index.ts'
import { textTable } from './text-table.ts'

/** Why there is no more than a perplexity. */
const noBytes =
  'Bits per byte need documents whose bytes are known, and the rows of these test parts name none: perplexity alone.'

/**
 * What each task's test part costs a language model, for the terminal: given, right after its task, and at the end. No lines for other
 * models.
 */
export function runTextsLines({ texts }: Pick<RunResult, 'texts'>, tasks: readonly string[]): string[] {
  if (!texts) return []
  const { initial, matrix } = texts
  const own = matrix.length > 1
  const unit = unitOf([texts])
  const table = textTable({
    head: ['Task', 'before', ...(own ? ['once learned'] : []), 'at the end'],
    rows: tasks.map((task, at) => [
      task,
      cell([initial[at]], unit),
      ...(own ? [cell([matrix[at]?.[at]], unit)] : []),
      cell([matrix.at(-1)?.[at]], unit),
    ]),
  })
  return [
    `${titleOf(unit)} of each task’s test part`,
    '',
    ...table,
    ...(unit === 'bits' ? [] : ['', noBytes]),
  ]
}

/** The matrix of a method's runs, mean over the seeds, with a row for the model as it was given; undefined for models of no texts. */
export function runTextsTable(group: ResultGroup, tasks: readonly string[]): TableData | undefined {
  const known = group.runs.flatMap(({ texts }) => texts ?? [])
  const [first] = known
  if (!first) return undefined
  const unit = unitOf(known)
  const after = rowNames(group, first.matrix.length, tasks)
  const seeds = known.length > 1 ? ', mean of the seeds' : ''
  return {
    caption:
      `${methodTitle(group.method)}: ${titleOf(unit).toLowerCase()} of each task’s test part${seeds}. ${unit === 'bits' ? '' : noBytes}`.trim(),
    head: ['After learning', ...tasks],
    rows: [
      [
        'nothing',
        ...tasks.map((_, at) =>
          cell(
            known.map(({ initial }) => initial[at]),
            unit,
          ),
        ),
      ],
      ...first.matrix.map((_, row) => [
        itemAt(after, row, 'row'),
        ...tasks.map((_, at) =>
          cell(
            known.map(({ matrix }) => itemAt(matrix, row, 'row')[at]),
            unit,
          ),
        ),
      ]),
    ],
  }
}

type Unit = 'bits' | 'perplexity'

/** Bytes are known of all test parts or of none that can be set beside another. */
const unitOf = (all: readonly TextsRecord[]): Unit =>
  all.every(({ initial }) =>
    initial.every(({ bitsPerByte, perplexity }) => bitsPerByte !== null || perplexity === null),
  )
    ? 'bits'
    : 'perplexity'

const titleOf = (unit: Unit): string => (unit === 'bits' ? 'Bits per byte (perplexity)' : 'Perplexity')

/** The mean of some; a dash where one of them was not measured or is no number. */
function cell(all: readonly (TextRates | undefined)[], unit: Unit): string {
  const over = (rate: keyof TextRates): number => mean(all.map((each) => each?.[rate] ?? Number.NaN))
  const shown = (value: number, digits: number) => (Number.isFinite(value) ? value.toFixed(digits) : '–')
  const perplexity = shown(over('perplexity'), 2)
  return unit === 'perplexity' ? perplexity : `${shown(over('bitsPerByte'), 4)} (${perplexity})`
}
