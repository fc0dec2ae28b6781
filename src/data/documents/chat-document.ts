import { DataError } from '../../errors.ts'
import { isList } from '../formats/index.ts'
import type { ChatMessage, ChatTemplate, MarkedText, TextTokenizer } from '../text/index.ts'
import { atPlace } from './at-place.ts'
import { isTextPart, kindOf, wrongTurns } from './chat-messages.ts'
import { assistantTurns } from './chat-turns.ts'
import type { RawDocument } from './document.ts'

type ChatDocument = Pick<Extract<RawDocument, { kind: 'chat' }>, 'place' | 'messages' | 'tools'>

/**
 * A conversation as its tokenizer's chat template writes it.
 *
 * @throws DataError `chat-template-missing`, `chat-template-failed`, `chat-turns-unfound`, `chat-messages`, with the document's place.
 */
export function chatParts(
  { place, messages, tools }: ChatDocument,
  { chat }: Pick<TextTokenizer, 'chat'>,
): readonly MarkedText[] {
  if (chat === undefined) {
    throw new DataError(
      'chat-template-missing',
      `${place}: conversations are written by the tokenizer's chat template, and there is none. Put chat_template.jinja beside the model (or chat_template into tokenizer_config.json), or give the data as prompt and completion.`,
    )
  }
  if (messages.length === 0) return []
  for (const [at, turn] of messages.entries()) checkTurn(turn, chat, `${place}, turn ${at + 1}`)
  const written = messages.map((turn) => joinedParts(turn, chat))
  try {
    return atPlace(place, () => assistantTurns(chat, written, tools))
  } catch (error) {
    const silent = messages.findIndex(({ content }) => content === null || content === undefined)
    if (silent < 0 || !(error instanceof DataError && error.code === 'chat-template-failed')) throw error
    throw wrongTurns(
      `${place}, turn ${silent + 1}`,
      `the content is ${kindOf(messages[silent]?.content)}, which the chat template does not write. Give the turn a text, "" where it only calls tools`,
      { cause: error },
    )
  }
}

/** Roles of conversations as chat templates call them; others are known where the template names them. */
const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function', 'ipython']

function checkTurn(turn: ChatMessage, chat: ChatTemplate, place: string): void {
  const { role, content, name: _name, ...others } = turn
  if (!roles.includes(role) && !chat.names(role)) {
    throw wrongTurns(
      place,
      `its role is "${role}"; known are ${roles.join(', ')}, and what the chat template names. Write the role that the chat template has for it`,
    )
  }
  const present = (value: unknown): boolean => value !== null && value !== undefined
  if (present(content) || Object.values(others).some(present)) return
  throw wrongTurns(
    place,
    `the content is ${kindOf(content)}, and the turn has nothing else to say. Give it a text, or leave the turn out`,
  )
}

/** Parts of a content as one text, a line each, for a template that writes texts alone. */
function joinedParts(turn: ChatMessage, chat: ChatTemplate): ChatMessage {
  const { content } = turn
  const parts = isList(content) ? Array.from(content) : undefined
  if (!parts?.every(isTextPart) || chat.takesParts()) return turn
  return { ...turn, content: parts.map(({ text }) => text).join('\n') }
}
