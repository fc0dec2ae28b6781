// Forms of a recurrent layer, forward and backward, against each other: one thread, alternating, medians, weights as inputs.
//   node scripts/run.mjs bench/recurrent-forms.ts [--rounds 9] [--op LSTM] [--steps 64] [--batch 16] [--inputs 128] [--hidden 128]
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import type { Executable } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Value } from '../src/ops/core/define.ts'
import { add, matmul, mul, reshape, transpose } from '../src/ops/core/emit.ts'
import { scan } from '../src/ops/core/scan.ts'
import { gatesOf, preActivations } from '../src/ops/recurrent/recurrent.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    op: { type: 'string', default: 'LSTM' },
    steps: { type: 'string', default: '64' },
    batch: { type: 'string', default: '16' },
    inputs: { type: 'string', default: '128' },
    hidden: { type: 'string', default: '128' },
  },
})
const [steps, batch, inputs, hidden] = [values.steps, values.batch, values.inputs, values.hidden].map(
  Number,
) as [number, number, number, number]
const gates = { LSTM: 4, GRU: 3, RNN: 1 }[values.op] ?? 1

const random = randomStream(1, 'recurrent-forms')
const drawn = (dims: readonly number[], bound: number): Tensor => {
  const tensor = float32(dims)
  for (let at = 0; at < tensor.data.length; at++) tensor.data[at] = bound * (2 * random.uniform() - 1)
  return tensor
}
const bound = 1 / Math.sqrt(hidden)
const feeds = new Map([
  ['x', drawn([steps, batch, inputs], 1)],
  ['w', drawn([1, gates * hidden, inputs], bound)],
  ['r', drawn([1, gates * hidden, hidden], bound)],
  ['b', drawn([1, 2 * gates * hidden], bound)],
  ['dy', drawn([steps, 1, batch, hidden], 1)],
])

interface Bound {
  readonly builder: GraphBuilder
  readonly x: Value
  readonly w: Value
  readonly r: Value
  readonly b: Value
  readonly dy: Value
}
const attributes = {
  hidden_size: hidden,
  ...(values.op === 'GRU' ? { linear_before_reset: 1 } : {}),
}
const forward = ({ builder, x, w, r, b }: Bound) => builder.ops(values.op, [x, w, r, b], 1, attributes)

/** An LSTM's forward pass as a Scan that would hand its gates on, so that none need be computed again. */
function scannedForward({ builder, x, w, r, b }: Bound): Value[] {
  const flat = (value: Value, dims: readonly number[]) =>
    builder.op('Reshape', [
      value,
      builder.constant({ type: 'int64', dims: [dims.length], data: BigInt64Array.from(dims.map(BigInt)) }),
    ])
  const rows = gates * hidden
  const [wb = b, rb = b] = builder.ops('Split', [flat(b, [2 * rows])], 2, { axis: 0, num_outputs: 2 })
  const recurrent = flat(r, [rows, hidden])
  const pre = preActivations(builder, [[x, flat(w, [rows, inputs])]], add(builder, wb, rb))
  const zero = builder.constant(float32([batch, hidden]))
  const { outputs } = scan(builder, [zero, zero], [pre], (inner, [h = zero, c = zero], [own = pre]) => {
    const a = inner.op('Gemm', [h, recurrent, own], { transB: 1 })
    const [ai = a, ao = a, af = a, ag = a] = gatesOf(inner, a, 4)
    const [i, o, f] = [ai, ao, af].map((gate) => inner.op('Sigmoid', [gate])) as [Value, Value, Value]
    const g = inner.op('Tanh', [ag])
    const next = add(inner, mul(inner, f, c), mul(inner, i, g))
    const shown = inner.op('Tanh', [next])
    const y = mul(inner, o, shown)
    return { state: [y, next], outputs: [y, next, i, o, f, g] }
  })
  return [...outputs]
}

/** What an LSTM's loop backwards reads, as inputs: the shares of dh and dc in each step, and dY. */
const loopFeeds = new Map([
  ['toCell', drawn([steps, batch, hidden], 0.5)],
  ['keep', drawn([steps, batch, hidden], 0.5)],
  ['shares', drawn([steps, batch, 4 * hidden], 0.5)],
  ['arriving', drawn([steps, batch, hidden], 1)],
  ['weight', drawn([4 * hidden, hidden], bound)],
])
type Loop = Readonly<Record<'toCell' | 'keep' | 'shares' | 'arriving' | 'weight', Value>>

/** One step: dh and dc before it, and the gradients of its pre-activations. */
function loopStep(
  emit: GraphBuilder,
  [later, dCell]: readonly [Value, Value],
  at: Omit<Loop, 'weight'>,
  product: (da: Value) => Value,
  axis = -1,
): { state: [Value, Value]; outputs: Value[] } {
  const dh = add(emit, later, at.arriving)
  const dc = add(emit, dCell, mul(emit, dh, at.toCell))
  const da = mul(emit, emit.op('Concat', [dc, dh, dc, dc], { axis }), at.shares)
  return { state: [product(da), mul(emit, dc, at.keep)], outputs: [da] }
}

const loopForms: Readonly<Record<string, (builder: GraphBuilder, loop: Loop) => Value>> = {
  'Scan, [batch, 4H] [4H, H]': (builder, { toCell, keep, shares, arriving, weight }) => {
    const zero = builder.constant(float32([batch, hidden]))
    const { outputs } = scan(
      builder,
      [zero, zero],
      [toCell, keep, shares, arriving],
      (inner, [dh = zero, dc = zero], [c = zero, k = zero, s = zero, a = zero]) =>
        loopStep(inner, [dh, dc], { toCell: c, keep: k, shares: s, arriving: a }, (da) =>
          matmul(inner, da, weight),
        ),
      { reverse: true },
    )
    return outputs[0] ?? zero
  },
  'Scan, [H, 4H] [4H, batch]': (builder, { toCell, keep, shares, arriving, weight }) => {
    const zero = builder.constant(float32([hidden, batch]))
    const turned = [toCell, keep, shares, arriving].map((value) => transpose(builder, value, [0, 2, 1]))
    const turnedWeight = transpose(builder, weight, [1, 0])
    const { outputs } = scan(
      builder,
      [zero, zero],
      turned,
      (inner, [dh = zero, dc = zero], [c = zero, k = zero, s = zero, a = zero]) =>
        loopStep(
          inner,
          [dh, dc],
          { toCell: c, keep: k, shares: s, arriving: a },
          (da) => matmul(inner, turnedWeight, da),
          0,
        ),
      { reverse: true },
    )
    return transpose(builder, outputs[0] ?? zero, [0, 2, 1])
  },
  unrolled: (builder, { toCell, keep, shares, arriving, weight }) => {
    const cut = (value: Value) =>
      builder
        .ops('Split', [value], steps, { axis: 0, num_outputs: steps })
        .map((part) => reshape(builder, part, part.dims.slice(1)))
    const [c, k, s, a] = [toCell, keep, shares, arriving].map(cut)
    const zero = builder.constant(float32([batch, hidden]))
    let state: [Value, Value] = [zero, zero]
    const found: Value[] = []
    for (let step = steps - 1; step >= 0; step--) {
      const at = {
        toCell: c?.[step] ?? zero,
        keep: k?.[step] ?? zero,
        shares: s?.[step] ?? zero,
        arriving: a?.[step] ?? zero,
      }
      const next = loopStep(builder, state, at, (da) => matmul(builder, da, weight))
      state = next.state
      found.unshift(...next.outputs)
    }
    return builder.op(
      'Concat',
      found.map((value) => reshape(builder, value, [1, ...value.dims])),
      { axis: 0 },
    )
  },
}

interface Contender {
  readonly name: string
  readonly executable: Executable
  readonly milliseconds: number[]
}

const load = async (name: string, builder: GraphBuilder): Promise<Contender> => {
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish(name)))
  return { name, executable, milliseconds: [] }
}

function loopContender(name: string, form: (builder: GraphBuilder, loop: Loop) => Value): Promise<Contender> {
  const builder = new GraphBuilder()
  const input = (key: string) => builder.input(key, loopFeeds.get(key) ?? float32([]))
  const [toCell, keep, shares] = [input('toCell'), input('keep'), input('shares')]
  const loop = { toCell, keep, shares, arriving: input('arriving'), weight: input('weight') }
  builder.output(form(builder, loop), 'result')
  return load(`loop: ${name}`, builder)
}

function contender(name: string, emit: (bound: Bound) => readonly Value[]): Promise<Contender> {
  const builder = new GraphBuilder()
  const input = (key: string) => builder.input(key, feeds.get(key) ?? float32([]))
  const bound = { builder, x: input('x'), w: input('w'), r: input('r'), b: input('b'), dy: input('dy') }
  emit(bound).forEach((value, index) => {
    builder.output(value, `result${index}`)
  })
  return load(name, builder)
}

const all = await Promise.all([
  contender('forward', forward),
  ...(values.op === 'LSTM' ? [contender('forward as a Scan, gates kept', scannedForward)] : []),
  contender('forward and backward', (bound) => {
    const [y] = forward(bound)
    if (!y) return []
    const wanted = [bound.x, bound.w, bound.r, bound.b]
    return backward(bound.builder, [{ of: y, gradient: bound.dy }], wanted).flatMap((value) => value ?? [])
  }),
  ...(values.op === 'LSTM' ? Object.entries(loopForms).map(([name, form]) => loopContender(name, form)) : []),
  contender('the product X W^T', ({ builder, x, w }) => {
    const weight = builder.op('Transpose', [w], { perm: [0, 2, 1] })
    return [matmul(builder, x, weight)]
  }),
])
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const { executable, milliseconds } of all) {
    const used = new Map([...feeds, ...loopFeeds].filter(([name]) => executable.inputs.includes(name)))
    const began = performance.now()
    await executable.run(used)
    // The first round warms.
    if (round > 0) milliseconds.push(performance.now() - began)
  }
}
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
console.log(`${values.op}, ${steps} steps, batch ${batch}, ${inputs} inputs, ${hidden} hidden`)
for (const { name, milliseconds, executable } of all) {
  console.log(
    `  ${name.padEnd(32)} ${median(milliseconds).toFixed(2).padStart(7)} ms (fastest ${Math.min(...milliseconds).toFixed(2)})`,
  )
  await executable.dispose()
}
