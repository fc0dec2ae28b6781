import { dtypeOfCode } from '../../onnx/codes.ts'
import {
  type AttributeReader,
  add,
  type CompositeContext,
  defineComposite,
  dimOf,
  type Emitter,
  fromNumbers,
  indicator,
  ints,
  mul,
  refusal,
  required,
  reshape,
  scalar,
  scale,
  swapLast,
  type Value,
} from '../core/index.ts'
import { attentionCases } from './attention-cases.ts'
import { joinHeads, splitHeads } from './heads.ts'

/** What a score gets that must not count: far below all others, and still finite when two of it are added. */
const masked = ({ type }: Pick<Value, 'type'>): number => (type === 'float16' ? -3e4 : -1e38)

interface AttendOptions {
  readonly scale: number
  /** Scores s become cap tanh(s / cap); none for 0. */
  readonly softcap?: number
  /** How many keys before and after its own place each query sees; default all. Causal is 0 after. */
  readonly window?: readonly [before: number, after: number]
  /** What is added to the scores, broadcast to them: 0, or {@link maskFromBooleans}' number where a key is hidden. */
  readonly bias?: Value
}

/**
 * softmax(scale q kᵀ + bias) v for heads apart: q [batch, heads, queries, size], k and v [batch, groups, keys, size],
 * where each group of keys serves heads / groups neighbouring heads. A query that sees no key gets zeros.
 */
function attend(emit: Emitter, q: Value, k: Value, v: Value, options: AttendOptions): Value {
  const [batch = 1, heads = 1, queries = 1, size = 1] = q.dims
  const [, groups = 1, keys = 1] = k.dims
  // The heads of a group lie side by side as more queries, so that keys and values need no copies.
  const stacked = [batch, groups, (heads / groups) * queries]
  const rows = reshape(emit, scale(emit, q, options.scale), [...stacked, size])
  const raw = reshape(emit, emit.op('MatMul', [rows, swapLast(emit, k)]), [batch, heads, queries, keys])
  const scores = capped(emit, raw, options.softcap ?? 0)
  const { bias, window } = options
  const near = window && emit.constant(windowMask(queries, keys, window, q))
  const mask = bias && near ? add(emit, bias, near) : (bias ?? near)
  const shifted = mask ? add(emit, scores, mask) : scores
  const shares = emit.op('Softmax', [shifted], { axis: -1 })
  const mixed = emit.op('MatMul', [reshape(emit, shares, [...stacked, keys]), v])
  const out = reshape(emit, mixed, [batch, heads, queries, v.dims[3] ?? 1])
  // A window alone holds each query's own place, if there is a key there.
  const mayBeBlind = bias || queries > keys
  return mask && mayBeBlind ? mul(emit, out, seesSomething(emit, mask)) : out
}

/** cap tanh(x / cap), which bounds scores. */
const capped = (emit: Emitter, x: Value, cap: number): Value =>
  cap === 0 ? x : scale(emit, emit.op('Tanh', [scale(emit, x, 1 / cap)]), cap)

/** 0 for the keys within the window around each query's own place, [queries, keys]. */
function windowMask(queries: number, keys: number, [before, after]: readonly [number, number], like: Value) {
  const sees = (at: number) => {
    const ahead = (at % keys) - Math.floor(at / keys)
    return ahead <= after && -ahead <= before
  }
  const values = Array.from({ length: queries * keys }, (_, at) => (sees(at) ? 0 : masked(like)))
  return fromNumbers(like.type, [queries, keys], values)
}

/** 1 for queries with some key in sight, else 0, [.., queries, 1]. Ones are folded away where the mask is known. */
function seesSomething(emit: Emitter, mask: Value): Value {
  const best = emit.op('ReduceMax', [mask, ints(emit, [mask.dims.length - 1])], { keepdims: 1 })
  return indicator(emit, emit.op('Greater', [best, scalar(emit, masked(mask) / 2, mask)]), mask)
}

/** 0 where `visible` is true, a number below all scores elsewhere. */
const maskFromBooleans = (emit: Emitter, visible: Value, like: Value): Value =>
  emit.op('Where', [visible, scalar(emit, 0, like), scalar(emit, masked(like), like)])

/** A mask to be added, its infinities made finite: where all of a query's keys are hidden they would give NaN. */
const finiteMask = (emit: Emitter, mask: Value): Value =>
  emit.op('Clip', [mask, scalar(emit, masked(mask), mask)])

function maskOf(context: CompositeContext, like: Value, keys: number): Value | undefined {
  const { emit } = context
  const mask = context.inputs[3]
  if (!mask) return undefined
  const additive = mask.type === 'bool' ? maskFromBooleans(emit, mask, like) : finiteMask(emit, mask)
  const known = mask.dims.at(-1) ?? keys
  if (known === keys || known === 1) return additive
  // Keys beyond the mask are hidden.
  const pads = [...mask.dims.map(() => 0), ...mask.dims.map(() => 0)].with(-1, keys - known)
  return emit.op('Pad', [additive, ints(emit, pads), scalar(emit, masked(additive), additive)])
}

/** The attributes of opset 25, and `is_causal`; -1 stands for no bound. */
function windowOf(attributes: AttributeReader): readonly [number, number] | undefined {
  const bound = (name: string) => {
    const size = attributes.int(name, -1)
    return size < 0 ? Number.POSITIVE_INFINITY : size
  }
  const causal = attributes.int('is_causal', 0) !== 0
  const window = [bound('left_window_size'), causal ? 0 : bound('right_window_size')] as const
  return window.some(Number.isFinite) ? window : undefined
}

function refuseCaches(context: CompositeContext): void {
  const { inputs, outputs, attributes } = context
  const [past, present] = [inputs[4] ?? inputs[5], outputs > 1]
  if (past || present)
    throw refusal(
      context,
      'a cache of past keys and values is for generating, not for training. Export without it.',
    )
  if (inputs[6]) throw refusal(context, 'nonpad_kv_seqlen belongs to a cache. Export the model without one.')
  const precision = attributes.optionalInt('softmax_precision')
  const type = precision === undefined ? undefined : dtypeOfCode(precision)
  if (type !== undefined && type !== 'float32' && type !== 'float64')
    throw refusal(context, `softmax_precision ${type} is less than training needs. Export without it.`)
}

/** Opset 23 to 25, without caches: heads apart (four axes) or side by side (three, with q_num_heads and kv_num_heads). */
export const Attention = defineComposite('', 'Attention', {
  expand: (context) => {
    const { emit, attributes } = context
    refuseCaches(context)
    const query = required(context, 0)
    const together = query.dims.length === 3
    const apart = (x: Value, name: string) => {
      if (x.dims.length === 4) return x
      const heads = attributes.int(name, 0)
      if (heads < 1) throw refusal(context, `an input of three axes needs the attribute ${name}.`)
      return splitHeads(emit, x, heads)
    }
    const q = apart(query, 'q_num_heads')
    const k = apart(required(context, 1), 'kv_num_heads')
    const v = apart(required(context, 2), 'kv_num_heads')
    const bias = maskOf(context, q, dimOf(k, 2))
    const window = windowOf(attributes)
    const out = attend(emit, q, k, v, {
      scale: attributes.float('scale', 1 / Math.sqrt(q.dims[3] ?? 1)),
      softcap: attributes.float('softcap', 0),
      ...(window ? { window } : {}),
      ...(bias ? { bias } : {}),
    })
    return [together ? joinHeads(emit, out) : out]
  },
  cases: attentionCases(),
})
