import { points } from '../measure/points.ts'
import { itemAt } from '../required.ts'
import { capitalise, duration, methodName, shortNames } from './figures/index.ts'

/** How a terminal is written to. */
export interface TerminalStyle {
  /** ANSI colours and bold; default false. Never the only sign: every number is printed. */
  readonly colour?: boolean
  /** Columns of the terminal; default 80. Task columns that do not fit are folded into “…”. */
  readonly width?: number
}

/** One line of the live table. */
export interface TableRow {
  readonly method: string
  /** Accuracy on each task as a fraction; null where not yet measured. */
  readonly accuracies: readonly (number | null)[]
  /** What the method is doing, e.g. `task 2`; shown after the average. */
  readonly status?: string
}

const controlSequence = '\u001b['
const paint = (code: string, text: string, colour: boolean): string =>
  colour ? `${controlSequence}${code}m${text}${controlSequence}0m` : text

/** Green when well kept, yellow between, red when lost. */
const shade = (accuracy: number): string => (accuracy >= 0.9 ? '32' : accuracy >= 0.5 ? '33' : '31')

const averageOf = (row: TableRow): number | null => {
  const known = row.accuracies.filter((accuracy) => accuracy !== null)
  return known.length === 0 ? null : known.reduce((sum, accuracy) => sum + accuracy, 0) / known.length
}

/** Which task columns are shown: all, or the first and the last ones around a gap (null). */
function shownColumns(count: number, room: number): (number | null)[] {
  const all = Array.from({ length: count }, (_, i) => i)
  if (count <= room) return all
  const kept = Math.max(2, room - 1)
  const head = Math.ceil(kept / 2)
  return [...all.slice(0, head), null, ...all.slice(count - (kept - head))]
}

/**
 * A table of methods and their accuracy on each task so far, in %, as lines of equal meaning at every call: a caller on a terminal
 * draws it again over the last one (see `moveUp`). The average is over the tasks measured so far.
 *
 * @param rows a method each, in the order to show
 * @param tasks names of the tasks
 * @example liveTable([{ method: 'none', accuracies: [0.02, 0.98] }], ['0-4', '5-9'])
 * // ['Method        0-4   5-9   average', 'Fine-tuning   2.0  98.0      50.0']
 */
export function liveTable(
  rows: readonly TableRow[],
  tasks: readonly string[],
  style: TerminalStyle = {},
): string[] {
  const { colour = false, width = 80 } = style
  const titles = rows.map((row) => capitalise(methodName(row.method)))
  const first = Math.max(6, ...titles.map((title) => title.length))
  const status = Math.max(0, ...rows.map((row) => (row.status ?? '').length))
  const short = shortNames(tasks, 9)
  const cell = Math.max(5, ...short.map((name) => name.length)) + 1
  const room = Math.floor((width - first - 10 - (status > 0 ? status + 2 : 0)) / cell)
  const columns = shownColumns(tasks.length, Math.max(2, room))
  const columnTitle = (i: number | null) => (i === null ? '…' : itemAt(short, i, 'task')).padStart(cell)
  const head = `${'Method'.padEnd(first)}${columns.map(columnTitle).join('')}${'average'.padStart(10)}`
  const number = (accuracy: number | null | undefined, length: number): string =>
    accuracy === null || accuracy === undefined
      ? paint('2', '·'.padStart(length), colour)
      : paint(shade(accuracy), points(accuracy).padStart(length), colour)
  const body = rows.map((row, n) => {
    const cells = columns.map((i) => (i === null ? '…'.padStart(cell) : number(row.accuracies[i], cell)))
    const note = row.status ? `  ${paint('2', row.status, colour)}` : ''
    return `${itemAt(titles, n, 'row').padEnd(first)}${cells.join('')}${number(averageOf(row), 10)}${note}`
  })
  return [paint('1', head, colour), ...body]
}

/** Takes the cursor to the start of the line `lines` above and clears what is below it; write this before drawing again. */
export const moveUp = (lines: number): string =>
  lines > 0 ? `${controlSequence}${lines}A\r${controlSequence}0J` : ''

/** Where some work stands. */
export interface Progress {
  /** What is being done, e.g. `EWC, seed 2, task 3 of 5`. */
  readonly label?: string
  /** Things done and to be done. */
  readonly done: number
  readonly total: number
  /** Things a second; without it neither rate nor time left is said. */
  readonly rate?: number
  /** What is counted; default `steps`. */
  readonly unit?: string
}

const rateText = (rate: number): string =>
  rate >= 100 ? Math.round(rate).toLocaleString('en-US') : rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)

/**
 * One line of progress: a bar on a terminal, plain words otherwise (for logs; write it now and then as a line of its own).
 *
 * @param progress counts and rate
 * @param style `bar`: draw a bar, for terminals (default false); `colour`, `width`: see `TerminalStyle`
 * @example progressLine({ label: 'EWC', done: 500, total: 2000, rate: 250 }) // 'EWC: 500 of 2,000 steps (25 %), 250 steps/s, 6.0 s left'
 */
export function progressLine(
  progress: Progress,
  style: TerminalStyle & { readonly bar?: boolean } = {},
): string {
  const { label, done, total, rate, unit = 'steps' } = progress
  const { bar = false, colour = false, width = 80 } = style
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0
  const percent = `${Math.floor(100 * share)} %`
  const going = rate !== undefined && rate > 0 && Number.isFinite(rate)
  const speed = going ? [`${rateText(rate)} ${unit}/s`] : []
  const left = going && done < total ? [`${duration((total - done) / rate)} left`] : []
  if (!bar) {
    const counts = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${unit} (${percent})`
    return `${label === undefined ? '' : `${label}: `}${[counts, ...speed, ...left].join(', ')}`
  }
  const tail = [percent.padStart(5), ...speed, ...left].join(' · ')
  const lead = label === undefined ? '' : `${label} `
  const length = Math.max(5, Math.min(30, width - lead.length - tail.length - 2))
  const full = Math.round(share * length)
  const drawn = `${paint('36', '█'.repeat(full), colour)}${paint('2', '░'.repeat(length - full), colour)}`
  return `${lead}${drawn} ${tail}`
}
