import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { isList } from '../formats/index.ts'
import type { ChatMessage, ChatTemplate, MarkedText } from '../text/index.ts'

/** Stands for an answer while a conversation is rendered; no text of people has private-use characters. */
const stand = '\uF8A2answer\uF8A2'

/**
 * A conversation as one text, parted into what the assistant writes and all else. Where the template has no
 * `{% generation %}`, a turn begins behind what the template writes to ask for it (`add_generation_prompt`), else where its
 * content begins, and ends with the mark that the template sets behind a turn.
 *
 * @throws DataError `chat-template-failed`; `chat-turns-unfound` where a turn's beginning or end cannot be told.
 * @example
 * assistantTurns(chat, [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Good day' }])
 */
export function assistantTurns(
  chat: ChatTemplate,
  messages: readonly ChatMessage[],
  tools?: unknown,
): readonly MarkedText[] {
  const conversation = { chat, messages, tools, whole: chat.render(messages, { tools }) }
  const { whole } = conversation
  if (chat.marked) {
    const parts = chat.marked(messages, { tools })
    if (parts.map(({ text }) => text).join('') !== whole) throw unfound(0, messages)
    return parts.filter(({ text }) => text !== '')
  }
  const parts: MarkedText[] = []
  let at = 0
  for (const [index, { role }] of messages.entries()) {
    if (role !== 'assistant') continue
    const turn = turnOf(conversation, index)
    if (!turn || turn.start < at || turn.end < turn.start) throw unfound(index, messages)
    parts.push({ text: whole.slice(at, turn.start), own: false })
    parts.push({ text: whole.slice(turn.start, turn.end), own: true })
    at = turn.end
  }
  parts.push({ text: whole.slice(at), own: false })
  return parts.filter(({ text }) => text !== '')
}

interface Conversation {
  readonly chat: ChatTemplate
  readonly messages: readonly ChatMessage[]
  readonly tools: unknown
  readonly whole: string
}

interface Span {
  readonly start: number
  readonly end: number
}

function turnOf(conversation: Conversation, index: number): Span | undefined {
  const { chat, messages, tools, whole } = conversation
  const content = contentOf(conversation, messages, whole, index)
  const asked = askedUntil(conversation, index)
  const start = asked ?? content?.start
  if (start === undefined) return undefined
  const until = messages.slice(0, index + 1)
  const alone = attempt(() => chat.render(until, { tools }))
  if (alone === undefined) return undefined
  if (content) {
    const closing = closingMark(conversation, until, alone)
    if (closing === undefined || !whole.startsWith(closing, content.end)) return undefined
    return { start, end: content.end + withoutLineEnd(closing).length }
  }
  // A turn without text of its own, such as a call of a tool: it is what is there once it was made.
  return whole.startsWith(alone) && goesOn(conversation, until, alone)
    ? { start, end: alone.length }
    : undefined
}

/** Where the assistant is asked for its turn: the end of what the template writes for that. */
function askedUntil({ chat, messages, tools, whole }: Conversation, index: number): number | undefined {
  const before = messages.slice(0, index)
  // Templates may refuse a conversation that begins with the assistant, or has no turn at all.
  const asked = attempt(() => chat.render(before, { prompt: true, tools }))
  const plain = attempt(() => chat.render(before, { tools }))
  return asked !== undefined && asked !== plain && whole.startsWith(asked) ? asked.length : undefined
}

/** Where a message's content stands in what the conversation is rendered to: found by rendering another in its place. */
function contentOf(
  { chat, tools }: Conversation,
  messages: readonly ChatMessage[],
  rendered: string,
  index: number,
): Span | undefined {
  const message = itemAt(messages, index, 'message')
  const content =
    typeof message.content === 'string'
      ? stand
      : isList(message.content)
        ? [{ type: 'text', text: stand }]
        : undefined
  if (content === undefined) return undefined
  const other = messages.with(index, { ...message, content })
  const text = attempt(() => chat.render(other, { tools }))
  const at = text?.indexOf(stand) ?? -1
  if (text === undefined || at < 0 || text.lastIndexOf(stand) !== at) return undefined
  const [before, behind] = [text.slice(0, at), text.slice(at + stand.length)]
  const end = rendered.length - behind.length
  return rendered.startsWith(before) && rendered.endsWith(behind) && end >= at
    ? { start: at, end }
    : undefined
}

/**
 * What the template writes behind the content of a turn, whether others follow or not. Templates may write more behind a last turn, as
 * the token that ends all or the next prompt: then it is the lines that are there in both cases.
 */
function closingMark(
  conversation: Conversation,
  until: readonly ChatMessage[],
  alone: string,
): string | undefined {
  const last = until.length - 1
  const content = contentOf(conversation, until, alone, last)
  if (!content) return undefined
  const mark = alone.slice(content.end)
  const next = [...until, { role: 'user', content: 'And?' }]
  const followed = attempt(() => conversation.chat.render(next, { tools: conversation.tools }))
  const place = followed === undefined ? undefined : contentOf(conversation, next, followed, last)
  if (followed === undefined || !place) return goesOn(conversation, until, alone) ? mark : undefined
  const behind = followed.slice(place.end)
  if (behind.startsWith(mark)) return mark
  const lines = mark.slice(0, alikeUntil(mark, behind)).replace(/[^\n]*$/, '')
  return lines.trim() === '' ? undefined : lines
}

/** Whether the template asks for another turn right behind these: then it has written nothing behind the last. */
function goesOn({ chat, tools }: Conversation, until: readonly ChatMessage[], alone: string): boolean {
  const asked = attempt(() => chat.render(until, { prompt: true, tools }))
  return asked !== undefined && asked !== alone && asked.startsWith(alone)
}

/** How many characters two texts begin with alike. */
function alikeUntil(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

/** The line end behind a mark is the template's: the assistant stops at the mark. Where there is no other mark, it is the mark. */
const withoutLineEnd = (closing: string): string => closing.trimEnd() || closing

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (error instanceof DataError && error.code === 'chat-template-failed') return undefined
    throw error
  }
}

const unfound = (index: number, messages: readonly ChatMessage[]): DataError =>
  new DataError(
    'chat-turns-unfound',
    `message ${index + 1} of ${messages.length}: the chat template does not tell where the assistant's turn begins and ends, as it writes it otherwise once others follow. Put {% generation %} and {% endgeneration %} around that turn in the template, or give the data as prompt and completion.`,
  )
