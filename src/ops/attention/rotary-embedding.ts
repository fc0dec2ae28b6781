import {
  add,
  defineComposite,
  dimOf,
  type Emitter,
  ints,
  mul,
  type OpCase,
  refusal,
  required,
  reshape,
  sub,
  type Value,
} from '../core/index.ts'

/** Which numbers of a head form pairs: neighbours, or those half the rotated width apart. */
export type Pairing = 'interleaved' | 'halves'

/**
 * Turns pairs (a, b) of the first 2 w numbers along the last axis of `x` by angles: a cos - b sin, a sin + b cos. The
 * rest stays (Su et al. 2021).
 *
 * @param cos and `sin`: [.., w], broadcast to the axes of `x` before the last.
 */
export function rotatePairs(emit: Emitter, x: Value, cos: Value, sin: Value, pairing: Pairing): Value {
  const width = dimOf(cos, -1)
  const size = dimOf(x, -1)
  const last = { axis: x.dims.length - 1 }
  const lead = x.dims.slice(0, -1)
  const split = (of: Value, sizes: readonly number[], axis = last) =>
    emit.ops('Split', [of, ints(emit, sizes)], sizes.length, axis)
  const [turned = x, rest] = size > 2 * width ? split(x, [2 * width, size - 2 * width]) : [x]
  const paired = pairing === 'interleaved' ? reshape(emit, turned, [...lead, width, 2]) : turned
  const inner = { axis: paired.dims.length - 1 }
  const half = pairing === 'interleaved' ? 1 : width
  const flat = (part: Value | undefined) => reshape(emit, part ?? x, [...lead, width])
  const [a, b] = split(paired, [half, half], inner).map(flat)
  if (!a || !b) return x
  const parts = [
    sub(emit, mul(emit, a, cos), mul(emit, b, sin)),
    add(emit, mul(emit, a, sin), mul(emit, b, cos)),
  ]
  const unflat = parts.map((part) => reshape(emit, part, [...paired.dims.slice(0, -1), half]))
  const joined = reshape(emit, emit.op('Concat', unflat, inner), turned.dims)
  return rest ? emit.op('Concat', [joined, rest], last) : joined
}

/** Opset 23: [batch, heads, length, head] or, with `num_heads`, [batch, length, heads * head]. */
export const RotaryEmbedding = defineComposite('', 'RotaryEmbedding', {
  expand: (context) => {
    const { emit, attributes, inputs } = context
    const x = required(context, 0)
    const positions = inputs[3]
    const [cos, sin] = [required(context, 1), required(context, 2)].map((table) =>
      positions ? emit.op('Gather', [table, positions], { axis: 0 }) : table,
    )
    const [batch = 1, length = 1] = x.dims
    const heads = attributes.int('num_heads', 0)
    const flat = x.dims.length === 3
    if (flat && heads < 1) throw refusal(context, 'an input of three axes needs the attribute num_heads.')
    if (!cos || !sin) return []
    const split = flat ? reshape(emit, x, [batch, length, heads, dimOf(x, 2) / heads]) : x
    // Every head turns by the same angles.
    const angles = (of: Value) => reshape(emit, of, of.dims.toSpliced(flat ? 2 : 1, 0, 1))
    const pairing = attributes.int('interleaved', 0) ? 'interleaved' : 'halves'
    const turned = rotatePairs(emit, split, angles(cos), angles(sin), pairing)
    return [reshape(emit, turned, x.dims)]
  },
  cases: ['halves', 'interleaved'].flatMap((pairing) => rotaryCases(pairing === 'interleaved' ? 1 : 0)),
})

function rotaryCases(interleaved: number): OpCase[] {
  const name = (text: string) => (interleaved ? `interleaved, ${text}` : text)
  const tables = (width: number) => [{ dims: [6, width] }, { dims: [6, width] }]
  const positions = { dims: [2, 3], type: 'int64' as const, values: [0, 1, 2, 2, 4, 5] }
  return [
    {
      name: name('heads apart'),
      inputs: [{ dims: [2, 2, 3, 4] }, ...tables(2), positions],
      attributes: { interleaved },
    },
    {
      name: name('heads side by side'),
      inputs: [{ dims: [2, 3, 8] }, ...tables(2), positions],
      attributes: { interleaved, num_heads: 2 },
    },
    {
      name: name('angles given'),
      inputs: [{ dims: [2, 2, 3, 4] }, { dims: [2, 3, 2] }, { dims: [2, 3, 2] }],
      attributes: { interleaved },
    },
    {
      name: name('part of the head'),
      inputs: [{ dims: [2, 2, 3, 6] }, ...tables(2), positions],
      attributes: { interleaved, rotary_embedding_dim: 4, num_heads: 2 },
    },
  ]
}
