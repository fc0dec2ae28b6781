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
  if ('role' in turn && typeof turn.role === 'string') {
    const read: ChatMessage = { ...turn, role: turn.role }
    checkContent(read, `${place}, content`)
    return read
  }
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

/** A part of a content that is a text. */
export const isTextPart = (part: unknown): part is { readonly type: 'text'; readonly text: string } =>
  typeof part === 'object' &&
  part !== null &&
  'type' in part &&
  part.type === 'text' &&
  'text' in part &&
  typeof part.text === 'string'

/** Who answers with what a template writes in its own way, such as values of tools. */
const answersOfTools = ['tool', 'function', 'ipython']

/** A content is a text or a list of texts; a turn that calls tools may have none. */
function checkContent({ role, content }: ChatMessage, place: string): void {
  if (content === undefined || content === null || typeof content === 'string') return
  if (answersOfTools.includes(role)) return
  if (!isList(content))
    throw wrongTurns(place, `expected a text, or a list of text parts, found ${kindOf(content)}`)
  const at = Array.from(content).findIndex((part) => !isTextPart(part))
  if (at < 0) return
  throw wrongTurns(
    `${place}, part ${at + 1}`,
    `expected {"type": "text", "text": "…"}, found ${partKind(content[at])}. A language model reads texts alone`,
  )
}

const partKind = (part: unknown): string =>
  typeof part === 'object' && part !== null && 'type' in part && typeof part.type === 'string'
    ? `one of the type "${part.type}"`
    : kindOf(part)

export const kindOf = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : value === null
      ? 'null'
      : isList(value)
        ? 'a list'
        : typeof value === 'object'
          ? `an object of ${Object.keys(value).slice(0, 4).join(', ')}`
          : `a ${typeof value}`

export const wrongTurns = (place: string, problem: string, options?: ErrorOptions): DataError =>
  new DataError('chat-messages', `${place}: ${problem}.`, options)
