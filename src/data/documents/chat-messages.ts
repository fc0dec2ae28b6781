import { DataError } from '../../errors.ts'
import { isList } from '../formats/index.ts'
import type { ChatMessage } from '../text/index.ts'

/** What ShareGPT's `from` is called by chat templates. */
const roles: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  model: 'assistant',
  assistant: 'assistant',
  system: 'system',
  tool: 'tool',
  observation: 'tool',
}

/**
 * The turns of a conversation: `{role, content}`, or ShareGPT's `{from, value}`.
 *
 * @param place For example `chat.jsonl, line 7, messages`.
 * @throws DataError `chat-messages` naming the turn.
 */
export function readTurns(value: unknown, place: string): readonly ChatMessage[] {
  if (!isList(value)) throw wrongTurns(place, `expected a list of turns, found ${kindOf(value)}`)
  return Array.from(value, (turn, at) => readTurn(turn, `${place}, turn ${at + 1}`))
}

function readTurn(turn: unknown, place: string): ChatMessage {
  if (typeof turn !== 'object' || turn === null || isList(turn))
    throw wrongTurns(place, `expected {role, content} or {from, value}, found ${kindOf(turn)}`)
  if ('role' in turn && typeof turn.role === 'string') return { ...turn, role: turn.role }
  if (!('from' in turn) || typeof turn.from !== 'string')
    throw wrongTurns(place, `expected role or from, a text; there are ${Object.keys(turn).join(', ')}`)
  const role = Object.hasOwn(roles, turn.from.toLowerCase()) ? roles[turn.from.toLowerCase()] : undefined
  if (role === undefined)
    throw wrongTurns(
      place,
      `the turn is from "${turn.from}"; known are ${Object.keys(roles).join(', ')}. Write it as messages with the role that the chat template has for it`,
    )
  if (!('value' in turn) || typeof turn.value !== 'string')
    throw wrongTurns(place, `expected the text as value; there are ${Object.keys(turn).join(', ')}`)
  return { role, content: turn.value }
}

const kindOf = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : value === null
      ? 'null'
      : isList(value)
        ? 'a list'
        : typeof value === 'object'
          ? `an object of ${Object.keys(value).slice(0, 4).join(', ')}`
          : `a ${typeof value}`

const wrongTurns = (place: string, problem: string): DataError =>
  new DataError('chat-messages', `${place}: ${problem}.`)
