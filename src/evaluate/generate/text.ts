import type { ChatMessage, TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, UsageError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { type DecoderOptions, openDecoder } from './decoder.ts'
import { continued, type GenerateOptions, type GenerationEnd } from './generate.ts'
import { turnEnd } from './turn-end.ts'

/** What a text generator needs of a tokenizer. */
export type Codec = Pick<TextTokenizer, 'ids' | 'decode' | 'eos' | 'frame' | 'limit' | 'chat' | 'size'>

export interface TextOptions extends Omit<GenerateOptions, keyof DecoderOptions | 'context'> {
  /** Texts that end it; none of them is handed out. The end of a text, and in a conversation that of a turn, always do. */
  readonly stops?: readonly string[] | undefined
}

/** A text that was written. */
export interface TextEnd {
  readonly end: GenerationEnd
  /** Which of the texts that end it came; undefined where something else did. */
  readonly stop?: string | undefined
  readonly promptTokens: number
  readonly tokens: number
  /** Tokens of these that the tokenizer has no text for: it is that of another model, or of fewer tokens than the model has. */
  readonly unwritten: number
  /** Sum of the natural logarithms of the shares that the model gave its tokens. */
  readonly logProbability: number
}

/** Writes texts with one model. */
export interface TextWriter {
  /** Whether what was read stays in the file's cache. */
  readonly cached: boolean
  /**
   * Continues a text, or answers the last turn of a conversation, and hands out pieces of whole characters.
   *
   * @throws UsageError `stop-unknown`, `stop-empty`, `chat-template-missing`, `prompt-too-long`, and what `generate` throws.
   */
  write(prompt: string | readonly ChatMessage[], options?: TextOptions): AsyncGenerator<string, TextEnd>
  dispose(): Promise<void>
}

/**
 * Opens a model and its tokenizer for writing.
 *
 * @param options.endTokens Further ids that end a text, as generation_config.json names them.
 * @throws ModelError what `openDecoder` throws.
 * @example
 * const writer = await openTextWriter(engine, model, tokenizer)
 * for await (const piece of writer.write('In the beginning')) process.stdout.write(piece)
 */
export async function openTextWriter(
  engine: Engine,
  model: Model,
  tokenizer: Codec,
  options: DecoderOptions & { readonly endTokens?: readonly number[] | undefined } = {},
): Promise<TextWriter> {
  const decoder = await openDecoder(engine, model, options)
  const { eos, limit } = tokenizer
  const ends = [...(eos === undefined ? [] : [eos]), ...(options.endTokens ?? [])]
  return {
    cached: decoder.cached,
    write: async function* (prompt, asked = {}) {
      const { stops = [] } = asked
      for (const stop of stops) checkStop(tokenizer, stop)
      const { tokens, turn } = promptOf(tokenizer, prompt, options.name)
      const stopTokens = [...ends, ...turn, ...(asked.stopTokens ?? [])]
      const generation = continued(decoder, tokens, {
        ...{ ...asked, stopTokens, context: limit, name: options.name },
      })
      return yield* pieces(generation, tokenizer, tokens, stops)
    },
    dispose: () => decoder.dispose(),
  }
}

type Generation = ReturnType<typeof continued>

/** Tokens as text: characters whose bytes are not all there yet, and what may become a stop, are held back. */
export async function* pieces(
  generation: Generation,
  tokenizer: Codec,
  prompt: readonly number[],
  stops: readonly string[],
): AsyncGenerator<string, TextEnd> {
  // A few tokens of the prompt, so that the first one's space is as in the middle of a text.
  const before = prompt.slice(-4)
  const decoded = (list: readonly number[]): string => (list.length === 0 ? '' : tokenizer.decode(list))
  const skipped = decoded(before).length
  const ids: number[] = []
  let logProbability = 0
  let given = 0
  const told = (end: GenerationEnd, stop?: string): TextEnd => ({
    ...{ end, ...(stop !== undefined && { stop }), promptTokens: prompt.length, tokens: ids.length },
    ...{ unwritten: ids.filter((id) => id >= tokenizer.size).length, logProbability },
  })
  for (;;) {
    const next = await generation.next()
    const text = (): string => decoded([...before, ...ids]).slice(skipped)
    if (next.done) {
      const rest = text().slice(given)
      if (rest !== '') yield rest
      return told(next.value)
    }
    ids.push(next.value.token)
    logProbability += next.value.logProbability
    const whole = text()
    const found = firstStop(whole, stops)
    if (found) {
      if (found.place > given) yield whole.slice(given, found.place)
      await generation.return('stop')
      return told('stop', found.stop)
    }
    const ready = whole.length - heldBack(whole, stops)
    if (ready <= given) continue
    yield whole.slice(given, ready)
    given = ready
  }
}

function firstStop(text: string, stops: readonly string[]) {
  const found = stops.map((stop) => ({ stop, place: text.indexOf(stop) })).filter(({ place }) => place >= 0)
  return found.sort((a, b) => a.place - b.place)[0]
}

/** How many characters at the end are not certain yet. */
function heldBack(text: string, stops: readonly string[]): number {
  const broken = /\uFFFD*$/.exec(text)?.[0].length ?? 0
  const begun = stops.map((stop) => {
    for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
      if (text.endsWith(stop.slice(0, length))) return length
    }
    return 0
  })
  return Math.max(broken, ...begun)
}

/** Ids of a prompt, and those that end the turn which it asks for. */
function promptOf(
  tokenizer: Codec,
  prompt: string | readonly ChatMessage[],
  name = 'the model',
): { readonly tokens: readonly number[]; readonly turn: readonly number[] } {
  if (typeof prompt === 'string') {
    return { tokens: [...tokenizer.frame.before, ...tokenizer.ids(prompt)], turn: [] }
  }
  const { chat } = tokenizer
  if (!chat) {
    throw new DataError(
      'chat-template-missing',
      `The tokenizer of ${name} has no chat template, so a conversation cannot be written as a text. Put "chat_template" into tokenizer_config.json or chat_template.jinja beside the model, or write the prompt out.`,
    )
  }
  return { tokens: tokenizer.ids(chat.render(prompt, { prompt: true })), turn: turnEnd(tokenizer, chat) }
}

/** What looks like a special token has to be one: else the model never writes it. */
function checkStop(tokenizer: Codec, stop: string): void {
  if (stop === '') {
    throw new UsageError('stop-empty', 'A text that ends the answer was expected, but it is empty.')
  }
  const special = /^(<[|｜/]?[\w▁-]+[|｜]?>|\[[A-Z_]+\])$/u.test(stop)
  if (!special || tokenizer.ids(stop).length === 1) return
  throw new UsageError(
    'stop-unknown',
    `"${stop}" looks like a special token, but the tokenizer has no such token, so it would never end the text. Look into tokenizer.json (added_tokens) for its spelling.`,
  )
}
