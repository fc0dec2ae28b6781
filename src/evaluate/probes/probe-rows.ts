import { createDataset, type Dataset, ignoredLabel } from '../../data/dataset.ts'
import { numbered } from '../../data/names/index.ts'
import { roundedLength } from '../../data/row-lengths.ts'
import { itemAt } from '../../required.ts'
import type { Continuation } from './probe-tokens.ts'

/** Rows of about one length, as next tokens. */
export interface ProbeRows {
  readonly dataset: Dataset
  /** Which continuation each row is. */
  readonly of: readonly number[]
}

export interface ProbeRowsOptions {
  /** Tokens that the model knows. */
  readonly vocabulary: number
  /** Tokens in each row, where the model's file fixes that. */
  readonly length: number | undefined
  /** The most tokens that the model reads, where that is known. */
  readonly context: number | undefined
  /** The id that fills rows up. */
  readonly filler: number
}

/**
 * Continuations as rows of token ids and, for each place, the token that comes after it where it counts: int64 and int32 [N, T]. They
 * are sorted to groups of at most half as long again as the shortest, and filled up behind, where a causal model does not look;
 * labels say what counts, so that the end of a text may fill up rows.
 */
export function probeRows(
  continuations: readonly Continuation[],
  options: ProbeRowsOptions,
): readonly ProbeRows[] {
  const { vocabulary, length: fixed, context = Number.POSITIVE_INFINITY } = options
  const classes = numbered(vocabulary)
  const groups = new Map<number, number[]>()
  for (const [at, { ids }] of continuations.entries()) {
    const length = fixed ?? Math.min(context, roundedLength(ids.length - 1))
    groups.set(length, [...(groups.get(length) ?? []), at])
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([length, of]) => ({ dataset: rowsOf(continuations, of, { ...options, length, classes }), of }))
}

function rowsOf(
  continuations: readonly Continuation[],
  of: readonly number[],
  { length, filler, classes }: { length: number; filler: number; classes: readonly string[] },
): Dataset {
  const ids = new BigInt64Array(of.length * length).fill(BigInt(filler))
  const labels = new Int32Array(of.length * length).fill(ignoredLabel)
  for (const [row, number] of of.entries()) {
    const { ids: tokens, from } = itemAt(continuations, number, 'continuation')
    for (let at = 0; at + 1 < tokens.length; at++) {
      ids[row * length + at] = BigInt(itemAt(tokens, at, 'token'))
      if (at + 1 >= from) labels[row * length + at] = itemAt(tokens, at + 1, 'token')
    }
  }
  const dims = [of.length, length]
  return createDataset({
    name: 'probes',
    kind: 'token-classification',
    inputs: { type: 'int64', dims, data: ids },
    labels: { type: 'int32', dims, data: labels },
    classes,
  })
}
