import { float } from '../../onnx/graph.ts'
import { attend, causalBias, joinHeads, maskBias, rangeMask, splitHeads } from '../attention/index.ts'
import {
  add,
  type CaseInput,
  type CompositeContext,
  defineComposite,
  ints,
  matmul,
  refusal,
  required,
  reshape,
  type Value,
} from '../core/index.ts'

/** Refuses keys and values of earlier calls, unless there are none of them. */
export function refusePast(context: CompositeContext, places: readonly number[]): void {
  for (const place of places) {
    const past = context.inputs[place]
    if (past && !past.dims.includes(0)) {
      throw refusal(
        context,
        `input ${place} holds keys or values of earlier calls, [${past.dims}]. Training takes whole sequences: bind it with length 0, or export the model without past keys and values.`,
      )
    }
  }
}

/**
 * A mask in one of the forms of ONNX Runtime's attention ops, as something to add to the scores.
 *
 * @param mask [keys' mask: batch, keys], [batch, positions, keys], [batch, 1, most positions, most positions], lengths
 * [batch], or ends and then starts [2 batch].
 */
export function paddingBias(
  context: CompositeContext,
  mask: Value | undefined,
  sizes: { readonly batch: number; readonly positions: number; readonly keys: number },
): Value | undefined {
  if (!mask) return undefined
  const { emit } = context
  const { batch, positions, keys } = sizes
  const filter = context.attributes.float('mask_filter_value', -10_000)
  const [first = 0] = mask.dims
  const between = (from: number, to: number) =>
    emit.op('Slice', [mask, ints(emit, [from]), ints(emit, [to]), ints(emit, [0])])
  const perKey = (values: Value) => maskBias(emit, reshape(emit, values, [batch, 1, 1, keys]), filter)
  const rank = mask.dims.length
  if (rank === 1 && first === batch) return perKey(rangeMask(emit, mask, undefined, keys))
  if (rank === 1 && first === 2 * batch) {
    return perKey(rangeMask(emit, between(0, batch), between(batch, 2 * batch), keys))
  }
  if (rank === 2) return perKey(mask)
  if (rank === 3) return maskBias(emit, reshape(emit, mask, [batch, 1, positions, keys]), filter)
  if (rank === 4) {
    const past = keys - positions
    const part = emit.op('Slice', [mask, ints(emit, [past, 0]), ints(emit, [keys, keys]), ints(emit, [2, 3])])
    return maskBias(emit, part, filter)
  }
  throw refusal(context, `its mask has dims [${mask.dims}], a form that only other devices have.`)
}

const size = { batch: 2, positions: 3, width: 4 }
const base: readonly CaseInput[] = [
  { dims: [size.batch, size.positions, size.width] },
  { dims: [4, 12] },
  { dims: [12] },
]
const mask = (dims: readonly number[], values: readonly number[]): CaseInput => ({
  dims,
  type: 'int32',
  values,
})

/** ONNX Runtime's self-attention with one weight for queries, keys and values. */
export const Attention = defineComposite('com.microsoft', 'Attention', {
  expand: (context) => {
    const { emit, inputs, attributes } = context
    const x = required(context, 0)
    const [batch = 1, positions = 1] = x.dims
    refusePast(context, [4])
    if (attributes.int('do_rotary', 0) === 1) {
      throw refusal(
        context,
        'rotary embeddings inside it have no expansion. Export without attention fusion.',
      )
    }
    const heads = attributes.int('num_heads', 1)
    const product = matmul(emit, x, required(context, 1))
    const projected = inputs[2] ? add(emit, product, inputs[2]) : product
    const third = (projected.dims.at(-1) ?? 3) / 3
    const widths = attributes.ints('qkv_hidden_sizes') ?? [third, third, third]
    const parts = emit.ops('Split', [projected, ints(emit, widths)], 3, { axis: -1 })
    const [query, key, value] = parts.map((part) => splitHeads(emit, part, heads))
    if (!query || !key || !value) return []
    const sizes = { batch, positions, keys: positions }
    const attended = attend(emit, {
      query,
      key,
      value,
      scale: attributes.float('scale', 0),
      biases: [
        attributes.int('unidirectional', 0) === 1 ? causalBias(emit, positions, positions) : undefined,
        paddingBias(context, inputs[3], sizes),
        inputs[5],
      ],
    })
    const present = () =>
      emit.op(
        'Concat',
        [key, value].map((part) => reshape(emit, part, [1, ...part.dims])),
        { axis: 0 },
      )
    return [joinHeads(emit, attended), context.outputs > 1 ? present() : undefined]
  },
  cases: [
    { name: 'plain', inputs: base, attributes: { num_heads: 2 } },
    {
      name: 'one direction, scale',
      inputs: base,
      attributes: { num_heads: 2, unidirectional: 1, scale: float(0.7) },
    },
    {
      // The runtime's own kernel crashes on this form, which its documentation allows.
      name: 'no bias',
      inputs: base.slice(0, 2),
      attributes: { num_heads: 2 },
      withoutKernel: true,
    },
    { name: 'with the keys and values', inputs: base, attributes: { num_heads: 2 }, outputs: 2 },
    {
      name: 'values of another width',
      inputs: [{ dims: [2, 3, 4] }, { dims: [4, 14] }, { dims: [14] }],
      attributes: { num_heads: 2, qkv_hidden_sizes: [4, 4, 6] },
    },
    {
      name: 'mask of keys',
      inputs: [...base, mask([2, 3], [1, 1, 0, 0, 1, 1])],
      attributes: { num_heads: 2 },
    },
    {
      name: 'mask of keys, one direction',
      inputs: [...base, mask([2, 3], [1, 1, 0, 1, 0, 1])],
      attributes: { num_heads: 2, unidirectional: 1 },
    },
    {
      name: 'mask of positions and keys, filter value',
      inputs: [...base, mask([2, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1])],
      attributes: { num_heads: 2, mask_filter_value: float(-2) },
    },
    {
      name: 'mask [batch, 1, most, most]',
      inputs: [
        ...base,
        mask(
          [2, 1, 4, 4],
          Array.from({ length: 32 }, (_, at) => (at % 3 === 1 ? 0 : 1)),
        ),
      ],
      attributes: { num_heads: 2 },
      withoutKernel: true,
    },
    { name: 'lengths', inputs: [...base, mask([2], [2, 3])], attributes: { num_heads: 2 } },
    { name: 'ends and starts', inputs: [...base, mask([4], [2, 3, 0, 1])], attributes: { num_heads: 2 } },
    {
      name: 'bias of the scores',
      inputs: [...base, undefined, undefined, { dims: [1, 2, 3, 3] }],
      attributes: { num_heads: 2 },
    },
  ],
})
