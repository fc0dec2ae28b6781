import { float } from '../../onnx/graph.ts'
import { attend, causalBias, joinHeads, splitHeads } from '../attention/index.ts'
import {
  add,
  type CompositeContext,
  defineComposite,
  dimOf,
  ints,
  required,
  reshape,
  transpose,
  type Value,
} from '../core/index.ts'
import { paddingBias, refusePast } from './attention.ts'

interface Projections {
  readonly query: Value
  readonly key: Value
  readonly value: Value
}

/** [batch, positions, heads, parts, size] taken apart: [batch, heads, positions, size] each. */
function unpacked(context: CompositeContext, packed: Value): Value[] {
  const { emit } = context
  const [batch = 1, positions = 1, heads = 1, parts = 1, size = 1] = packed.dims
  const first = transpose(emit, packed, [3, 0, 2, 1, 4])
  return emit
    .ops('Split', [first, ints(emit, new Array<number>(parts).fill(1))], parts, { axis: 0 })
    .map((part) => reshape(emit, part, [batch, heads, positions, size]))
}

/** The part of the bias that belongs to queries, keys or values, as [1, heads, 1, size]. */
function biasParts(context: CompositeContext, widths: readonly number[], heads: number): Value[] {
  const { emit } = context
  const bias = context.inputs[3]
  if (!bias) return []
  return emit
    .ops('Split', [bias, ints(emit, widths)], 3, { axis: 0 })
    .map((part) => reshape(emit, part, [1, heads, 1, dimOf(part, 0) / heads]))
}

function projections(context: CompositeContext, heads: number): Projections {
  const { emit, inputs } = context
  const given = required(context, 0)
  const [, keyInput, valueInput] = inputs
  const split = (x: Value) => (x.dims.length === 4 ? x : splitHeads(emit, x, heads))
  const [query, key, value] =
    given.dims.length === 5
      ? unpacked(context, given)
      : keyInput?.dims.length === 5
        ? [split(given), ...unpacked(context, keyInput)]
        : [split(given), split(required(context, 1)), split(valueInput ?? required(context, 2))]
  if (!query || !key || !value) return { query: given, key: given, value: given }
  const width = (x: Value) => heads * (x.dims.at(-1) ?? 1)
  const [toQuery, toKey, toValue] = biasParts(context, [width(query), width(key), width(value)], heads)
  return {
    query: toQuery ? add(emit, query, toQuery) : query,
    // Keys that come with their heads apart are those of an encoder, and have had their bias.
    key: toKey && keyInput?.dims.length !== 4 ? add(emit, key, toKey) : key,
    value: toValue && valueInput?.dims.length !== 4 ? add(emit, value, toValue) : value,
  }
}

/** Attention of projected queries, keys and values, separate or packed. */
export const MultiHeadAttention = defineComposite('com.microsoft', 'MultiHeadAttention', {
  expand: (context) => {
    const { emit, inputs, attributes } = context
    refusePast(context, [6, 7])
    const { query, key, value } = projections(context, attributes.int('num_heads', 1))
    const [batch = 1, , positions = 1] = query.dims
    const [, , keys = 1] = key.dims
    const attended = attend(emit, {
      query,
      key,
      value,
      scale: attributes.float('scale', 0),
      biases: [
        attributes.int('unidirectional', 0) === 1 ? causalBias(emit, positions, keys) : undefined,
        paddingBias(context, inputs[4], { batch, positions, keys }),
        inputs[5],
      ],
    })
    return [joinHeads(emit, attended), key, value]
  },
  cases: [
    {
      name: 'plain',
      inputs: [{ dims: [2, 3, 4] }, { dims: [2, 3, 4] }, { dims: [2, 3, 4] }],
      attributes: { num_heads: 2 },
    },
    {
      name: 'cross, bias, values of another width, scale',
      inputs: [{ dims: [2, 2, 4] }, { dims: [2, 3, 4] }, { dims: [2, 3, 6] }, { dims: [14] }],
      attributes: { num_heads: 2, scale: float(0.5) },
    },
    {
      name: 'one direction, with keys and values',
      inputs: [{ dims: [1, 3, 4] }, { dims: [1, 3, 4] }, { dims: [1, 3, 4] }, { dims: [12] }],
      attributes: { num_heads: 2, unidirectional: 1 },
      outputs: 3,
    },
    {
      name: 'mask of keys and bias of the scores',
      inputs: [
        { dims: [2, 2, 4] },
        { dims: [2, 3, 4] },
        { dims: [2, 3, 4] },
        undefined,
        { dims: [2, 3], type: 'int32', values: [1, 1, 0, 0, 1, 1] },
        { dims: [1, 2, 2, 3] },
      ],
      attributes: { num_heads: 2 },
    },
    {
      name: 'lengths',
      inputs: [
        { dims: [2, 2, 4] },
        { dims: [2, 3, 4] },
        { dims: [2, 3, 4] },
        undefined,
        { dims: [2], type: 'int32', values: [2, 3] },
      ],
      attributes: { num_heads: 1 },
    },
    {
      name: 'keys with their heads apart',
      inputs: [{ dims: [1, 2, 4] }, { dims: [1, 2, 3, 2] }, { dims: [1, 2, 3, 2] }, { dims: [12] }],
      attributes: { num_heads: 2 },
    },
    {
      name: 'all packed',
      inputs: [{ dims: [1, 2, 2, 3, 2] }, undefined, undefined, { dims: [12] }],
      attributes: { num_heads: 2 },
      withoutKernel: true,
    },
    {
      name: 'keys and values packed',
      inputs: [{ dims: [1, 2, 4] }, { dims: [1, 3, 2, 2, 2] }],
      attributes: { num_heads: 2 },
      withoutKernel: true,
    },
  ],
})
