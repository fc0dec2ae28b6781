import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import { nextToken, type Sampling } from './choose.ts'
import type { Decoder } from './decoder.ts'

export interface TogetherOptions extends Sampling {
  /** Tokens that are written at most. */
  readonly maxTokens: number
  /** The most tokens that the model reads, those of the beginning among them. */
  readonly context: number
  /** Ids that end a text; the one that did is the text's last. */
  readonly stopTokens: readonly number[]
  /** What each text's tokens are drawn by. */
  readonly randoms: readonly RandomStream[]
  /** Ends all before the next token. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Continues several beginnings of one length side by side, each as it would be alone; texts that have ended wait for the longest.
 *
 * @returns What was written behind each beginning.
 */
export async function writeTogether(
  decoder: Decoder,
  beginnings: readonly (readonly number[])[],
  options: TogetherOptions,
): Promise<readonly (readonly number[])[]> {
  const { maxTokens, context, stopTokens, randoms, signal } = options
  const begun = itemAt(beginnings, 0, 'beginning').length
  const written = beginnings.map((): number[] => [])
  const ended = beginnings.map(() => false)
  const decoding = decoder.begin()
  let fresh = beginnings
  for (let count = 0; count < maxTokens && begun + count <= context; count++) {
    signal?.throwIfAborted()
    const { data, dims } = await decoding.read(fresh)
    const width = itemAt(dims, 1, 'axis')
    fresh = written.map((text, row) => {
      // Something has to be read on behind a text that has ended.
      if (ended[row]) return [itemAt(text, text.length - 1, 'token')]
      const logits = data.subarray(row * width, (row + 1) * width)
      const token = nextToken(logits, options, itemAt(randoms, row, 'stream'))
      text.push(token)
      ended[row] = stopTokens.includes(token)
      return [token]
    })
    if (ended.every((done) => done)) break
  }
  return written
}
