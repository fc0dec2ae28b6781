// A step as it was written down by an earlier state of the sources against the same step now: that both compute the same, and their
// processor time, one thread, alternating in one process.
//   node scripts/run.mjs bench/step-pairs.ts --write FOLDER [--only mlp-400,vit] [--models MODELS] [--plain]
//   node scripts/run.mjs bench/step-pairs.ts --against FOLDER [--only mlp-400,vit] [--models MODELS] [--rounds 15]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asLoadable, type Loadable } from '../src/engine/loadable.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { median } from '../src/measure/statistics.ts'
import { required } from '../src/required.ts'
import type { PreparedStep } from './bench-steps.ts'
import { named } from './named-steps.ts'
import { timed } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    write: { type: 'string' },
    against: { type: 'string' },
    only: { type: 'string', default: 'article,mlp-400,mlp-400-ewc,transformer,vit,bert-mini,lstm' },
    models: { type: 'string', default: '.cache/models' },
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '0.2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    plain: { type: 'boolean', default: false },
  },
})

for (const name of values.only.split(',')) {
  const step = await named(name, values.models, values.python, !values.plain)
  if (values.write) {
    mkdirSync(values.write, { recursive: true })
    writeFileSync(join(values.write, `${name}.onnx`), step.model.bytes)
  } else {
    const before = asLoadable(readFileSync(join(values.against ?? '.', `${name}.onnx`)))
    console.log(`${name.padEnd(16)} ${await compared(step, before)}`)
  }
}

async function compared(step: PreparedStep, model: Loadable): Promise<string> {
  const [now, before] = [await opened(step), await opened({ ...step, model })]
  await now.run()
  await before.run()
  const apart = farthest(await now.state(), await before.state())
  const calls = Math.max(1, Math.round(Number(values.seconds) / (await timed(now.run, 1)).wall))
  const pairs: (readonly [number, number])[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const after = await timed(now.run, calls)
    const then = await timed(before.run, calls)
    pairs.push([then.processor, after.processor])
  }
  await now.dispose()
  await before.dispose()
  const unit = 1000 / (calls * step.stepsPerCall)
  const told = ([then, after]: readonly [number, number]) =>
    `${(then * unit).toFixed(3)} to ${(after * unit).toFixed(3)} ms`
  const ratios = pairs.map(([then, after]) => after / then)
  const at = (share: number) =>
    told([
      quantile(
        pairs.map(([then]) => then),
        share,
      ),
      quantile(
        pairs.map(([, after]) => after),
        share,
      ),
    ])
  return `least ${at(0)}, median ${at(0.5)}, ratio of pairs ${median(ratios).toFixed(3)} (${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)}); state apart by ${apart}`
}

async function opened(step: PreparedStep) {
  const program = await loadProgram(ortNode({ threads: 1 }), step.model, step.slots, step.initial)
  return {
    run: async () => {
      await program.run(step.feeds)
    },
    state: () => program.snapshot(),
    dispose: () => program.dispose(),
  }
}

function quantile(all: readonly number[], share: number): number {
  const sorted = all.toSorted((a, b) => a - b)
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN
}

type State = Awaited<ReturnType<Awaited<ReturnType<typeof opened>>['state']>>

/** The tensor whose numbers differ most, as a share of its largest. */
function farthest(a: State, b: State): string {
  let most = { name: '', share: 0 }
  for (const [name, { data }] of a) {
    const other = required(b, name, 'state').data as Float32Array
    const mine = data as Float32Array
    let largest = 0
    let apart = 0
    for (let at = 0; at < mine.length; at++) {
      largest = Math.max(largest, Math.abs(mine[at] ?? 0))
      apart = Math.max(apart, Math.abs((mine[at] ?? 0) - (other[at] ?? 0)))
    }
    if (apart > most.share * largest) most = { name, share: apart / largest }
  }
  return `${most.share.toExponential(1)} in ${most.name}`
}
