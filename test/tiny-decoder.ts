import { encodeGraph } from '../src/onnx/encode.ts'
import { float, type Graph, graph as graphAttribute, type Node, type ValueInfo } from '../src/onnx/graph.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'

// A GPT-2-like decoder of a few hundred weights, in the forms in which Optimum writes one.

export const decoderSizes = { vocabulary: 13, width: 8, heads: 2, size: 4, layers: 2, positions: 24 } as const

export interface DecoderForm {
  /** `past`: past_key_values in, present out; `merged`: both courses in the branches of an If. Default `plain`. */
  readonly cache?: 'plain' | 'past' | 'merged'
  /** Whether position_ids are an input, or counted in the graph. Default true. */
  readonly positionIds?: boolean
  /** Whether token_type_ids are an input, too. Default false. */
  readonly tokenTypes?: boolean
  /** Whether attention_mask is an input. Default true. */
  readonly mask?: boolean
  /** Whether a token sees none of those behind it. Default true. */
  readonly causal?: boolean
  /** What the batch and the length of its first input are, where they are no names. */
  readonly fixed?: readonly [rows: number | string, length: number | string]
  /** Tokens that it knows. Default 13. */
  readonly vocabulary?: number
  readonly seed?: number
}

const { width, heads, size, layers, positions } = decoderSizes

/** The bytes of its file. Weights are the same in all forms. */
export function tinyDecoder(form: DecoderForm = {}): Uint8Array<ArrayBuffer> {
  const { cache = 'plain' } = form
  const pairs = cache === 'plain' ? [] : cacheNames
  const info = (name: string, dims: (number | string)[], type: 'int64' | 'float32' = 'int64'): ValueInfo => ({
    name,
    type,
    dims,
  })
  const rows = form.fixed ?? ['batch_size', 'sequence_length']
  const kept = (length: string) => ['batch_size', heads, length, size]
  const inputs: ValueInfo[] = [
    info('input_ids', [...rows]),
    ...(form.mask === false
      ? []
      : [
          info('attention_mask', [
            rows[0],
            cache === 'plain' ? rows[1] : 'past_sequence_length + sequence_length',
          ]),
        ]),
    ...(form.tokenTypes ? [info('token_type_ids', [...rows])] : []),
    ...(form.positionIds === false ? [] : [info('position_ids', [...rows])]),
    ...pairs.map(({ past }) => info(past, kept('past_sequence_length'), 'float32')),
    ...(cache === 'merged' ? [{ name: 'use_cache_branch', type: 'bool', dims: [1] } as const] : []),
  ]
  const outputs: ValueInfo[] = [
    info('logits', [...rows, form.vocabulary ?? decoderSizes.vocabulary], 'float32'),
    ...pairs.map(({ present }) => info(present, kept('past_sequence_length + sequence_length'), 'float32')),
  ]
  const graph: Graph = {
    name: 'decoder',
    inputs,
    outputs,
    initializers: weights(form),
    nodes: cache === 'merged' ? merged(form, outputs) : body(form, cache === 'past', ''),
  }
  return encodeGraph(graph, { opsets: { '': 17 }, irVersion: 8 })
}

const cacheNames = Array.from({ length: layers }, (_, layer) =>
  ['key', 'value'].map((part) => ({
    past: `past_key_values.${layer}.${part}`,
    present: `present.${layer}.${part}`,
  })),
).flat()

/** As Optimum's merge: the branch of the first call reads no cache. */
function merged(form: DecoderForm, outputs: readonly ValueInfo[]): Node[] {
  const branch = (withPast: boolean): Graph => ({
    name: withPast ? 'with_past' : 'first',
    inputs: [],
    outputs: outputs.map((info) => ({ ...info, name: `${withPast ? 'with_past' : 'first'}/${info.name}` })),
    initializers: new Map(),
    nodes: body(form, withPast, withPast ? 'with_past/' : 'first/'),
  })
  return [
    {
      op: 'If',
      domain: '',
      name: 'optimum::if',
      inputs: ['use_cache_branch'],
      outputs: outputs.map(({ name }) => name),
      attributes: { then_branch: graphAttribute(branch(true)), else_branch: graphAttribute(branch(false)) },
    },
  ]
}

function weights({ seed = 0, vocabulary = decoderSizes.vocabulary }: DecoderForm): Map<string, Tensor> {
  const random = randomStream(seed, 'decoder')
  const drawn = (dims: number[], spread = 0.4, mean = 0): Tensor => {
    const tensor = float32(dims)
    random.fillNormal(tensor.data, mean, spread)
    return tensor
  }
  const shape = (...dims: number[]): Tensor => int64([dims.length], dims)
  const found = new Map<string, Tensor>([
    ['wte', drawn([vocabulary, width], 1)],
    ['wpe', drawn([positions, width])],
    ['wtt', drawn([2, width])],
    ['ln_f.weight', drawn([width], 0.1, 1)],
    ['ln_f.bias', drawn([width], 0.1)],
    ['heads', shape(0, 0, heads, size)],
    ['joined', shape(0, 0, width)],
    ['thirds', shape(width, width, width)],
    ['scale', float32([], [1 / Math.sqrt(size)])],
    ['low', float32([], [-10_000])],
    ['nothing', float32([], [0])],
    ['zero', int64([], [0])],
    ['one', int64([], [1])],
    ['two', int64([], [2])],
    ['second_axis', int64([1], [1])],
    ['first_axis', int64([1], [0])],
    ['mask_axes', int64([2], [1, 2])],
  ])
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `h.${layer}.${name}`
    found.set(at('ln_1.weight'), drawn([width], 0.1, 1))
    found.set(at('ln_1.bias'), drawn([width], 0.1))
    found.set(at('qkv.weight'), drawn([width, 3 * width]))
    found.set(at('qkv.bias'), drawn([3 * width], 0.1))
    found.set(at('proj.weight'), drawn([width, width]))
    found.set(at('ln_2.weight'), drawn([width], 0.1, 1))
    found.set(at('ln_2.bias'), drawn([width], 0.1))
    found.set(at('up.weight'), drawn([width, 2 * width]))
    found.set(at('down.weight'), drawn([2 * width, width]))
  }
  return found
}

/** The nodes, with a prefix before the values that they make. */
function body(form: DecoderForm, withPast: boolean, prefix: string): Node[] {
  const nodes: Node[] = []
  const add = (
    op: string,
    inputs: string[],
    outputs: string | string[],
    attributes: Node['attributes'] = {},
  ): string => {
    const named = (Array.isArray(outputs) ? outputs : [outputs]).map((name) => `${prefix}${name}`)
    nodes.push({ op, domain: '', name: named[0] ?? '', inputs, outputs: named, attributes })
    return named[0] ?? ''
  }
  const at = (name: string) => `${prefix}${name}`
  const dim = (of: string, axis: 'one' | 'two', name: string): string =>
    add('Gather', [add('Shape', [of], `${name}/shape`), axis], name)
  const length = dim('input_ids', 'one', 'length')
  const past = withPast ? dim('past_key_values.0.key', 'two', 'past') : 'zero'
  const total = add('Add', [past, length], 'total')
  const range = add('Range', [past, total, 'one'], 'range')
  const ids =
    form.positionIds === false ? add('Unsqueeze', [range, 'first_axis'], 'positions') : 'position_ids'
  let x = add('Gather', ['wte', 'input_ids'], 'tokens')
  x = add('Add', [x, add('Gather', ['wpe', ids], 'places')], 'embedded')
  if (form.tokenTypes) x = add('Add', [x, add('Gather', ['wtt', 'token_type_ids'], 'types')], 'typed')
  const later = add(
    'Less',
    [add('Unsqueeze', [range, 'second_axis'], 'rows'), add('Range', ['zero', total, 'one'], 'columns')],
    'later',
  )
  const causal = add(
    'Mul',
    [add('Cast', [later], 'later/float', { to: 1 }), form.causal === false ? 'nothing' : 'low'],
    'causal',
  )
  let bias = causal
  if (form.mask !== false) {
    const padded = add('Cast', [add('Equal', ['attention_mask', 'zero'], 'padded')], 'padded/float', {
      to: 1,
    })
    const wide = add('Unsqueeze', [padded, 'mask_axes'], 'padded/wide')
    bias = add('Add', [causal, add('Mul', [wide, 'low'], 'padding')], 'bias')
  }
  for (let layer = 0; layer < layers; layer++) {
    const w = (name: string) => `h.${layer}.${name}`
    const norm = (of: string, name: string) =>
      add('LayerNormalization', [of, w(`${name}.weight`), w(`${name}.bias`)], w(name), {
        axis: -1,
        epsilon: float(1e-5),
      })
    const projected = add(
      'Add',
      [add('MatMul', [norm(x, 'ln_1'), w('qkv.weight')], w('qkv/product')), w('qkv.bias')],
      w('qkv'),
    )
    add('Split', [projected, 'thirds'], [w('q'), w('k'), w('v')], { axis: -1 })
    const split = (name: string) =>
      add('Transpose', [add('Reshape', [at(w(name)), 'heads'], w(`${name}/split`))], w(`${name}/heads`), {
        perm: [0, 2, 1, 3],
      })
    const query = split('q')
    const kept = ['key', 'value'].map((part) => {
      const now = split(part === 'key' ? 'k' : 'v')
      const present = `present.${layer}.${part}`
      return withPast
        ? add('Concat', [`past_key_values.${layer}.${part}`, now], present, { axis: 2 })
        : add('Identity', [now], present)
    })
    const [key = '', value = ''] = kept
    const scores = add(
      'Mul',
      [
        add('MatMul', [query, add('Transpose', [key], w('k/turned'), { perm: [0, 1, 3, 2] })], w('dots')),
        'scale',
      ],
      w('scores'),
    )
    const shares = add('Softmax', [add('Add', [scores, bias], w('masked'))], w('shares'), { axis: -1 })
    const mixed = add('Transpose', [add('MatMul', [shares, value], w('mixed'))], w('turned'), {
      perm: [0, 2, 1, 3],
    })
    const attended = add(
      'MatMul',
      [add('Reshape', [mixed, 'joined'], w('joined')), w('proj.weight')],
      w('attn'),
    )
    x = add('Add', [x, attended], w('middle'))
    const up = add('Tanh', [add('MatMul', [norm(x, 'ln_2'), w('up.weight')], w('up'))], w('active'))
    x = add('Add', [x, add('MatMul', [up, w('down.weight')], w('down'))], w('out'))
  }
  const last = add('LayerNormalization', [x, 'ln_f.weight', 'ln_f.bias'], 'ln_f', {
    axis: -1,
    epsilon: float(1e-5),
  })
  add('MatMul', [last, add('Transpose', ['wte'], 'unembed', { perm: [1, 0] })], 'logits')
  return nodes
}
