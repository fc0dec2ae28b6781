// Training steps against jax-js and TensorFlow.js, each with its WebAssembly backend in Node: one thread, in turns, medians.
//   node scripts/run.mjs bench/js-peers.ts [--only article,mlp-400] [--rounds 5] [--folder .cache/js-peers]
// The libraries are installed into the folder unless they are there.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '../src/measure/statistics.ts'
import { openStep } from './bench-steps.ts'
import { timed } from './torch-peer.ts'

const PACKAGES = ['@jax-js/jax@0.1.25', '@tensorflow/tfjs@4.22.0', '@tensorflow/tfjs-backend-wasm@4.22.0']
const LIBRARIES = ['jax', 'tfjs'] as const
const SCRIPT = 'js-peers.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'article,mlp-100,mlp-400,mlp-400-sgd' },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: '.cache/js-peers' },
  },
})

const folder = values.folder
mkdirSync(folder, { recursive: true })
copyFileSync(join('bench/reference', SCRIPT), join(folder, SCRIPT))
if (!existsSync(join(folder, 'node_modules/@jax-js/jax'))) {
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', ...PACKAGES])
}
console.log('step, ms: Holdfast, jax-js, TensorFlow.js; times as long as Holdfast')
for (const name of values.only.split(',')) console.log(`${name.padEnd(12)} ${await compared(name)}`)

async function compared(name: string): Promise<string> {
  const step = await openStep(name, { threads: 1 })
  await step.call()
  const calls = Math.max(1, Math.round(1 / (await timed(step.call, 1)).wall))
  const mine: number[] = []
  const theirs = new Map(LIBRARIES.map((library) => [library, [] as number[]]))
  for (let round = 0; round < Number(values.rounds); round++) {
    mine.push(((await timed(step.call, calls)).wall / (calls * step.stepsPerCall)) * 1000)
    for (const library of LIBRARIES) theirs.get(library)?.push(...peer(library, name))
  }
  await step.dispose()
  const own = median(mine)
  const told = [...theirs.values()].map((all) => median(all))
  return [own, ...told]
    .map((ms) => ms.toFixed(3))
    .concat(told.map((ms) => (ms / own).toFixed(1)))
    .join('  ')
}

/** Milliseconds a step, in a process of its own. */
function peer(library: string, step: string): readonly number[] {
  const out = execFileSync(process.execPath, [SCRIPT, library, step, '1'], { cwd: folder, encoding: 'utf8' })
  const line = out.trim().split('\n').at(-1) ?? ''
  const told = JSON.parse(line) as {
    readonly milliseconds: readonly number[]
    readonly losses: readonly number[]
  }
  const [first = 0, last = 0] = told.losses
  // A benchmark of wrong work is none.
  if (!(last < first)) throw new Error(`${library}, ${step}: the loss went from ${first} to ${last}.`)
  return told.milliseconds
}
