import {
  add,
  defineOp,
  dimOf,
  type Emitter,
  filled,
  matmul,
  mul,
  reshape,
  scalar,
  scan,
  sub,
  sumTo,
  type Value,
} from '../core/index.ts'
import {
  type Cell,
  type DirectionContext,
  type DirectionGradients,
  shifted,
  whereValid,
} from './direction.ts'
import { batchLater, gatesOf, preActivations, recurrentGradient, recurrentShape } from './recurrent.ts'
import type { Activation } from './recurrent-activations.ts'
import { lstmCases } from './recurrent-cases.ts'

/** Something for each of the input, output and forget gate, in the order of ONNX. */
interface Gates {
  readonly i: Value
  readonly o: Value
  readonly f: Value
}

/** P's weights, [hidden] each: the cell before acts on i and f, the cell after on o. */
function peepholesOf({ emit, peephole }: DirectionContext): Gates | undefined {
  if (!peephole) return undefined
  const [i, o, f] = emit.ops('Split', [peephole], 3, { axis: 0, num_outputs: 3 })
  return i && o && f ? { i, o, f } : undefined
}

/** sigma(a + P c), or sigma(a) without peepholes. */
const gate = (emit: Emitter, sigma: Activation, a: Value, weight: Value | undefined, cell: Value): Value =>
  sigma.of(emit, weight ? add(emit, a, mul(emit, weight, cell)) : a)

const oneLess = (emit: Emitter, x: Value): Value => sub(emit, scalar(emit, 1, x), x)

/** f, or 1 - i where the attribute input_forget couples the two. */
const forgetting = (context: DirectionContext, emit: Emitter, i: Value, f: () => Value): Value =>
  isCoupled(context) ? oneLess(emit, i) : f()

const isCoupled = ({ node }: DirectionContext): boolean => node.attributes.int('input_forget', 0) !== 0

/** The cells after each step, c = f c' + i g: Y does not tell them, so they take a loop of their own. */
function cellsOf(
  context: DirectionContext,
  sigma: Activation,
  raw: Gates,
  g: Value,
  first: Value,
  peepholes: Gates | undefined,
): Value {
  const { emit, reverse, validity } = context
  const gains = (to: Emitter, i: Value, f: Value, candidate: Value, of: typeof validity) =>
    [whereValid(to, f, of, 1), whereValid(to, mul(to, i, candidate), of)] as const
  const gated = (to: Emitter, a: Pick<Gates, 'i' | 'f'>, cell: Value) => {
    const i = gate(to, sigma, a.i, peepholes?.i, cell)
    return { i, f: forgetting(context, to, i, () => gate(to, sigma, a.f, peepholes?.f, cell)) }
  }
  // Without peepholes the gates of all steps are known before the loop.
  const known = peepholes ? undefined : gated(emit, raw, first)
  const scanned = known
    ? gains(emit, known.i, known.f, g, validity)
    : [raw.i, raw.f, g, ...(validity ? [validity.valid, validity.padded] : [])]
  const { outputs } = scan(
    emit,
    [first],
    scanned,
    (inner, [cell = first], [p = g, q = g, candidate = g, valid, padded]) => {
      const at = valid && padded ? { valid, padded } : undefined
      const now = known ? undefined : gated(inner, { i: p, f: q }, cell)
      const [keep, gain] = now ? gains(inner, now.i, now.f, candidate, at) : [p, q]
      const next = add(inner, mul(inner, keep, cell), gain)
      return { state: [next], outputs: [next] }
    },
    { reverse },
  )
  return outputs[0] ?? g
}

/**
 * i, f, o = sigma(a_i + P_i c'), sigma(a_f + P_f c'), sigma(a_o + P_o c); g = tanh(a_g); c = f c' + i g; h = o tanh(c).
 * With dh and dc arriving at a step, everything is a product with what is known before the loop:
 *
 *     da_o = dh o' tanh(c)
 *     dc  += dh (o tanh'(c) + o' tanh(c) P_o)
 *     da_i, da_f, da_g = dc (i' g), dc (f' c'), dc (i g')
 *     dc'  = dc (f + i' g P_i + f' c' P_f)
 *     dh'  = (da_i, da_o, da_f, da_g) R
 */
function backward(context: DirectionContext): DirectionGradients {
  const { emit, activations, reverse, validity, dy, dLast, dLastCell, r } = context
  const { f: sigma, g: squash, h: out } = activations
  const pre = preActivations(
    emit,
    [
      [context.x, context.w],
      [context.previous, r],
    ],
    context.biases && add(emit, ...context.biases),
  )
  const [ai = pre, ao = pre, af = pre, ag = pre] = gatesOf(emit, pre, 4)
  const peepholes = peepholesOf(context)
  const g = squash.of(emit, ag)
  const first = context.initialCell ?? filled(emit, 0, dLast)
  const cells = cellsOf(context, sigma, { i: ai, o: ao, f: af }, g, first, peepholes)
  const earlier = shifted(emit, cells, reshape(emit, first, [1, ...first.dims]), reverse)
  const i = gate(emit, sigma, ai, peepholes?.i, earlier)
  const o = gate(emit, sigma, ao, peepholes?.o, cells)
  const f = forgetting(context, emit, i, () => gate(emit, sigma, af, peepholes?.f, earlier))
  const shown = out.of(emit, cells)

  const byO = sigma.slope(emit, o, shown)
  const byI = sigma.slope(emit, i, isCoupled(context) ? sub(emit, g, earlier) : g)
  const byF = isCoupled(context) ? filled(emit, 0, byI) : sigma.slope(emit, f, earlier)
  const byG = squash.slope(emit, g, i)
  const plus = (x: Value, by: Value, weight: Value | undefined) =>
    weight ? add(emit, x, mul(emit, by, weight)) : x
  const toCell = whereValid(emit, plus(out.slope(emit, shown, o), byO, peepholes?.o), validity)
  const carried = whereValid(emit, plus(plus(f, byI, peepholes?.i), byF, peepholes?.f), validity, 1)
  const factors = whereValid(emit, emit.op('Concat', [byI, byO, byF, byG], { axis: -1 }), validity)

  const scanned = [toCell, carried, factors, ...(dy ? [dy] : []), ...(validity ? [validity.padded] : [])]
  const { state, outputs } = scan(
    emit,
    [dLast, dLastCell],
    scanned,
    (inner, [later = dLast, dCell = dLastCell], [cellShare = g, keep = g, gateShares = g, ...rest]) => {
      const dh = dy && rest[0] ? add(inner, later, rest[0]) : later
      const dc = add(inner, dCell, mul(inner, dh, cellShare))
      const da = mul(inner, inner.op('Concat', [dc, dh, dc, dc], { axis: -1 }), gateShares)
      const back = matmul(inner, da, r)
      const padded = validity ? rest.at(-1) : undefined
      const next = padded ? add(inner, back, mul(inner, dh, padded)) : back
      return { state: [next, mul(inner, dc, keep)], outputs: [da] }
    },
    { reverse: !reverse },
  )
  const [dInitial = dLast, dInitialCell = dLastCell] = state
  const [da = pre] = outputs
  return {
    dInput: da,
    dState: da,
    dInitial,
    dInitialCell,
    dPeephole: () => dPeephole(emit, da, earlier, cells),
  }
}

/** dP = sum over steps and batch of da_i c', da_o c, da_f c'. */
function dPeephole(emit: Emitter, da: Value, earlier: Value, cells: Value): Value {
  const [di = da, dO = da, df = da] = gatesOf(emit, da, 4)
  const hidden = dimOf(cells, -1)
  const sums = [mul(emit, di, earlier), mul(emit, dO, cells), mul(emit, df, earlier)]
  return emit.op(
    'Concat',
    sums.map((product) => sumTo(emit, product, [hidden])),
    { axis: 0 },
  )
}

const cell: Cell = { gates: 4, activations: ['Sigmoid', 'Tanh', 'Tanh'], outputs: 3, backward }

/** Long short-term memory, forward, reverse or both. */
export const LSTM = defineOp('LSTM', {
  shape: recurrentShape(cell),
  gradient: recurrentGradient(cell),
  upgrade: batchLater,
  upgradesAll: true,
  cases: lstmCases,
})
