import { describe, expect, it } from 'vitest'
import { byteTokenizer, chatMl } from '../../../test/byte-tokenizer.ts'
import { tinyDecoder } from '../../../test/tiny-decoder.ts'
import { engine } from '../../../test/toy-learning.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { type GeneratedToken, type GenerationEnd, generate } from './generate.ts'
import { openTextWriter, pieces, type TextEnd, type TextOptions } from './text.ts'
import { turnEnd } from './turn-end.ts'

const tokenizer = byteTokenizer({ config: { chat_template: chatMl, model_max_length: 24 } })

async function collected(
  generation: AsyncGenerator<string, TextEnd>,
): Promise<{ parts: string[]; end: TextEnd }> {
  const parts: string[] = []
  for (;;) {
    const next = await generation.next()
    if (next.done) return { parts, end: next.value }
    parts.push(next.value)
  }
}

/** The ids of a text, one after another, as if a model had written them. */
const writing = async function* (text: string): AsyncGenerator<GeneratedToken, GenerationEnd> {
  for (const token of tokenizer.ids(text)) yield { token, logProbability: -0.5 }
  return 'length'
}
const read = (text: string, stops: readonly string[] = []) =>
  collected(pieces(writing(text), tokenizer, tokenizer.ids('So: '), stops))

describe('pieces of a text', () => {
  it('are whole characters, however many tokens one takes', async () => {
    const { parts, end } = await read('aä€😀b')
    expect(parts).toEqual(['a', 'ä', '€', '😀', 'b'])
    expect(end).toEqual({ end: 'length', promptTokens: 4, tokens: 11, unwritten: 0, logProbability: -5.5 })
  })

  it('end before a stop, and hold back what may become one', async () => {
    expect(await read('one\nUs two\nUser: three', ['\nUser:'])).toMatchObject({
      parts: ['o', 'n', 'e', '\nUs ', 't', 'w', 'o'],
      end: { end: 'stop', stop: '\nUser:' },
    })
    expect((await read('abcabd', ['abd', 'xx'])).parts.join('')).toBe('abc')
    // What was held back is handed out where no stop came of it.
    expect((await read('one\nUse', ['\nUser:'])).parts.join('')).toBe('one\nUse')
  })

  it('show what is no text where it never becomes one', async () => {
    const [first = 0] = tokenizer.ids('€')
    const broken = async function* (): AsyncGenerator<GeneratedToken, GenerationEnd> {
      yield { token: first, logProbability: 0 }
      return 'length'
    }
    expect((await collected(pieces(broken(), tokenizer, [], []))).parts).toEqual(['\uFFFD'])
  })
})

describe('a writer', () => {
  const model = modelFromOnnx(tinyDecoder({ cache: 'past', vocabulary: 260 }))
  const written = async (
    prompt: Parameters<Awaited<ReturnType<typeof openTextWriter>>['write']>[0],
    options: TextOptions = {},
    codec: TextTokenizer = tokenizer,
  ) => {
    const writer = await openTextWriter(engine, model, codec, { name: 'm.onnx' })
    try {
      return await collected(writer.write(prompt, options))
    } finally {
      await writer.dispose()
    }
  }

  it('goes on from a text, and answers a conversation by the template', async () => {
    const plain = await written('abc', { maxTokens: 3 })
    expect(plain.end.promptTokens).toBe(3)
    const chat = await written(
      [{ role: 'user', content: 'x' }],
      { maxTokens: 3 },
      {
        ...tokenizer,
        limit: undefined,
      },
    )
    const rendered = '<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n'
    expect(chat.end.promptTokens).toBe(tokenizer.ids(rendered).length)
  })

  it('ends with the token that ends texts', async () => {
    const draw = { maxTokens: 20, temperature: 5, seed: 1 }
    const tokens: number[] = []
    for await (const { token } of generate(engine, model, tokenizer.ids('abc'), draw)) tokens.push(token)
    const ended = await written('abc', draw, { ...tokenizer, eos: tokens[2] })
    expect(ended.end).toMatchObject({ end: 'stop', tokens: tokens.indexOf(tokens[2] ?? -1) })
  })

  const refused = (
    prompt: Parameters<typeof written>[0],
    options: TextOptions,
    code: string,
    text: RegExp,
    codec?: TextTokenizer,
  ) =>
    expect(written(prompt, options, codec)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    )

  it('refuses what it cannot do', async () => {
    await refused('a', { stops: ['<|eot|>'] }, 'stop-unknown', /"<\|eot\|>" looks like a special token/)
    await refused('a', { stops: [''] }, 'stop-empty', /it is empty/)
    await refused('a'.repeat(25), {}, 'prompt-too-long', /has 25 tokens, but m\.onnx reads 24 at most/)
    await refused('', {}, 'generate-prompt', /has no tokens/)
    const bare = byteTokenizer()
    await refused(
      [{ role: 'user', content: 'a' }],
      {},
      'chat-template-missing',
      /of m\.onnx has no chat/,
      bare,
    )
    const strict = byteTokenizer({ config: { chat_template: "{{ raise_exception('only users') }}" } })
    await refused([{ role: 'user', content: 'a' }], {}, 'chat-template-failed', /only users/, strict)
  })

  it('takes a special token that is there for a stop, and what only looks a little like one', async () => {
    await written('a', { stops: ['<|im_end|>', '<b>', '->'].slice(0, 1), maxTokens: 1 })
    await written('a', { stops: ['->', '< b >'], maxTokens: 1 })
  })
})

describe('the end of a turn', () => {
  const ends = (template: string) => {
    const { chat, ...codec } = byteTokenizer({ config: { chat_template: template } })
    return chat ? turnEnd(codec, chat).map((id) => codec.decode([id])) : []
  }

  it('is the special token behind what the assistant said', () => {
    expect(ends(chatMl)).toEqual(['<|im_end|>'])
    expect(ends("{% for m in messages %}{{ m['content'] + ' <|end|>' }}{% endfor %}")).toEqual(['<|end|>'])
  })

  it('is none where a line ends it', () => {
    expect(ends("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}")).toEqual(
      [],
    )
    expect(ends("{% for m in messages %}{{ m['content'] + '[x]' }}{% endfor %}")).toEqual([])
  })
})
