import { add, defineOp, filled, matmul, mul, scan } from '../core/index.ts'
import { type Cell, type DirectionContext, type DirectionGradients, whereValid } from './direction.ts'
import { batchLater, preActivations, recurrentGradient, recurrentShape } from './recurrent.ts'
import { rnnCases } from './recurrent-cases.ts'

/** h = f(a), a = x W^T + h' R^T + b: da = dh f'(a), dh' = da R. */
function backward(context: DirectionContext): DirectionGradients {
  const { emit, activations, reverse, validity, dy, dLast, r } = context
  const pre = preActivations(
    emit,
    [
      [context.x, context.w],
      [context.previous, r],
    ],
    context.biases && add(emit, ...context.biases),
  )
  const h = activations.f.of(emit, pre)
  const slope = whereValid(emit, activations.f.slope(emit, h, filled(emit, 1, h)), validity)
  const scanned = [slope, ...(dy ? [dy] : []), ...(validity ? [validity.padded] : [])]
  const { state, outputs } = scan(
    emit,
    [dLast],
    scanned,
    (inner, [later = dLast], [share = slope, ...rest]) => {
      const dh = dy && rest[0] ? add(inner, later, rest[0]) : later
      const da = mul(inner, dh, share)
      const back = matmul(inner, da, r)
      const padded = validity ? rest.at(-1) : undefined
      return { state: [padded ? add(inner, back, mul(inner, dh, padded)) : back], outputs: [da] }
    },
    { reverse: !reverse },
  )
  const [dInitial = dLast] = state
  const [da = pre] = outputs
  return { dInput: da, dState: da, dInitial }
}

const cell: Cell = { gates: 1, activations: ['Tanh'], outputs: 2, backward }

/** The plain recurrent network, forward, reverse or both. */
export const RNN = defineOp('RNN', {
  shape: recurrentShape(cell),
  gradient: recurrentGradient(cell),
  upgrade: batchLater,
  upgradesAll: true,
  cases: rnnCases,
})
