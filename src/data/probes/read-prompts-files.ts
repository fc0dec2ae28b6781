import { extname } from 'node:path'
import { DataError } from '../../errors.ts'
import { columnsShown, guessColumn, isList, type Table, wrongCell } from '../formats/index.ts'
import { readText } from '../formats/index-files.ts'
import { tableReader } from '../tables/index-files.ts'
import type { ChatMessage } from '../text/index.ts'
import type { ProbeReading } from './read-probes-files.ts'

/** A text to be continued, or a conversation whose last turn is to be answered. */
export interface Prompt {
  /** For example `prompts.txt, line 3`. */
  readonly place: string
  readonly text: string | readonly ChatMessage[]
}

/** More would be read by nobody, and take long to answer. */
const most = 200

const rowsAtOnce = 2 ** 10

/**
 * Reads prompts: a line each of a `.txt` file, or a row each of a `.jsonl`, `.json`, `.csv` or `.parquet` file, in `prompt`, `question`, `query` or `text`, or
 * as `messages`, a list of `{role, content}` whose last is answered.
 *
 * @throws DataError `prompts-format`, `prompts-many` for more than 200, `data-empty`, `field-missing`, `field-type`, with file and line.
 * @example
 * const prompts = await readPrompts('prompts.txt')
 */
export async function readPrompts(path: string, reading: ProbeReading = {}): Promise<readonly Prompt[]> {
  const prompts = /\.txt$/i.test(path) ? await linesOf(path) : await rowsOf(path, reading)
  if (prompts.length === 0) throw new DataError('data-empty', `${path}: there are no prompts.`)
  if (prompts.length <= most) return prompts
  throw new DataError(
    'prompts-many',
    `${path}: there are more than ${most} prompts, and each is answered by every model for somebody to read. Give the ones that say most.`,
  )
}

async function linesOf(path: string): Promise<readonly Prompt[]> {
  const lines = (await readText(path)).replace(/^\uFEFF/, '').split(/\r?\n/)
  return lines.flatMap((text, at) => (text.trim() === '' ? [] : [{ place: `${path}, line ${at + 1}`, text }]))
}

async function rowsOf(path: string, reading: ProbeReading): Promise<readonly Prompt[]> {
  const read = tableReader(path)
  if (!read) {
    throw new DataError(
      'prompts-format',
      `${path}: expected prompts, a .txt file with one a line, or a .jsonl, .json, .parquet or .csv file, found ${extname(path) ? `a ${extname(path)} file` : 'a file without extension'}.`,
    )
  }
  const prompts: Prompt[] = []
  for await (const table of read(path, rowsAtOnce, reading)) {
    for (let row = 0; row < table.rows && prompts.length <= most; row++) prompts.push(promptAt(table, row))
  }
  return prompts
}

function promptAt(table: Table, row: number): Prompt {
  const place = table.locate(row)
  const turns = guessColumn(table, ['messages'])
  const messages = turns < 0 ? undefined : table.value(row, turns)
  if (messages !== undefined && messages !== null) {
    if (isList(messages) && messages.length > 0) return { place, text: Array.from(messages, asTurn) }
    throw wrongCell(table, row, turns, 'a list of {role, content}', messages)
  }
  for (const name of ['prompt', 'question', 'query', 'text']) {
    const column = guessColumn(table, [name])
    const value = column < 0 ? undefined : table.value(row, column)
    if (value === undefined || value === null) continue
    if (typeof value === 'string') return { place, text: value }
    throw wrongCell(table, row, column, 'a text', value)
  }
  const { noun, missingCode } = table.dialect
  throw new DataError(
    missingCode,
    `${place}: expected a prompt such as {"prompt": "In the beginning"}, but no ${noun} is called prompt, question, query, text or messages; there are ${columnsShown(table)}.`,
  )

  // What is wrong with a turn is said by whoever renders the conversation.
  function asTurn(turn: unknown): ChatMessage {
    if (typeof turn === 'object' && turn !== null && 'role' in turn && typeof turn.role === 'string') {
      return { ...turn, role: turn.role }
    }
    throw wrongCell(table, row, turns, 'a list of {role, content}', turn)
  }
}
