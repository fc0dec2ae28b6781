import { isList } from '../formats/index.ts'
import type { ChatMessage } from '../text/index.ts'
import { isTextPart } from './chat-messages.ts'
import type { RawDocument } from './document.ts'

/** A text whose line ends of Windows are plain ones. */
export const plainLines = (text: string): string => text.replaceAll('\r\n', '\n')

/**
 * The same of all texts of a document.
 *
 * @param onChange Called where there were such line ends.
 */
export function plainDocument(document: RawDocument, onChange: () => void): RawDocument {
  const plain = (text: string): string => {
    const found = plainLines(text)
    if (found !== text) onChange()
    return found
  }
  switch (document.kind) {
    case 'text':
      return { ...document, text: plain(document.text) }
    case 'pair':
      return { ...document, prompt: plain(document.prompt), completion: plain(document.completion) }
    case 'instruction':
      return {
        ...{ ...document, instruction: plain(document.instruction) },
        ...{ input: plain(document.input), output: plain(document.output) },
      }
    case 'chat':
      return { ...document, messages: document.messages.map((turn) => plainTurn(turn, plain)) }
  }
}

function plainTurn(turn: ChatMessage, plain: (text: string) => string): ChatMessage {
  const { content } = turn
  if (typeof content === 'string') return { ...turn, content: plain(content) }
  if (!isList(content)) return turn
  return {
    ...turn,
    content: Array.from(content, (part) => (isTextPart(part) ? { ...part, text: plain(part.text) } : part)),
  }
}
