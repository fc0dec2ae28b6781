import { encodeGraph } from '../src/onnx/encode.ts'
import { plainNode } from '../src/onnx/graph.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { firstByte } from './byte-tokenizer.ts'

/** The tokens of the byte tokenizer: those that are special, and one for each byte. */
export const bigramVocabulary = firstByte + 256

const idOf = (letter: string): number => firstByte + (new TextEncoder().encode(letter)[0] ?? Number.NaN)

/**
 * The file of a language model whose logits of the next token are a row of a table: 0, but for those of pairs of letters, the second
 * behind the first. What it says of a text can be worked out by hand.
 */
export function bigramModel(pairs: Readonly<Record<string, number>> = {}): Uint8Array<ArrayBuffer> {
  const table = float32([bigramVocabulary, bigramVocabulary])
  for (const [pair, logit] of Object.entries(pairs)) {
    const [before = '', after = ''] = pair
    table.data[idOf(before) * bigramVocabulary + idOf(after)] = logit
  }
  const dims = ['batch', 'tokens']
  return encodeGraph({
    name: 'bigrams',
    inputs: [{ name: 'input_ids', type: 'int64', dims }],
    outputs: [{ name: 'logits', type: 'float32', dims: [...dims, bigramVocabulary] }],
    initializers: new Map([['table', table]]),
    nodes: [plainNode('Gather', ['table', 'input_ids'], 'logits')],
  })
}
