import { count, oneOf } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { columnsShown, guessColumn, isList, type Table, wrongCell } from '../formats/index.ts'
import { type Probe, usualDelimiter } from './probe.ts'

const promptNames = ['question', 'prompt', 'query']

/**
 * A row's probe: `question`, `prompt` or `query`; `choices` where there are some; `answer`, a text or a choice's number from 0 on;
 * perhaps `id` and `delimiter`.
 *
 * @param row Of the table.
 * @param number Of the file, from 0 on.
 * @throws DataError `field-missing`, `field-type`, `probe-prompt`, `probe-choices`, `probe-choice-empty`, `probe-answer-missing`,
 * `probe-answer-unknown`, each with the line.
 */
export function probeAt(table: Table, row: number, number: number): Probe {
  const place = table.locate(row)
  const prompt = promptAt(table, row)
  const delimiter = textAt(table, row, 'delimiter') ?? usualDelimiter
  const shared = { id: idAt(table, row) ?? String(number), place, prompt, delimiter }
  const [, choices] = fieldAt(table, row, ['choices'])
  if (choices === undefined) return { kind: 'answer', ...shared, answer: exactAnswer(table, row) }
  const read = choicesAt(table, row)
  return { kind: 'choice', ...shared, choices: read, right: rightChoice(table, row, read) }
}

/** The first of these fields that the row has, and where it stands. */
function fieldAt(
  table: Table,
  row: number,
  names: readonly string[],
): readonly [column: number, value: unknown] {
  for (const name of names) {
    const column = guessColumn(table, [name])
    const value = column < 0 ? undefined : table.value(row, column)
    // Cells of CSV files are never missing, only empty.
    if (value !== undefined && value !== null && !(table.dialect.texts && value === ''))
      return [column, value]
  }
  return [-1, undefined]
}

function textAt(table: Table, row: number, name: string): string | undefined {
  const [column, value] = fieldAt(table, row, [name])
  if (value === undefined || typeof value === 'string') return value
  throw wrongCell(table, row, column, 'a text', value)
}

function promptAt(table: Table, row: number): string {
  const [column, value] = fieldAt(table, row, promptNames)
  if (typeof value === 'string') return value
  if (value !== undefined) throw wrongCell(table, row, column, 'a text', value)
  const { noun, missingCode } = table.dialect
  throw new DataError(
    missingCode,
    `${table.locate(row)}: expected a probe such as {"question": "2 + 2 =", "choices": ["3", "4"], "answer": 1} or {"prompt": "2 + 2 =", "answer": "4"}, but no ${noun} is called ${promptNames.join(', ')}; there are ${columnsShown(table)}.`,
  )
}

function idAt(table: Table, row: number): string | undefined {
  const [column, value] = fieldAt(table, row, ['id'])
  if (value === undefined || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  throw wrongCell(table, row, column, 'a text or a number', value)
}

function choicesAt(table: Table, row: number): readonly string[] {
  const [column, value] = fieldAt(table, row, ['choices'])
  if (!isList(value)) throw wrongCell(table, row, column, 'a list of texts', value)
  const choices = Array.from(value, (choice, at): string => {
    if (typeof choice !== 'string') {
      throw wrongCell(table, row, column, `a list of texts, and choice ${at} to be one`, choice)
    }
    if (choice.trim() !== '') return choice
    throw new DataError(
      'probe-choice-empty',
      `${table.locate(row)}: choice ${at} is empty, and an empty text has no likelihood. Write what it stands for, or leave it out and count the answer anew.`,
    )
  })
  const twice = choices.findIndex((choice, at) => choices.indexOf(choice) < at)
  if (choices.length >= 2 && twice < 0) return choices
  throw new DataError(
    'probe-choices',
    `${table.locate(row)}: expected two choices or more that differ, found ${twice < 0 ? count(choices.length, 'choice') : `"${choices[twice]}" twice`}. A prompt with one exact answer needs no choices: {"prompt": …, "answer": …}.`,
  )
}

/** By its number from 0 on, or by its text. */
function rightChoice(table: Table, row: number, choices: readonly string[]): number {
  const answer = answerAt(table, row)
  const found = typeof answer === 'number' ? answer : placeOf(choices, answer)
  if (Number.isInteger(found) && found >= 0 && found < choices.length) return found
  const shown = choices.map((choice) => JSON.stringify(choice)).join(', ')
  const hint =
    typeof answer === 'number'
      ? `Numbers of choices go from 0 to ${choices.length - 1}.`
      : 'Write it as it stands among the choices, or as its number from 0 on, without quotes.'
  throw new DataError(
    'probe-answer-unknown',
    `${table.locate(row)}: the answer ${JSON.stringify(answer)} is not ${oneOf(choices.length, 'choice')} (${shown}). ${hint}`,
  )
}

/** Where a text stands among others, whatever white space is around it; -1 where it does not. */
function placeOf(choices: readonly string[], answer: string): number {
  const exact = choices.indexOf(answer)
  return exact >= 0 ? exact : choices.findIndex((choice) => choice.trim() === answer.trim())
}

function exactAnswer(table: Table, row: number): string {
  const answer = String(answerAt(table, row)).trim()
  if (answer !== '') return answer
  throw new DataError(
    'probe-answer-missing',
    `${table.locate(row)}: the answer is empty, so nothing that a model writes could be right. Give the answer, or leave the row out.`,
  )
}

function answerAt(table: Table, row: number): string | number {
  const [column, value] = fieldAt(table, row, ['answer'])
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value !== undefined) throw wrongCell(table, row, column, 'a text or a number', value)
  throw new DataError(
    'probe-answer-missing',
    `${table.locate(row)}: the probe does not say the right answer. Add it under "answer": of several choices its number from 0 on, or its text; there are ${columnsShown(table)}.`,
  )
}
