import { Template } from '@huggingface/jinja'
import { DataError } from '../../errors.ts'

/** A turn of a conversation, as a chat template reads it: fields beside these are the template's own affair. */
export interface ChatMessage {
  readonly role: string
  readonly content?: unknown
  readonly [field: string]: unknown
}

/** What a conversation is rendered with. */
export interface ChatRendering {
  /** Ends with the beginning of the assistant's next turn. Default false. */
  readonly prompt?: boolean | undefined
  /** Descriptions of tools, where the conversation has some. */
  readonly tools?: unknown
}

/** How a tokenizer writes conversations as one text. */
export interface ChatTemplate {
  /** @throws DataError `chat-template-failed` with what the template says. */
  readonly render: (messages: readonly ChatMessage[], options?: ChatRendering) => string
  /**
   * The same in pieces, of which those that the assistant writes are marked; undefined for a template without
   * `{% generation %}`, which says so of no piece.
   */
  readonly marked?: (messages: readonly ChatMessage[], options?: ChatRendering) => readonly MarkedText[]
  /** Whether it writes the texts of a content that is a list of parts, `[{type: 'text', text}]`. */
  readonly takesParts: () => boolean
  /** Whether it has a word for a role of its own. */
  readonly names: (role: string) => boolean
}

export interface MarkedText {
  readonly text: string
  /** Whether the assistant writes it. */
  readonly own: boolean
}

/** Private-use characters around what the assistant writes, which no text of people has. */
const begin = '\uF8A0\uF8A1'
const end = '\uF8A1\uF8A0'

/** Templates of Llama 3.1 write the day into each text: the same one each time, so that the same data give the same tokens. */
const day = '26 Jul 2024'

/**
 * A chat template in Jinja, as transformers runs it.
 *
 * @param source tokenizer_config.json's `chat_template`, or chat_template.jinja.
 * @param special Names of special tokens and what they are: bos_token, eos_token.
 * @param place Named in errors.
 * @throws DataError `chat-template-invalid`.
 * @example
 * const chat = chatTemplate("{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}", {}, 'chat.jinja')
 * chat.render([{ role: 'user', content: 'Hello' }])
 */
export function chatTemplate(
  source: string,
  special: Readonly<Record<string, string>>,
  place: string,
): ChatTemplate {
  const plain = parsedTemplate(source, place)
  const render = (template: Template, messages: readonly ChatMessage[], options: ChatRendering): string => {
    const { prompt = false, tools } = options
    try {
      return template.render({
        ...special,
        messages,
        add_generation_prompt: prompt,
        date_string: day,
        ...(tools === undefined ? {} : { tools }),
      })
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new DataError(
        'chat-template-failed',
        `the chat template of ${place} fails: ${sentence(reason)} Give conversations that it can write, or a template that writes these (chat_template.jinja beside the model).`,
        {
          cause,
        },
      )
    }
  }
  // Few conversations have any: it is found out for the first that does.
  let parts: boolean | undefined
  const own: ChatTemplate = {
    render: (messages, options = {}) => render(plain, messages, options),
    takesParts: () => {
      parts ??= takesParts((messages) => render(plain, messages, {}))
      return parts
    },
    names: (role) => [`'${role}'`, `"${role}"`].some((word) => source.includes(word)),
  }
  if (!/{%-?\s*generation\s*-?%}/.test(source)) return own
  const marking = parsedTemplate(withMarks(source), place)
  return { ...own, marked: (messages, options = {}) => unmarked(render(marking, messages, options)) }
}

/** Parts that a template does not look into come out as they are stored, or not at all. */
function takesParts(render: (messages: readonly ChatMessage[]) => string): boolean {
  const [said, field] = ['holdfast says', 'holdfast_field']
  try {
    const text = render([{ role: 'user', content: [{ type: 'text', text: said, [field]: true }] }])
    return text.includes(said) && !text.includes(field)
  } catch {
    return false
  }
}

function parsedTemplate(source: string, place: string): Template {
  try {
    return new Template(source)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataError(
      'chat-template-invalid',
      `${place}: the chat template cannot be read: ${sentence(reason)} Mend it, or give the data as prompt and completion.`,
      { cause },
    )
  }
}

const sentence = (text: string): string => `${text.trim().replace(/\.$/, '')}.`

/** The template with text in place of `{% generation %}`; blocks, so that white space around it is treated as before. */
const withMarks = (source: string): string =>
  source.replace(/{%(-?)\s*(end)?generation\s*(-?)%}/g, (_, left: string, ending: string, right: string) => {
    const mark = ending ? end : begin
    return `{%${left} if true %}${mark}{% endif ${right}%}`
  })

function unmarked(text: string): readonly MarkedText[] {
  return text.split(begin).flatMap((part, at): MarkedText[] => {
    if (at === 0) return [{ text: part, own: false }]
    const [inner = '', ...rest] = part.split(end)
    return [
      { text: inner, own: true },
      { text: rest.join(''), own: false },
    ]
  })
}
