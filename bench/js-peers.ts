// Training steps, by the native runtime and in WebAssembly, against jax-js and TensorFlow.js in Node, each with the backends that it has there, in turns, medians. --threads counts for Holdfast
// and for backends with threads.
//   node scripts/run.mjs bench/js-peers.ts [--only article,cnn-small] [--rounds 5] [--threads 2] [--limit 300] [--no-addon] [--folder .cache/js-peers]
// The libraries are installed into the folder unless they are there; so is TensorFlow.js's native addon, where it can be (--no-addon does not try).
// A peer that has not ended after --limit seconds is left out of that step.
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-web'
import { median } from '../src/measure/statistics.ts'
import { ortWeb } from '../src/web.ts'
import { openStep } from './bench-steps.ts'
import { timed } from './torch-peer.ts'

const PACKAGES = ['@jax-js/jax@0.1.25', '@tensorflow/tfjs@4.22.0', '@tensorflow/tfjs-backend-wasm@4.22.0']
const ADDON = '@tensorflow/tfjs-node@4.22.0'
const SCRIPT = 'js-peers.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'article,mlp-100,mlp-400,mlp-400-ewc,mlp-400-sgd,cnn-small' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    limit: { type: 'string', default: '300' },
    'no-addon': { type: 'boolean', default: false },
    folder: { type: 'string', default: '.cache/js-peers' },
  },
})

const folder = values.folder
mkdirSync(folder, { recursive: true })
copyFileSync(join('bench/reference', SCRIPT), join(folder, SCRIPT))
if (!existsSync(join(folder, 'node_modules/@jax-js/jax'))) {
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', ...PACKAGES])
}
const notes = new Set<string>([
  'jax-js has the backends cpu (plain JavaScript, for tests), wasm, webgl and webgpu; Node has neither of the last two. TensorFlow.js has cpu, wasm, webgl, webgpu and the addon tensorflow.',
])
if (values['no-addon']) notes.add('The addon was not tried (--no-addon).')
const libraries = ['jax', 'tfjs', ...(values['no-addon'] ? [] : addon())]
console.log(
  `| ms a step | Holdfast | Holdfast, WebAssembly | ${libraries.join(' | ')} | ${libraries.map((name) => `${name} / Holdfast | ${name} / in WebAssembly`).join(' | ')} |`,
)
console.log(`|---|${'---:|'.repeat(2 + 3 * libraries.length)}`)
for (const name of values.only.split(',')) console.log(`| \`${name}\` | ${await compared(name)} |`)
console.log(`\n${[...notes].join('\n')}`)

/** The native addon's name, once it is there and loads; else a note says why it is not. */
function addon(): string[] {
  const name = 'tfjs-node'
  if (!existsSync(join(folder, 'node_modules/@tensorflow', name))) {
    const { status, stderr } = spawnSync(
      'npm',
      ['install', '--prefix', folder, '--no-save', ADDON, ...PACKAGES],
      {
        encoding: 'utf8',
        timeout: 180_000,
      },
    )
    if (status !== 0) {
      notes.add(`${name} is not here: npm could not install it: ${reasonIn(stderr)}`)
      return []
    }
  }
  const load =
    "import('@tensorflow/tfjs-node').catch((problem) => { console.error(problem.message); process.exit(1) })"
  const { status, stderr } = spawnSync(process.execPath, ['-e', load], { cwd: folder, encoding: 'utf8' })
  if (status === 0) return [name]
  notes.add(`${name} is installed and does not load: ${reasonIn(stderr)}`)
  return []
}

/** The line that says most: the first that speaks of an error, else the last. */
function reasonIn(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const telling = /EAI_AGAIN|ENOTFOUND|ECONN|ETIMEDOUT|statusCode|status 4|not found|Cannot|Error:/
  return (lines.find((line) => telling.test(line)) ?? lines.at(-1) ?? 'it took too long').trim()
}

async function compared(name: string): Promise<string> {
  const threads = Number(values.threads)
  const own = [
    await openStep(name, { threads }),
    await openStep(name, { threads, blocked: false }, ortWeb(ort, { threads })),
  ].map((step) => ({ step, calls: 1, times: [] as number[] }))
  for (const one of own) {
    await one.step.call()
    one.calls = Math.max(1, Math.round(1 / (await timed(one.step.call, 1)).wall))
  }
  const theirs = new Map(libraries.map((library) => [library, [] as number[]]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { step, calls, times } of own)
      times.push(((await timed(step.call, calls)).wall / (calls * step.stepsPerCall)) * 1000)
    for (const [library, all] of theirs) {
      const found = peer(library, name)
      if (found) all.push(...found)
      else theirs.delete(library)
    }
  }
  for (const { step } of own) await step.dispose()
  const [native = 0, web = 0] = own.map(({ times }) => median(times))
  const told = libraries.map((library) => {
    const all = theirs.get(library)
    return all && median(all)
  })
  const cells = [native, web, ...told].map((ms) =>
    ms === undefined ? 'none' : ms.toPrecision(Math.max(3, Math.ceil(Math.log10(ms)))),
  )
  return cells
    .concat(
      told.flatMap((ms) => [native, web].map((mine) => (ms === undefined ? '' : (ms / mine).toFixed(1)))),
    )
    .join(' | ')
}

/** Milliseconds a step, in a process of its own; undefined where it cannot do the step in time, which a note says. */
function peer(library: string, step: string): readonly number[] | undefined {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [SCRIPT, library, step, '1', values.threads],
    { cwd: folder, encoding: 'utf8', timeout: 1000 * Number(values.limit) },
  )
  if (status !== 0) {
    const reason = error ? `it had not ended after ${values.limit} s` : reasonIn(stderr)
    notes.add(`${library} does not do ${step}: ${reason}`)
    return undefined
  }
  const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    readonly backend: string
    readonly threads: number
    readonly milliseconds: readonly number[]
    readonly losses: readonly number[]
  }
  notes.add(
    `${library} ran with its backend ${told.backend} on ${told.threads === 1 ? 'one thread' : `${told.threads} threads`}.`,
  )
  const [first = 0, last = 0] = told.losses
  // A benchmark of wrong work is none.
  if (!(last < first)) throw new Error(`${library}, ${step}: the loss went from ${first} to ${last}.`)
  return told.milliseconds
}
