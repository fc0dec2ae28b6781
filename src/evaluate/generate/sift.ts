/** Why a text that a model wrote is not kept. */
export type Unfit = 'empty' | 'repeating' | 'duplicate'

/** Tokens of a piece whose repetition is counted. */
const PIECE = 4

/** The share of pieces that were there before in the text, from which on it counts as repeating itself. */
const MOST_REPEATED = 0.5

/** Holds texts to what is worth rehearsing, one after another. */
export interface Sieve {
  /** Why a text is left out; undefined where it is kept. */
  readonly refuses: (ids: readonly number[], text: string) => Unfit | undefined
}

/** Leaves out texts without a visible character, those that repeat themselves, and those that were kept before. */
export function openSieve(): Sieve {
  const kept = new Set<string>()
  return {
    refuses: (ids, text) => {
      if (text.trim() === '') return 'empty'
      if (repeated(ids) >= MOST_REPEATED) return 'repeating'
      const key = ids.join(' ')
      if (kept.has(key)) return 'duplicate'
      kept.add(key)
      return undefined
    },
  }
}

/**
 * The share of a text's pieces of four tokens that have come before in it: seq-rep-4 of Welleck et al. 2020 (ICLR, arXiv 1908.04319). A text
 * that has fallen into a loop halfway has about a half.
 */
export function repeated(ids: readonly number[]): number {
  const pieces = ids.length - PIECE + 1
  if (pieces < 1) return 0
  const different = new Set(Array.from({ length: pieces }, (_, at) => ids.slice(at, at + PIECE).join(' ')))
  return 1 - different.size / pieces
}
