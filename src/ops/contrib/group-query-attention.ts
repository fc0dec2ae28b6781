import { float } from '../../onnx/graph.ts'
import { attend, causalBias, joinHeads, splitHeads } from '../attention/index.ts'
import {
  type CaseInput,
  type CompositeContext,
  cast,
  defineComposite,
  dimOf,
  expand,
  ints,
  refusal,
  required,
  reshape,
  type Value,
} from '../core/index.ts'
import { refusePast } from './attention.ts'
import { firstPositions, rotate } from './rotary.ts'

const SMOOTH_SOFTMAX = 'smooth_softmax'
const SINK = 11

/** Queries, keys and values, separate or packed: [batch, positions, heads size] each. */
function separated(context: CompositeContext, heads: number, keyHeads: number): Value[] {
  const { emit } = context
  const query = required(context, 0)
  if (context.inputs[1]) return [query, required(context, 1), required(context, 2)]
  const size = dimOf(query, -1) / (heads + 2 * keyHeads)
  const widths = [heads * size, keyHeads * size, keyHeads * size]
  return emit.ops('Split', [query, ints(emit, widths)], 3, { axis: -1 })
}

/** Each key head, once for each query head that shares it. */
function repeated(context: CompositeContext, x: Value, times: number): Value {
  const { emit } = context
  const [batch = 1, heads = 1, positions = 1, size = 1] = x.dims
  if (times === 1) return x
  const wide = expand(emit, reshape(emit, x, [batch, heads, 1, positions, size]), [
    batch,
    heads,
    times,
    positions,
    size,
  ])
  return reshape(emit, wide, [batch, heads * times, positions, size])
}

const lengths = (batch: number, length: number): CaseInput[] => [
  { dims: [batch], type: 'int32', values: new Array<number>(batch).fill(length - 1) },
  { dims: [], type: 'int32', values: [length] },
]
const none = [undefined, undefined]
const separate: readonly CaseInput[] = [{ dims: [1, 2, 32] }, { dims: [1, 2, 16] }, { dims: [1, 2, 16] }]
const tables: readonly CaseInput[] = [
  { dims: [4, 8], constant: true },
  { dims: [4, 8], constant: true },
]

/**
 * Attention of a whole prompt where several query heads share a key head. Positions look back only, and sequences are
 * filled up on the right, so the lengths (input 5) change nothing in what the tokens give; what the filling gives is
 * not that of the runtime, and no loss should read it.
 */
export const GroupQueryAttention = defineComposite('com.microsoft', 'GroupQueryAttention', {
  expand: (context) => {
    const { emit, inputs, attributes } = context
    refusePast(context, [3, 4])
    if (attributes.int(SMOOTH_SOFTMAX, 0) === 1 || inputs[SINK]) {
      throw refusal(context, 'a softmax with a sink has no expansion here. Export the model without it.')
    }
    const heads = attributes.int('num_heads', 1)
    const keyHeads = attributes.int('kv_num_heads', 1)
    const [query, key, value] = separated(context, heads, keyHeads).map((part, index) =>
      splitHeads(emit, part, index === 0 ? heads : keyHeads),
    )
    if (!query || !key || !value) return []
    const [, , length = 1] = query.dims
    const turned = (x: Value) =>
      attributes.int('do_rotary', 0) === 0
        ? x
        : rotate(emit, {
            x,
            cos: required(context, 7),
            sin: required(context, 8),
            positions: inputs[9] ? cast(emit, inputs[9], 'int64') : firstPositions(emit, length),
            interleaved: attributes.int('rotary_interleaved', 0) === 1,
          })
    const present = turned(key)
    const window = attributes.int('local_window_size', -1)
    const attended = attend(emit, {
      query: turned(query),
      key: repeated(context, present, heads / keyHeads),
      value: repeated(context, value, heads / keyHeads),
      scale: attributes.float('scale', 0),
      softcap: attributes.float('softcap', 0),
      biases: [causalBias(emit, length, length, window > 0 ? window : undefined), inputs[10]],
    })
    return [joinHeads(emit, attended), present, value]
  },
  cases: [
    {
      name: 'two query heads a key head',
      inputs: [...separate, ...none, ...lengths(1, 2)],
      attributes: { num_heads: 4, kv_num_heads: 2 },
      outputs: 3,
    },
    {
      name: 'packed, scale and softcap',
      inputs: [{ dims: [2, 2, 32] }, undefined, undefined, ...none, ...lengths(2, 2)],
      attributes: { num_heads: 2, kv_num_heads: 1, scale: float(0.9), softcap: float(2) },
      outputs: 3,
    },
    {
      name: 'rotary',
      inputs: [...separate, ...none, ...lengths(1, 2), ...tables],
      attributes: { num_heads: 2, kv_num_heads: 1, do_rotary: 1 },
      outputs: 3,
    },
    {
      name: 'rotary, interleaved, no past',
      inputs: [
        { dims: [1, 3, 16] },
        { dims: [1, 3, 16] },
        { dims: [1, 3, 16] },
        { dims: [1, 1, 0, 16], constant: true },
        { dims: [1, 1, 0, 16], constant: true },
        ...lengths(1, 3),
        { dims: [4, 8], constant: true },
        { dims: [4, 8], constant: true },
      ],
      attributes: { num_heads: 1, kv_num_heads: 1, do_rotary: 1, rotary_interleaved: 1 },
      outputs: 3,
    },
    {
      name: 'a window of two',
      inputs: [{ dims: [1, 4, 8] }, { dims: [1, 4, 8] }, { dims: [1, 4, 8] }, ...none, ...lengths(1, 4)],
      attributes: { num_heads: 1, kv_num_heads: 1, local_window_size: 2 },
      outputs: 3,
    },
  ],
})
