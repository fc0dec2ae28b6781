import type { MarkedText, TextTokenizer } from '../text/index.ts'
import { chatParts } from './chat-document.ts'
import type { RawDocument } from './document.ts'

/** A document as the text that is tokenized, parted into what counts in the loss and what does not. */
export interface WrittenDocument {
  readonly place: string
  readonly parts: readonly MarkedText[]
  /** Whether the tokenizer's special tokens stand around it: a chat template writes its own. */
  readonly framed: boolean
  /** Whether the end of the text is learned: a completion has to end. */
  readonly ends: boolean
}

/**
 * Writes a document as text.
 *
 * @throws DataError `chat-template-missing`, `chat-template-failed`, `chat-turns-unfound`, `chat-messages`, with the document's place.
 */
export function writeDocument(document: RawDocument, tokenizer: TextTokenizer): WrittenDocument {
  const { place } = document
  switch (document.kind) {
    case 'text':
      return { place, parts: own(document.text), framed: true, ends: false }
    case 'pair':
      return {
        ...{ place, framed: true, ends: true },
        parts: [...given(document.prompt), ...own(document.completion)],
      }
    case 'chat':
      return { place, parts: chatParts(document, tokenizer), framed: false, ends: false }
    case 'instruction': {
      const { instruction, input, output } = document
      if (tokenizer.chat === undefined)
        return {
          ...{ place, framed: true, ends: true },
          parts: [...given(alpacaPrompt(instruction, input)), ...own(output)],
        }
      const content = input === '' ? instruction : `${instruction}\n\n${input}`
      const messages = [
        { role: 'user', content },
        { role: 'assistant', content: output },
      ]
      return { place, parts: chatParts({ place, messages }, tokenizer), framed: false, ends: false }
    }
  }
}

/** The prompt that Stanford's Alpaca was trained with (Taori et al. 2023). */
function alpacaPrompt(instruction: string, input: string): string {
  const [paired, shown] =
    input === ''
      ? ['', '']
      : [', paired with an input that provides further context', `### Input:\n${input}\n\n`]
  return `Below is an instruction that describes a task${paired}. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n${shown}### Response:\n`
}

const own = (text: string): readonly MarkedText[] => (text === '' ? [] : [{ text, own: true }])
const given = (text: string): readonly MarkedText[] => (text === '' ? [] : [{ text, own: false }])
