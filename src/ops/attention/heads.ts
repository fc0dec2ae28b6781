import { float32 } from '../../tensor/tensor.ts'
import {
  add,
  type Emitter,
  fromNumbers,
  matmul,
  reshape,
  scale,
  sub,
  transpose,
  type Value,
} from '../core/index.ts'

/** What ONNX Runtime adds to the scores of positions to come. */
const LOWEST = -3.4028234663852886e38

/** [batch, positions, heads size] as [batch, heads, positions, size]. */
export function splitHeads(emit: Emitter, x: Value, heads: number): Value {
  const [batch = 1, positions = 1, width = 1] = x.dims
  return transpose(emit, reshape(emit, x, [batch, positions, heads, width / heads]), [0, 2, 1, 3])
}

/** [batch, heads, positions, size] as [batch, positions, heads size]. */
export function joinHeads(emit: Emitter, x: Value): Value {
  const [batch = 1, heads = 1, positions = 1, size = 1] = x.dims
  return reshape(emit, transpose(emit, x, [0, 2, 1, 3]), [batch, positions, heads * size])
}

export interface AttendRequest {
  /** [batch, heads, positions, size] */
  readonly query: Value
  /** [batch, heads, keys, size] */
  readonly key: Value
  /** [batch, heads, keys, value size] */
  readonly value: Value
  /** Factor of the scores; default 1 / sqrt(size). */
  readonly scale?: number | undefined
  /** Added to the scores, each broadcast to [batch, heads, positions, keys]. */
  readonly biases?: readonly (Value | undefined)[]
  /** Scores become softcap tanh(score / softcap) first. */
  readonly softcap?: number
}

/** softmax(scale Q K^T + biases) V: [batch, heads, positions, value size]. */
export function attend(emit: Emitter, request: AttendRequest): Value {
  const { query, key, value, biases = [], softcap = 0 } = request
  const factor = request.scale || 1 / Math.sqrt(query.dims.at(-1) ?? 1)
  const scores = matmul(emit, scale(emit, query, factor), transpose(emit, key, [0, 1, 3, 2]))
  const capped =
    softcap > 0 ? scale(emit, emit.op('Tanh', [scale(emit, scores, 1 / softcap)]), softcap) : scores
  const biased = biases.reduce<Value>((sum, bias) => (bias ? add(emit, sum, bias) : sum), capped)
  return matmul(emit, emit.op('Softmax', [biased], { axis: -1 }), value)
}

/**
 * 0 where a position may look, the lowest float where it may not: at positions after its own, nor at those `window` or
 * more before it. [positions, keys]; the last position is the last key.
 */
export function causalBias(
  emit: Emitter,
  positions: number,
  keys: number,
  window = Number.POSITIVE_INFINITY,
): Value {
  const values = new Float32Array(positions * keys)
  for (let row = 0; row < positions; row++) {
    const own = row + keys - positions
    for (let column = 0; column < keys; column++) {
      if (column > own || own - column >= window) values[row * keys + column] = LOWEST
    }
  }
  return emit.constant(float32([positions, keys], values))
}

/** 0 where `mask` is above 0, else `filter`. */
export function maskBias(emit: Emitter, mask: Value, filter: number): Value {
  const keep = emit.op('Greater', [mask, emit.constant(fromNumbers(mask.type, [], [0]))])
  const constant = (value: number) => emit.constant(float32([], [value]))
  return emit.op('Where', [keep, constant(0), constant(filter)])
}

/** A mask of ones where `start` <= key < `end`; both are [batch]. The mask is [batch, keys], int32. */
export function rangeMask(emit: Emitter, end: Value, start: Value | undefined, keys: number): Value {
  const [batch = 1] = end.dims
  const places = emit.constant(
    fromNumbers(
      end.type,
      [1, keys],
      Array.from({ length: keys }, (_, at) => at),
    ),
  )
  const column = (value: Value) => reshape(emit, value, [batch, 1])
  const one = emit.constant(fromNumbers(end.type, [], [1]))
  // Integers: key < end is key <= end - 1.
  const below = emit.op('LessOrEqual', [places, sub(emit, column(end), one)])
  const inside = start ? emit.op('And', [below, emit.op('GreaterOrEqual', [places, column(start)])]) : below
  return emit.op('Cast', [inside], { to: 6 })
}
