// Forms of one parameter's update against each other: processor time a step, one thread, alternating, fastest of the rounds.
//   node scripts/run.mjs bench/optimiser-forms.ts [--rounds 12]
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { scan } from '../src/autodiff/scan.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Value } from '../src/ops/core/define.ts'
import { mul, reshape } from '../src/ops/core/emit.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, sizeOf, type Tensor } from '../src/tensor/tensor.ts'
import { adam, type Optimiser, sgd, type Update } from '../src/train/step/optimisers.ts'
import { decayed } from '../src/train/step/weight-decay.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '12' } } })
const STEPS_PER_CALL = 4

interface Parameter {
  readonly optimiser: Optimiser
  readonly decay: number
  readonly dims: readonly number[]
  /** In how many pieces an inner `Scan` updates it; 1 for the whole, as steps do. */
  readonly pieces: readonly number[]
}

const parameters: readonly Parameter[] = [
  { optimiser: adam(), decay: 0.01, dims: [30522, 256], pieces: [1, 6, 96] },
  { optimiser: adam(), decay: 0.01, dims: [1024, 1024], pieces: [1, 8, 32] },
  { optimiser: adam(), decay: 0.01, dims: [768, 192], pieces: [1, 2, 8] },
  { optimiser: sgd({ momentum: 0.9 }), decay: 0, dims: [512, 4608], pieces: [1, 8, 32] },
  { optimiser: sgd({ momentum: 0.9 }), decay: 0, dims: [256, 2304], pieces: [1, 4, 16] },
]

for (const parameter of parameters) {
  const forms = []
  for (const pieces of parameter.pieces)
    forms.push({ pieces, run: await opened(parameter, pieces), fastest: Infinity })
  for (let round = 0; round < Number(values.rounds); round++)
    for (const form of forms) form.fastest = Math.min(form.fastest, await form.run())
  const told = forms.map(({ pieces, fastest }) => `${pieces} ${fastest.toFixed(2)} ms`)
  console.log(`${parameter.optimiser.name} [${parameter.dims}], by pieces: ${told.join(', ')}`)
}

/** A program of nothing but updates, with a gradient that is computed anew each step; gives the milliseconds a step. */
async function opened({ optimiser, decay, dims }: Parameter, pieces: number) {
  const update = decayed(optimiser, { rate: decay, kind: 'decoupled' }, '')
  const builder = new GraphBuilder()
  const drawn = float32(dims)
  randomStream(1, 'parameter').fillUniform(drawn.data, 0.001, 0.01)
  const names = ['parameter', ...optimiser.slots]
  const given = builder.input('gradient', drawn)
  const schedule = optimiser.scalars(10, 1e-3)
  const feeds = new Map<string, Tensor>([
    ['gradient', drawn],
    ...schedule.map(
      (value, at) =>
        [`schedule/${at}`, float32([STEPS_PER_CALL], new Float32Array(STEPS_PER_CALL).fill(value))] as const,
    ),
  ])
  const scanned = schedule.map((_, at) => builder.input(`schedule/${at}`, float32([STEPS_PER_CALL])))
  const state = names.map((name) => builder.input(name, drawn))
  const result = scan(builder, state, scanned, (step, [parameter, ...slots], scalars) => {
    const [rate] = scalars
    if (!parameter || !rate) throw new Error('A step needs its parameter and its rate.')
    const request = { parameter, gradient: mul(step, given, rate), slots, scalars }
    const updated = pieces === 1 ? update(step, request) : inPieces(step, update, request, pieces)
    return { state: [updated.parameter, ...updated.slots], outputs: [] }
  })
  const slots = names.map((input, at) => {
    const value = result.state[at]
    return { input, output: value ? builder.output(value, `${input}/next`).name : input }
  })
  const program = await loadProgram(
    ortNode({ threads: 1 }),
    encodeGraph(builder.finish('update')),
    slots,
    new Map(names.map((name) => [name, drawn])),
  )
  return async () => {
    const began = process.cpuUsage()
    await program.run(feeds)
    const { user, system } = process.cpuUsage(began)
    return (user + system) / 1000 / STEPS_PER_CALL
  }
}

function inPieces(step: GraphBuilder, update: Optimiser['update'], request: Update, pieces: number) {
  const { parameter, gradient, slots, scalars } = request
  const cut = (value: Value) => reshape(step, value, [pieces, sizeOf(value.dims) / pieces])
  const { outputs } = scan(
    step,
    [],
    [parameter, gradient, ...slots].map(cut),
    (inner, _, [own, pull, ...kept]) => {
      if (!own || !pull) throw new Error('A piece is missing.')
      const updated = update(inner, { parameter: own, gradient: pull, slots: kept, scalars })
      return { state: [], outputs: [updated.parameter, ...updated.slots] }
    },
  )
  const [whole = parameter, ...others] = outputs.map((value) => reshape(step, value, parameter.dims))
  return { parameter: whole, slots: others }
}
