import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import {
  columnsShown,
  findColumn,
  guessColumn,
  isList,
  type Table,
  type TableOptions,
  wrongCell,
} from '../formats/index.ts'
import { readTurns } from './chat-messages.ts'
import type { DocumentFormat, RawDocument } from './document.ts'

/** How documents are read from tables. */
export interface DocumentTableOptions extends Pick<TableOptions, 'textColumn' | 'onNote'> {
  /** Default: by the fields that there are. */
  readonly documents?: DocumentFormat | undefined
}

const fields = {
  text: [['text', 'sentence', 'content']],
  messages: [['messages']],
  sharegpt: [['conversations', 'conversation']],
  alpaca: [['instruction'], ['output', 'response']],
  'prompt-completion': [['prompt'], ['completion', 'response']],
} as const satisfies Record<DocumentFormat, readonly (readonly string[])[]>

/** What a row's fields are looked for in this order: of a data set that has its rendered text, too, the parts tell more. */
const order = ['messages', 'sharegpt', 'alpaca', 'prompt-completion', 'text'] as const

/** Which columns of a table hold documents. */
export interface DocumentPlan {
  readonly format: DocumentFormat
  /** The names of the format's columns, in the order of its fields. */
  readonly columns: readonly string[]
}

/**
 * Finds out how a table holds documents: as asked, else by its fields.
 *
 * @throws DataError `field-missing` (`column-missing`) with the fields that are there.
 */
export function planDocuments(table: Table, options: DocumentTableOptions): DocumentPlan {
  const { documents, textColumn, onNote } = options
  if (textColumn !== undefined && (documents ?? 'text') === 'text') {
    findColumn(table, textColumn)
    return { format: 'text', columns: [textColumn] }
  }
  const found = order.filter((format) => columnsOf(table, format) !== undefined)
  const [format] = documents === undefined ? found : [documents]
  const columns = format && columnsOf(table, format)
  if (!format || !columns) throw noDocuments(table, documents)
  const others = found.filter((other) => other !== format)
  const more = others.length > 0 ? `; they could be read as ${others.join(' or ')}, too (documents)` : ''
  if (format !== 'text' || more !== '')
    onNote?.(`${table.file}: documents are read as ${format}, from ${columns.join(', ')}${more}.`)
  return { format, columns }
}

function columnsOf(table: Table, format: DocumentFormat): readonly string[] | undefined {
  const places = fields[format].map((names) => guessColumn(table, names))
  return places.some((place) => place < 0)
    ? undefined
    : places.map((place) => itemAt(table.columns, place, 'column'))
}

function noDocuments(table: Table, asked: DocumentFormat | undefined): DataError {
  const { noun, missingCode } = table.dialect
  const one = (format: DocumentFormat) => fields[format].map((names) => names.join(' or ')).join(' and ')
  const wanted =
    asked === undefined
      ? `expected documents: ${order.map((format) => one(format)).join('; ')}`
      : `expected documents as ${asked}: ${one(asked)}`
  const wayOut = areProbes(table)
    ? 'These seem to be probes, questions with right answers: holdfast gate and holdfast evaluate take them with --probes.'
    : asked === undefined || asked === 'text'
      ? `Say which ${noun} holds the text (textColumn).`
      : `Call the ${noun}s so, or read the data in another way (documents).`
  return new DataError(
    missingCode,
    `${table.locate(0)}: ${wanted}; there are ${columnsShown(table)}. ${wayOut}`,
  )
}

const areProbes = (table: Table): boolean =>
  [['question', 'prompt', 'query'], ['answer']].every((names) => guessColumn(table, names) >= 0)

/** A row's document. */
export function documentAt(table: Table, row: number, { format, columns }: DocumentPlan): RawDocument {
  const place = table.locate(row)
  const cell = (at: number): unknown => table.value(row, findColumn(table, itemAt(columns, at, 'column')))
  const text = (at: number): string => textOf(table, row, itemAt(columns, at, 'column'))
  switch (format) {
    case 'text':
      return { place, kind: 'text', text: text(0) }
    case 'messages':
    case 'sharegpt':
      return {
        ...{ place, kind: 'chat', messages: readTurns(cell(0), `${place}, ${columns[0]}`) },
        tools: toolsAt(table, row),
      }
    case 'alpaca': {
      const input = guessColumn(table, ['input', 'context'])
      const given = input < 0 ? undefined : table.value(row, input)
      return {
        ...{ place, kind: 'instruction', instruction: text(0), output: text(1) },
        input:
          given === undefined || given === null
            ? ''
            : textOf(table, row, itemAt(table.columns, input, 'column')),
      }
    }
    case 'prompt-completion':
      return pairAt(table, row, columns)
  }
}

/** Prompt and completion are texts, or lists of turns. */
function pairAt(table: Table, row: number, columns: readonly string[]): RawDocument {
  const place = table.locate(row)
  const [prompt = '', completion = ''] = columns
  const turns = table.value(row, findColumn(table, prompt))
  if (!isList(turns))
    return {
      ...{ place, kind: 'pair' },
      prompt: textOf(table, row, prompt),
      completion: textOf(table, row, completion),
    }
  const asked = readTurns(turns, `${place}, ${prompt}`)
  const answered = readTurns(table.value(row, findColumn(table, completion)), `${place}, ${completion}`)
  return { place, kind: 'chat', messages: [...asked, ...answered], tools: toolsAt(table, row) }
}

function toolsAt(table: Table, row: number): unknown {
  const column = guessColumn(table, ['tools'])
  const found = column < 0 ? undefined : table.value(row, column)
  return found === null ? undefined : found
}

function textOf(table: Table, row: number, name: string): string {
  const column = findColumn(table, name)
  const value = table.value(row, column)
  if (typeof value === 'string') return value
  throw wrongCell(table, row, column, 'a text', value)
}
