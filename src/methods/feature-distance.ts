import type { UsageError } from '../errors.ts'
import {
  add,
  div,
  type Emitter,
  ints,
  mul,
  reduceSum,
  reshape,
  scalar,
  scale,
  sub,
  type Value,
} from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import { sizeOf } from '../tensor/tensor.ts'

export interface Held {
  readonly features: Value
  readonly held: Value
  readonly normalised?: boolean | undefined
}

/**
 * The mean over rows of 1/2 |f - f*|^2, a scalar: f what the head reads of a row, [rows, ...], and f* what it is held to, [rows, width].
 * `normalised` scales both to length 1, so that it is 1 - cos(f, f*).
 *
 * @param refused Gets the width of f*, and what f has a row, in words.
 * @throws What `refused` gives, where these differ.
 */
export function featureDistance(
  emit: Emitter,
  { features, held, normalised = false }: Held,
  refused: (width: number, row: string) => UsageError,
): Value {
  const now = asVectors(emit, features, itemAt(held.dims, 1, 'dim'), refused)
  const [f, before] = normalised ? [ofLengthOne(emit, now), ofLengthOne(emit, held)] : [now, held]
  const distance = sub(emit, f, before)
  const total = reduceSum(emit, mul(emit, distance, distance), [0, 1])
  return scale(emit, total, 1 / (2 * itemAt(held.dims, 0, 'dim')))
}

/** Features of a convolutional head are averaged over positions, as the old ones are. */
function asVectors(
  emit: Emitter,
  features: Value,
  width: number,
  refused: (width: number, row: string) => UsageError,
): Value {
  const [rows = 1, channels, ...places] = features.dims
  if (sizeOf(features.dims.slice(1)) === width) return reshape(emit, features, [rows, width])
  if (channels !== width) throw refused(width, rowWords(features.dims))
  const axes = ints(
    emit,
    places.map((_, at) => at + 2),
  )
  return emit.op('ReduceMean', [features, axes], { keepdims: 0 })
}

/** Keeps features of nothing but zeros from being NaN, and changes no other length. */
const ALMOST_NOTHING = 1e-12

function ofLengthOne(emit: Emitter, features: Value): Value {
  const squares = reduceSum(emit, mul(emit, features, features), [1], true)
  return div(emit, features, emit.op('Sqrt', [add(emit, squares, scalar(emit, ALMOST_NOTHING, squares))]))
}

/** What features have a row, for messages, by their dims [rows, ...]. */
const rowWords = ([, ...row]: readonly number[]): string =>
  row.length === 1 ? `have ${row[0]}` : `are [${row.join(', ')}]`
