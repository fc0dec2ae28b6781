import {
  add,
  defineOp,
  dimOf,
  type Emitter,
  matmul,
  mul,
  scalar,
  scan,
  sub,
  type Value,
} from '../core/index.ts'
import { type Cell, type DirectionContext, type DirectionGradients, whereValid } from './direction.ts'
import {
  acrossSteps,
  batchLater,
  gatesOf,
  preActivations,
  recurrentGradient,
  recurrentShape,
} from './recurrent.ts'
import { gruCases } from './recurrent-cases.ts'

/** Rows of a weight or bias: those of the update and reset gate, and those of the candidate. */
function cut(emit: Emitter, weight: Value): [gates: Value, candidate: Value] {
  const hidden = dimOf(weight, 0) / 3
  const sizes = emit.constant({
    type: 'int64',
    dims: [2],
    data: BigInt64Array.of(BigInt(2 * hidden), BigInt(hidden)),
  })
  const [gates = weight, candidate = weight] = emit.ops('Split', [weight, sizes], 2, { axis: 0 })
  return [gates, candidate]
}

/** What the loop of a GRU's gradient reads. */
interface Parts {
  readonly z: Value
  readonly r: Value
  /** dL/d(pre-activation) over dL/dh, of the update gate and of the candidate. */
  readonly toUpdate: Value
  readonly toCandidate: Value
}

/** z, r = sigma(a_z), sigma(a_r); h = (1 - z) n + z h', so da_z = dh (h' - n) z', da_n = dh (1 - z) n'. */
function partsOf(context: DirectionContext, zr: Value, candidate: (r: Value) => Value): Parts {
  const { emit, activations, previous, validity } = context
  const [z = zr, r = zr] = gatesOf(emit, activations.f.of(emit, zr), 2)
  const n = activations.g.of(emit, candidate(r))
  const toUpdate = activations.f.slope(emit, z, sub(emit, previous, n))
  const toCandidate = activations.g.slope(emit, n, sub(emit, scalar(emit, 1, z), z))
  return {
    z: whereValid(emit, z, validity, 1),
    r,
    toUpdate: whereValid(emit, toUpdate, validity),
    toCandidate: whereValid(emit, toCandidate, validity),
  }
}

/** Pre-activations of update and reset gate. */
function gatePreActivations(context: DirectionContext): Value {
  const { emit, x, w, previous, r, biases } = context
  const bias = biases && add(emit, cut(emit, biases[0])[0], cut(emit, biases[1])[0])
  return preActivations(
    emit,
    [
      [x, cut(emit, w)[0]],
      [previous, cut(emit, r)[0]],
    ],
    bias,
  )
}

/**
 * linear_before_reset: a_n = x W_n^T + b + r q, q = h' R_n^T + b'. All is a product with dh:
 * da_r = da_n q r', dq = da_n r, dh' = (da_z, da_r, dq) R + dh z.
 */
function resetAfter(context: DirectionContext): DirectionGradients {
  const { emit, activations, reverse, dy, dLast, previous, biases } = context
  const [wb, rb] = biases ?? []
  const q = preActivations(emit, [[previous, cut(emit, context.r)[1]]], rb && cut(emit, rb)[1])
  const fromX = preActivations(emit, [[context.x, cut(emit, context.w)[1]]], wb && cut(emit, wb)[1])
  const parts = partsOf(context, gatePreActivations(context), (r) => add(emit, fromX, mul(emit, r, q)))
  const { z, r, toUpdate, toCandidate } = parts
  const toReset = activations.f.slope(emit, r, mul(emit, toCandidate, q))
  const shares = emit.op('Concat', [toUpdate, toReset, mul(emit, toCandidate, r)], { axis: -1 })
  const { state, outputs } = scan(
    emit,
    [dLast],
    [z, shares, ...(dy ? [dy] : [])],
    (inner, [later = dLast], [keep = z, share = shares, arriving]) => {
      const dh = arriving ? add(inner, later, arriving) : later
      const da = mul(inner, inner.op('Concat', [dh, dh, dh], { axis: -1 }), share)
      const back = add(inner, matmul(inner, da, context.r), mul(inner, dh, keep))
      return { state: [back], outputs: [da, dh] }
    },
    { reverse: !reverse },
  )
  const [dInitial = dLast] = state
  const [dState = shares, dh = z] = outputs
  const [dz = dh, dr = dh] = gatesOf(emit, dState, 3)
  const dInput = emit.op('Concat', [dz, dr, mul(emit, dh, toCandidate)], { axis: -1 })
  return { dInput, dState, dInitial }
}

/**
 * a_n = x W_n^T + (r h') R_n^T + b: with s = da_n R_n, da_r = s h' r' and dh' = (da_z, da_r) R_zr + s r + dh z.
 */
function resetBefore(context: DirectionContext): DirectionGradients {
  const { emit, activations, reverse, dy, dLast, previous, biases } = context
  const [rGates, rCandidate] = cut(emit, context.r)
  const bias = biases && cut(emit, add(emit, ...biases))[1]
  const wCandidate = cut(emit, context.w)[1]
  const parts = partsOf(context, gatePreActivations(context), (r) =>
    preActivations(
      emit,
      [
        [context.x, wCandidate],
        [mul(emit, r, previous), rCandidate],
      ],
      bias,
    ),
  )
  const { z, r, toUpdate, toCandidate } = parts
  const shares = emit.op('Concat', [toUpdate, activations.f.slope(emit, r, previous)], { axis: -1 })
  const { state, outputs } = scan(
    emit,
    [dLast],
    [z, r, toCandidate, shares, ...(dy ? [dy] : [])],
    (inner, [later = dLast], [keep = z, reset = r, candidateShare = z, share = shares, arriving]) => {
      const dh = arriving ? add(inner, later, arriving) : later
      const dn = mul(inner, dh, candidateShare)
      const s = matmul(inner, dn, rCandidate)
      const dzr = mul(inner, inner.op('Concat', [dh, s], { axis: -1 }), share)
      const through = add(inner, mul(inner, s, reset), mul(inner, dh, keep))
      const back = add(inner, matmul(inner, dzr, rGates), through)
      return { state: [back], outputs: [inner.op('Concat', [dzr, dn], { axis: -1 })] }
    },
    { reverse: !reverse },
  )
  const [dInitial = dLast] = state
  const [da = shares] = outputs
  const dR = () => {
    const [dz = da, dr = da, dn = da] = gatesOf(emit, da, 3)
    const dzr = emit.op('Concat', [dz, dr], { axis: -1 })
    const products = [acrossSteps(emit, dzr, previous), acrossSteps(emit, dn, mul(emit, r, previous))]
    return emit.op('Concat', products, { axis: 0 })
  }
  return { dInput: da, dState: da, dR, dInitial }
}

const cell: Cell = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  outputs: 2,
  backward: (context) =>
    context.node.attributes.int('linear_before_reset', 0) === 0 ? resetBefore(context) : resetAfter(context),
}

/** Gated recurrent units, forward, reverse or both. */
export const GRU = defineOp('GRU', {
  shape: recurrentShape(cell),
  gradient: recurrentGradient(cell),
  upgrade: batchLater,
  upgradesAll: true,
  cases: gruCases,
})
