import { type Dataset, samples } from '../../data/dataset.ts'
import { countingLabels } from '../../data/row-lengths.ts'
import type { Method } from '../../methods/method.ts'
import { sharedSources } from '../../methods/share-sampler.ts'

/** What is rehearsed, and how much of it. */
export interface Rehearsal {
  /** Old rows of next tokens. */
  readonly rows: Dataset
  /** Share of the tokens trained on that are theirs, above 0 and below 1. */
  readonly share: number
}

/**
 * Old rows among the new ones, mixed as one text: of the tokens that training sees a share is old, whatever a step holds (Ibrahim et
 * al. 2024, arXiv 2403.08763, for continued pretraining). It is `replay` with a share of old rows (`sharedSources`), for rows that are
 * there before training begins, in their order; as rows of short documents have fewer tokens, the share of rows is another one than that
 * of tokens.
 */
export const rehearse = ({ rows, share }: Rehearsal): Method => ({
  name: 'replay',
  settings: { share },
  past: 'rows',
  sources: (sources, _state, { train, batchSize, index }) =>
    sharedSources(
      sources,
      { dataset: { ...rows, documents: undefined }, tasks: new Int32Array(samples(rows)).fill(index - 1) },
      { share: shareOfRows(share, train, rows), batchSize },
    ),
})

/** The share of rows that gives a share of tokens. */
export const shareOfRows = (share: number, fresh: Dataset, old: Dataset): number =>
  rowShare(share, { fresh: tokensARow(fresh), old: tokensARow(old) })

/** The same by how many tokens count in a row, on average. */
export function rowShare(share: number, tokens: { readonly fresh: number; readonly old: number }): number {
  const [news, olds] = [(1 - share) / tokens.fresh, share / tokens.old]
  return olds / (olds + news)
}

const tokensARow = (dataset: Dataset): number => countingLabels(dataset) / samples(dataset)
