import { describe, expect, it } from 'vitest'
import { chatMl } from '../../../test/byte-tokenizer.ts'
import { chatTemplate } from '../text/chat-template.ts'
import { assistantTurns } from './chat-turns.ts'

const talk = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'You said that' },
]
const special = { bos_token: '<s>', eos_token: '</s>' }
/** What the assistant writes, in brackets. */
const shown = (source: string, messages: readonly { role: string; content?: unknown }[] = talk) =>
  assistantTurns(chatTemplate(source, special, 'chat.jinja'), messages)
    .map(({ text, own }) => (own ? `[${text}]` : text))
    .join('')

/** Qwen 3's way: thinking stands in the last answer only, so an answer changes once others follow. */
const thinking = `{%- set ns = namespace(last=-1) -%}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
{%- for m in messages -%}
{{- '<|im_start|>' + m.role + '\\n' -}}
{%- if m.role == 'assistant' and loop.index0 > ns.last -%}{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}
{{- m.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}`

describe('what the assistant writes is told', () => {
  it('by the prompt that asks for it and the mark behind it', () => {
    expect(shown(chatMl)).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello<|im_end|>]\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n[You said that<|im_end|>]\n',
    )
  })

  it('where the template has no prompt for an answer: it begins with the content', () => {
    const mistral =
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
    expect(shown(mistral)).toBe('<s>[INST] Hi [/INST] [Hello</s>][INST] Hello [/INST] [You said that</s>]')
  })

  it('where earlier answers are written otherwise than the last one', () => {
    expect(shown(thinking)).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello<|im_end|>]\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n[<think>\n\n</think>\n\nYou said that<|im_end|>]\n',
    )
  })

  it('by a line end where that is the only mark', () => {
    const plain =
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    expect(shown(plain)).toBe('user: Hi\nassistant: [Hello\n]user: Hello\nassistant: [You said that\n]')
  })

  it('by the template itself, where it has generation marks', () => {
    const marked =
      "{% for m in messages %}{{ m.role + ': ' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ ';' }}{% endfor %}"
    expect(shown(marked)).toBe('user: Hi;assistant: [Hello];user: Hello;assistant: [You said that];')
  })

  it('where the conversation begins with the assistant, and its content is trimmed', () => {
    const strict = `{% if not messages %}{{ raise_exception('No messages') }}{% endif %}${chatMl.replace("m['content']", "m['content']|trim")}`
    expect(shown(strict, [{ role: 'assistant', content: ' Well? ' }])).toBe(
      '<|im_start|>assistant\n[Well?<|im_end|>]\n',
    )
  })

  it('where a last turn has more behind it: the token that ends all, or the next prompt', () => {
    const own = (last: string) =>
      shown(
        `{% for m in messages %}{{'<|im_start|>'+m['role']+'\n'+m['content']+'<|im_end|>\n'}}{% endfor %}${last}`,
        talk.slice(0, 2),
      )
    const before = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello<|im_end|>]\n'
    const prompt = "{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}"
    expect(own(`${prompt}{% elif messages[-1]['role'] == 'assistant' %}{{ eos_token }}{% endif %}`)).toBe(
      `${before}</s>`,
    )
    expect(own("{{'<|im_start|>assistant\n'}}")).toBe(`${before}<|im_start|>assistant\n`)
  })

  it('of a call of a tool, which has no content', () => {
    const tools =
      "{% for m in messages %}{{'<|'+m.role+'|>'}}{% if m.tool_calls %}{{ m.tool_calls[0].name + '()' }}{% else %}{{ m.content }}{% endif %}{{'<|e|>'}}{% endfor %}{% if add_generation_prompt %}{{'<|assistant|>'}}{% endif %}"
    const calls = [
      { role: 'user', content: 'time?' },
      { role: 'assistant', content: null, tool_calls: [{ name: 'clock' }] },
      { role: 'tool', content: '9' },
      { role: 'assistant', content: 'nine' },
    ]
    expect(shown(tools, calls)).toBe(
      '<|user|>time?<|e|><|assistant|>[clock()<|e|>]<|tool|>9<|e|><|assistant|>[nine<|e|>]',
    )
  })
})

describe('what cannot be told is refused', () => {
  it('where an answer stands nowhere in the text', () => {
    const hashed =
      "{% for m in messages %}{{ m.role + (m.content | length | string) + '~' }}{% endfor %}{% if messages | length > 2 %}{{ 'long' }}{% endif %}"
    expect(() => shown(hashed)).toThrow(/message 2 of 4: the chat template does not tell where/)
    const glued =
      "{% for m in messages %}{{'<|turn|>' + m.role + m.content + '<|done|>'}}{% endfor %}{{ '<|turn|>assistant' }}"
    expect(() => shown(glued, talk.slice(0, 2))).toThrow(
      /message 2 of 2: the chat template does not tell where/,
    )
  })

  it('where the template fails, in its own words', () => {
    const failing = "{{ raise_exception('Roles must alternate') }}"
    expect(() => shown(failing)).toThrow('the chat template of chat.jinja fails: Roles must alternate.')
    expect(() => chatTemplate('{% for %}', {}, 'chat.jinja')).toThrow(
      /^chat.jinja: the chat template cannot be read: /,
    )
  })
})
