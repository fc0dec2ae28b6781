import { describe, expect, it } from 'vitest'
import { byteTokenizer, chatMl } from '../../../test/byte-tokenizer.ts'
import { createTokenizer, type TextTokenizer } from '../text/index.ts'
import type { RawDocument } from './document.ts'
import { tokenDocument } from './token-document.ts'
import { writeDocument } from './write-document.ts'

type Content<T = RawDocument> = T extends unknown ? Omit<T, 'place'> : never

/** The text with what counts in brackets, and its bytes. */
const told = (raw: Content, tokenizer: TextTokenizer) => {
  const document = tokenDocument(
    writeDocument({ place: 'x, line 7', ...raw } as RawDocument, tokenizer),
    tokenizer,
  )
  const { ids, learned, bytes } = document
  let text = ''
  for (const [at, id] of ids.entries()) {
    const counts = learned ? learned[at] === 1 : at > 0
    text += counts ? `[${tokenizer.decode([id])}]` : tokenizer.decode([id])
  }
  return [text.replaceAll('][', ''), bytes]
}

const chat = byteTokenizer({ config: { chat_template: chatMl } })
const turns = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Oh' },
]

describe('a text', () => {
  it('counts but for its first token, which nothing is before', () => {
    expect(told({ kind: 'text', text: 'abc' }, byteTokenizer())).toEqual(['a[bc]', 2])
  })

  it('counts whole where a token for the beginning is before it, as tokenizer_config.json says', () => {
    const framed = byteTokenizer({
      config: { bos_token: '<|end|>', add_bos_token: true, add_eos_token: true },
    })
    expect(told({ kind: 'text', text: 'aé' }, framed).at(1)).toBe(3)
    const [text] = told({ kind: 'text', text: 'ab' }, framed)
    expect(text).toBe('<|end|>[ab<|end|>]')
  })

  it('has the special tokens of the post-processor, unless the configuration takes them away', () => {
    const json = {
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<|end|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [],
        special_tokens: { '<|end|>': { id: '<|end|>', ids: [0], tokens: ['<|end|>'] } },
      },
    }
    expect(told({ kind: 'text', text: 'ab' }, byteTokenizer({ json }))[0]).toBe('<|end|>[ab]')
    const none = byteTokenizer({ json, config: { bos_token: '<|end|>', add_bos_token: false } })
    expect(told({ kind: 'text', text: 'ab' }, none)[0]).toBe('a[b]')
  })
})

describe('bytes of a text are those that its tokens cover, whatever the tokens decode to', () => {
  const text = 'In the beginning God created the heaven and the earth.'
  const words = (...known: readonly string[]) =>
    createTokenizer({
      tokenizer: JSON.stringify({
        added_tokens: [{ id: 0, content: '[UNK]', special: true }],
        pre_tokenizer: { type: 'Whitespace' },
        model: {
          type: 'WordLevel',
          vocab: Object.fromEntries(['[UNK]', ...known].map((word, id) => [word, id])),
          unk_token: '[UNK]',
        },
      }),
    })
  const bytes = (tokenizer: TextTokenizer, content: Content = { kind: 'text', text }) =>
    told(content, tokenizer).at(1)

  it('where words are unknown, the first one among them', () => {
    const all = text.replace('.', ' .').split(' ')
    for (const known of [all, ['In', 'the', '.'], ['the'], []]) expect(bytes(words(...known))).toBe(52)
    expect(bytes(words(), { kind: 'text', text: 'Zuletzt  früh' })).toBe(7)
    expect(bytes(words('ab'), { kind: 'pair', prompt: 'ab', completion: ' zz ab' })).toBe(6)
  })

  it('where the text names special tokens, the one for unknown words or others', () => {
    expect(bytes(words('ab'), { kind: 'text', text: 'ab [UNK] zz' })).toBe(4)
    expect(bytes(words('ab'), { kind: 'text', text: '[UNK] ab zz' })).toBe(6)
    expect(bytes(byteTokenizer(), { kind: 'text', text: 'ab<|end|>cd' })).toBe(3)
    expect(bytes(byteTokenizer(), { kind: 'text', text: '<|end|>abcd' })).toBe(4)
  })

  it('where the first token is a part of a character, or reaches over from the prompt', () => {
    expect(bytes(byteTokenizer(), { kind: 'text', text: 'éa' })).toBe(2)
    const merging = byteTokenizer({ merges: ['a b'] })
    expect(bytes(merging, { kind: 'pair', prompt: 'a', completion: 'bcd' })).toBe(2)
  })
})

describe('of prompt and completion', () => {
  it('the completion counts, and the end of the text', () => {
    expect(told({ kind: 'pair', prompt: 'ab', completion: 'cd' }, byteTokenizer())).toEqual([
      'ab[cd<|end|>]',
      2,
    ])
  })

  it('a token that reaches from one into the other counts', () => {
    const merging = byteTokenizer({ merges: ['b c'] })
    expect(told({ kind: 'pair', prompt: 'ab', completion: 'cd' }, merging)[0]).toBe('a[bcd<|end|>]')
  })
})

describe('of a conversation', () => {
  it('the answer and its closing mark count, and only the answer has bytes', () => {
    expect(told({ kind: 'chat', messages: turns }, chat)).toEqual([
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Oh<|im_end|>]\n',
      2,
    ])
  })

  it('nothing is written without a template, and what the template says names the line', () => {
    expect(() => told({ kind: 'chat', messages: turns }, byteTokenizer())).toThrow(
      /^x, line 7: conversations are written by the tokenizer's chat template, and there is none\./,
    )
    const failing = byteTokenizer({ config: { chat_template: "{{ raise_exception('no system turn') }}" } })
    expect(() => told({ kind: 'chat', messages: turns }, failing)).toThrow(
      /^x, line 7: the chat template of the tokenizer, tokenizer_config.json fails: no system turn\. Give conversations that it can write, or a template/,
    )
  })

  it('parts of a content are texts, joined where the template takes no lists', () => {
    const part = (text: string) => ({ type: 'text', text })
    const parted = [
      { role: 'user', content: [part('Who?'), part('Me?')] },
      { role: 'assistant', content: [part('Oh')] },
    ]
    expect(told({ kind: 'chat', messages: parted }, chat)[0]).toBe(
      '<|im_start|>user\nWho?\nMe?<|im_end|>\n<|im_start|>assistant\n[Oh<|im_end|>]\n',
    )
    const listing = byteTokenizer({
      config: {
        chat_template:
          "{% for m in messages %}{{ m.role + ':' }}{% for part in m.content %}{{ '(' + part.text + ')' }}{% endfor %}{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
      },
    })
    expect(told({ kind: 'chat', messages: parted }, listing)[0]).toBe(
      'user:(Who?)(Me?)<|im_end|>assistant:[(Oh)<|im_end|>]',
    )
  })
  it('a turn of nobody known, or that says nothing, is refused with its line', () => {
    const failing = (turn: { readonly role: string; readonly [field: string]: unknown }) => () =>
      told({ kind: 'chat', messages: [turn, ...turns] }, chat)
    expect(failing({ role: 'human', content: 'Hi' })).toThrow(
      /^x, line 7, turn 1: its role is "human"; known are system, .* Write the role that the chat template has/,
    )
    expect(failing({ role: 'user', content: null })).toThrow(
      /^x, line 7, turn 1: the content is null, and the turn has nothing else to say/,
    )
    const calling = { role: 'assistant', content: null, tool_calls: [{ name: 'clock' }] }
    expect(failing(calling)).toThrow(
      /^x, line 7, turn 1: the content is null, which the chat template does not write\. Give the turn a text/,
    )
    const named = byteTokenizer({ config: { chat_template: `{# 'human' #}${chatMl}` } })
    expect(
      told({ kind: 'chat', messages: [{ role: 'human', content: 'Hi' }, ...turns.slice(1)] }, named).at(1),
    ).toBe(2)
  })
  it('an instruction is a turn where there is a template, else Alpaca’s prompt', () => {
    const alpaca = { kind: 'instruction', instruction: 'Add', input: '1 1', output: '2' } as const
    expect(told(alpaca, chat)[0]).toBe(
      '<|im_start|>user\nAdd\n\n1 1<|im_end|>\n<|im_start|>assistant\n[2<|im_end|>]\n',
    )
    const [plain] = told({ ...alpaca, input: '' }, byteTokenizer())
    expect(plain).toBe(
      'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd\n\n### Response:\n[2<|end|>]',
    )
  })
})
