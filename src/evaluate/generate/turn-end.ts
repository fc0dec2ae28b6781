import type { ChatTemplate, TextTokenizer } from '../../data/text/index.ts'

/** Stands for what the assistant says; templates may trim it, so it has no space around. */
const SAID = 'x1y2z3'

/**
 * The token that a chat template puts behind a turn of the assistant, in a list; none where it puts a text there that no special
 * token begins.
 *
 * @throws DataError `chat-template-failed`.
 */
export function turnEnd(
  { ids, decode }: Pick<TextTokenizer, 'ids' | 'decode'>,
  chat: ChatTemplate,
): readonly number[] {
  const turns = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: SAID },
  ]
  const [, behind = ''] = chat.render(turns).split(SAID)
  const [first] = ids(behind.trimStart())
  if (first === undefined) return []
  const text = decode([first])
  // One token for a whole word of signs is a special one; a letter or a line's end may stand in any answer.
  return text.length > 2 && behind.trimStart().startsWith(text) && /^[<[]/.test(text) ? [first] : []
}
