import type { Cut } from './cut.ts'

export interface WorthwhileOptions {
  /** Rows whose activations are to be kept. */
  readonly rows: number
  /** Most that they may take, in bytes. Default 1 GiB. */
  readonly bytes?: number | undefined
  /** Default 4, for float32. */
  readonly bytesPerValue?: 1 | 2 | 4 | undefined
}

/** How much of what is above the first cut is to be trained: the last block, about half, nearly all. */
const SHARES = [0.3, 0.6, 0.9]

/** With more of the work above, activations save too little. */
const MOST_WORK = 0.85

/** A head: a weight and a bias. It is trained on features, which is a cheaper thing. */
const HEAD = 2

/**
 * The cuts that are worth trying, from the one with the least work above: at most three, each the cheapest that trains a
 * certain share of the weights, where its activations fit. Shares are of what is above the first cut: an embedding below
 * it may hold most of a model's weights, and few of them are ever read.
 *
 * @param cuts As `cutsOf` gives them.
 * @example
 * const [lastBlock] = worthwhileCuts(cutsOf(model, [3, 32, 32]), { rows: 1500 })
 */
export function worthwhileCuts(
  cuts: readonly Cut[],
  { rows, bytes = 2 ** 30, bytesPerValue = 4 }: WorthwhileOptions,
): readonly Cut[] {
  const [first] = cuts
  if (!first) return []
  const open = first.above.elements
  const all = first.above.work + first.below.work
  const fitting = cuts.filter(
    ({ above, floats }) =>
      above.parameters.length > HEAD &&
      above.work <= MOST_WORK * all &&
      floats * rows * bytesPerValue <= bytes,
  )
  const found = SHARES.flatMap(
    (share) => fitting.findLast(({ above }) => above.elements >= share * open) ?? [],
  )
  return [...new Set(found)]
}
