import { int64 } from '../../tensor/tensor.ts'
import { joinHeads, rotatePairs, splitHeads } from '../attention/index.ts'
import {
  add,
  type CompositeContext,
  cast,
  defineComposite,
  dimOf,
  type Emitter,
  refusal,
  required,
  reshape,
  type Value,
} from '../core/index.ts'

export interface RotaryRequest {
  /** [batch, heads, positions, size] */
  readonly x: Value
  /** [most positions, rotated / 2] */
  readonly cos: Value
  readonly sin: Value
  /** [batch or 1, positions] */
  readonly positions: Value
  /** Pairs are neighbours; else the first half of the rotated elements goes with the second. */
  readonly interleaved: boolean
}

/**
 * Rotates pairs (a, b) of each head's first 2 w elements, where w is the width of the tables: (a cos - b sin, b cos + a
 * sin). What lies behind stays.
 */
export function rotate(emit: Emitter, { x, cos, sin, positions, interleaved }: RotaryRequest): Value {
  const at = (table: Value) => {
    const rows = emit.op('Gather', [table, positions])
    return reshape(emit, rows, rows.dims.toSpliced(1, 0, 1))
  }
  return rotatePairs(emit, x, at(cos), at(sin), interleaved ? 'interleaved' : 'halves')
}

/** 0, 1, … as [1, length], int64. */
export const firstPositions = (emit: Emitter, length: number): Value =>
  emit.constant(
    int64(
      [1, length],
      Array.from({ length }, (_, at) => at),
    ),
  )

/** Positions are given for each token, or as one number that they start from. */
function positionsOf(context: CompositeContext, length: number): Value {
  const { emit } = context
  const given = cast(emit, required(context, 1), 'int64')
  return given.dims.length === 2
    ? given
    : add(emit, reshape(emit, given, [1, 1]), firstPositions(emit, length))
}

const tables = [
  { dims: [6, 2], constant: true },
  { dims: [6, 2], constant: true },
] as const
const ids = { dims: [2, 3], type: 'int64', values: [0, 1, 2, 3, 4, 5] } as const

export const RotaryEmbedding = defineComposite('com.microsoft', 'RotaryEmbedding', {
  expand: (context) => {
    const { emit, attributes } = context
    const input = required(context, 0)
    const cos = required(context, 2)
    if (attributes.int('is_packed_batching', 0) === 1) {
      throw refusal(context, 'sequences packed into one have no expansion here. Export without packing.')
    }
    const separate = input.dims.length === 4
    const named = attributes.int('num_heads', 0)
    const heads = named > 0 ? named : dimOf(input, -1) / (2 * (cos.dims.at(-1) ?? 1))
    const x = separate ? input : splitHeads(emit, input, heads)
    const rotated = rotate(emit, {
      x,
      cos,
      sin: required(context, 3),
      positions: positionsOf(context, x.dims[2] ?? 1),
      interleaved: attributes.int('interleaved', 0) === 1,
    })
    return [separate ? rotated : joinHeads(emit, rotated)]
  },
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3, 8] }, ids, ...tables] },
    { name: 'interleaved', inputs: [{ dims: [2, 3, 8] }, ids, ...tables], attributes: { interleaved: 1 } },
    { name: 'heads apart', inputs: [{ dims: [2, 2, 3, 4] }, ids, ...tables] },
    {
      name: 'from a position on',
      inputs: [{ dims: [2, 3, 8] }, { dims: [1], type: 'int64', values: [2] }, ...tables],
    },
    {
      name: 'part of each head',
      inputs: [{ dims: [2, 3, 12] }, ids, ...tables],
      attributes: { num_heads: 2, rotary_embedding_dim: 4 },
    },
    {
      name: 'part of each head, interleaved',
      inputs: [{ dims: [2, 3, 12] }, ids, ...tables],
      attributes: { num_heads: 2, rotary_embedding_dim: 4, interleaved: 1 },
    },
  ],
})
