import { DataError } from '../../errors.ts'

/** How a CSV file is written. */
export interface CsvDialect {
  /** What parts the columns: one character. */
  readonly delimiter: string
  /** What parts a number's whole from its fraction. */
  readonly decimal: '.' | ','
  /** Whether there are spaces between delimiters and quotes, which belong to no cell. */
  readonly trim: boolean
  /** Lines in front of the header: Excel's `sep=;`. */
  readonly skip: number
}

/** What the caller says of it; all else is found out. */
export interface CsvAsked {
  readonly delimiter?: string | undefined
  readonly decimal?: '.' | ',' | undefined
}

/** A dialect, and what people should be told of it. */
export interface FoundDialect {
  readonly dialect: CsvDialect
  readonly notes: readonly string[]
}

const candidates = [',', ';', '\t', '|'] as const
const called: Readonly<Record<string, string>> = { '\t': 'a tab', ' ': 'a space' }
/** What people call a delimiter. */
export const nameOf = (delimiter: string): string => called[delimiter] ?? `'${delimiter}'`

/** Records looked at. */
const looked = 200

/**
 * Finds out how a CSV file is written, from its beginning.
 *
 * A comma parts the columns where it gives records of one length; else a semicolon, tab or bar that does. Decimal commas are recognised where
 * commas do not part columns: `1,5` is one, and `1,234` alone, which may be a thousand, is not decided on.
 *
 * @param head The first part of the file, without its byte order mark.
 * @param whole Whether that is all of it.
 * @throws DataError `csv-decimal` where `1,234` could be two numbers.
 */
export function findDialect(head: string, whole: boolean, file: string, asked: CsvAsked = {}): FoundDialect {
  const [, sep] = /^sep=(.)\r?\n/i.exec(head) ?? []
  const body = sep === undefined ? head : head.replace(/^.*\n/, '')
  const notes: string[] = []
  const delimiter = asked.delimiter ?? sep ?? guessDelimiter(body, whole)
  if (asked.delimiter === undefined && delimiter !== ',') {
    notes.push(
      `${file}: ${nameOf(delimiter)} parts the columns${sep === undefined ? '' : ', as its first line says'}.`,
    )
  }
  const records = recordsOf(body, whole, delimiter)
  // Where white space parts the columns, none of it is passed over.
  const trim = delimiter.trim() !== '' && records.some(({ spaced }) => spaced)
  if (trim) notes.push(`${file}: spaces around quoted cells are passed over.`)
  const decimal = asked.decimal ?? (delimiter === ',' ? '.' : guessDecimal(records, file))
  if (asked.decimal === undefined && decimal === ',') notes.push(`${file}: numbers have a decimal comma.`)
  return { dialect: { delimiter, decimal, trim, skip: sep === undefined ? 0 : 1 }, notes }
}

function guessDelimiter(text: string, whole: boolean): string {
  const widths = candidates.map((delimiter) => {
    const lengths = recordsOf(text, whole, delimiter).map(({ cells }) => cells.length)
    const [first = 1] = lengths
    return { delimiter, first, even: lengths.every((length) => length === first) }
  })
  const wide = widths.filter(({ first }) => first > 1)
  // The header decides where no delimiter gives records of one length: the parser then says which one is not.
  const chosen = wide.find(({ even }) => even) ?? wide[0]
  return chosen?.delimiter ?? ','
}

interface Sampled {
  readonly cells: readonly string[]
  /** Whether there is a space between a delimiter and a quote. */
  readonly spaced: boolean
}

/** The first records, roughly: enough to count cells and to look at numbers. */
function recordsOf(text: string, whole: boolean, delimiter: string): Sampled[] {
  const records: Sampled[] = []
  let cells: string[] = []
  let cell = ''
  let spaced = false
  let quoted = false
  const close = (): void => {
    cells.push(cell)
    cell = ''
  }
  const end = (): void => {
    close()
    if (cells.length > 1 || cells[0]?.trim() !== '') records.push({ cells, spaced })
    cells = []
    spaced = false
  }
  for (let at = 0; at < text.length && records.length < looked; at++) {
    const letter = text.charAt(at)
    if (quoted) {
      if (letter !== '"') cell += letter
      else if (text.charAt(at + 1) === '"') cell += text.charAt(++at)
      else quoted = false
    } else if (letter === '"' && cell.trim() === '') {
      if (cell !== '') spaced = true
      cell = ''
      quoted = true
    } else if (letter === delimiter) close()
    else if (letter === '\n' || (letter === '\r' && text.charAt(at + 1) !== '\n')) end()
    else if (letter !== '\r') cell += letter
  }
  // A header longer than what was looked at still tells what parts it.
  if ((whole || records.length === 0) && (cell !== '' || cells.length > 0)) end()
  return records
}

const commaNumber = /^\s*[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+([eE][+-]?\d+)?\s*$/
const perhapsThousands = /^\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*$/

function guessDecimal(records: readonly Sampled[], file: string): '.' | ',' {
  const cells = records.slice(1).flatMap((record) => record.cells)
  const withComma = cells.filter((cell) => commaNumber.test(cell) || perhapsThousands.test(cell))
  const [first] = withComma
  if (first === undefined) return '.'
  if (withComma.some((cell) => !perhapsThousands.test(cell))) return ','
  throw new DataError(
    'csv-decimal',
    `${file}: '${first}' may have a decimal comma or be in the thousands. Say which (decimal): ',' for a decimal comma, '.' for a point.`,
  )
}

/** A cell as a number in this dialect: `NaN` where it is none. */
export function parseNumber(cell: string, decimal: '.' | ','): number {
  const text = cell.trim()
  if (text === '') return Number.NaN
  // Number() also reads 0x10, 0b1 and Infinity, which no table means by a number.
  if (decimal === '.') return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  return commaNumber.test(text) || /^[+-]?\d+([eE][+-]?\d+)?$/.test(text)
    ? Number(text.replaceAll('.', '').replace(',', '.'))
    : Number.NaN
}
