import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// A tokenizer of whole words, and texts of them for an update, as files.

/** Writes a tokenizer of `words` words beside a model, behind a token that ends texts and one that fills rows. */
export function writeWordTokenizer(folder: string, words: number): void {
  const tokens = ['<|end|>', '<|pad|>', ...Array.from({ length: words }, (_, word) => `w${word}`)]
  const tokenizer = {
    version: '1.0',
    added_tokens: [0, 1].map((id) => ({ id, content: tokens[id], special: true, normalized: false })),
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      ...{ type: 'WordLevel', unk_token: '<|end|>' },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  }
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', eos_token: '<|end|>', model_max_length: 16 }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
}

/** Writes `old` and `new`, each with both parts: words of the first `words` that follow one another by a step. */
export function writeWordTexts(folder: string, words: number): void {
  const texts = (name: string, part: string, count: number, step: number) => {
    mkdirSync(join(folder, name), { recursive: true })
    const rows = Array.from({ length: count }, (_, row) => {
      // No text of one part stands in the other.
      const line = Array.from(
        { length: part === 'test' ? 10 : 9 },
        (_each, place) => `w${(row * 5 + place * step) % words}`,
      )
      return `${JSON.stringify({ text: line.join(' ') })}\n`
    })
    writeFileSync(join(folder, name, `${part}.jsonl`), rows.join(''))
  }
  texts('old', 'train', 20, 3)
  texts('old', 'test', 12, 3)
  texts('new', 'train', 24, 1)
  texts('new', 'test', 8, 1)
}
