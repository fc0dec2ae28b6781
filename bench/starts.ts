// What is spent before anything is computed: starts of the built command line beside Node's own, a whole `update` of a tiny MLP from command to
// file, and what the step of a second trial costs to build and open beside the first's. One thread.
//   npm run build && node scripts/run.mjs bench/starts.ts [--rounds 7] [--steps mlp-400,cnn-small,transformer] [--json]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { median } from '../src/measure/statistics.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from '../test/blobs.ts'
import { prepareStep, rowsAsInTorch } from './bench-steps.ts'
import { timedCommand, verdicts } from './command.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    steps: { type: 'string', default: 'mlp-400,cnn-small,transformer' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const main = resolve('dist/bin/holdfast.js')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-starts-'))
try {
  const update = await tinyUpdate()
  const commands = {
    'node -e 0': ['-e', '0'],
    ...Object.fromEntries(
      [['--help'], ['gate', '--help'], ['update', '--help']].map((words) => [
        `holdfast ${words.join(' ')}`,
        [main, ...words],
      ]),
    ),
    'holdfast update, a tiny MLP': [main, ...update],
  }
  const starts = startsOf(commands)
  const trials = []
  for (const name of values.steps.split(',')) trials.push(await trialsOf(name))
  if (values.json) console.log(JSON.stringify({ starts, trials }))
  else tell(starts, trials)
} finally {
  rmSync(folder, { recursive: true })
}

/** Writes a model of four classes, what it knows, and a class to learn; the words of the command that updates it. */
async function tinyUpdate(): Promise<readonly string[]> {
  const known = blobNames.slice(0, 4)
  const fresh = blobNames.slice(4, 5)
  writeFileSync(join(folder, 'model.onnx'), modelToOnnx(await blobModel(ortNode({ threads: 1 }), known)))
  const write = (part: string, classes: readonly string[], perClass: number, seed: number) => {
    mkdirSync(join(folder, part), { recursive: true })
    writeFileSync(join(folder, part, 'train.csv'), blobCsv(blobs({ classes, perClass, seed })))
    writeFileSync(join(folder, part, 'test.csv'), blobCsv(blobs({ classes, perClass, seed: seed + 1 })))
  }
  write('old', known, 150, 21)
  write('new', fresh, 80, 23)
  const data = ['--new', join(folder, 'new'), '--old', join(folder, 'old')]
  const settings = ['--max-drop', '3%', '--seed', '3', '--threads', '1']
  return ['update', join(folder, 'model.onnx'), ...data, ...settings, '-o', join(folder, 'better.onnx')]
}

interface Start {
  readonly command: string
  /** Medians, in milliseconds. */
  readonly wall: number
  readonly processor: number
}

/** All commands by turns, so that what else the machine does meets them alike. */
function startsOf(commands: Readonly<Record<string, readonly string[]>>): Start[] {
  const times = new Map(
    Object.keys(commands).map((name) => [name, { wall: [] as number[], cpu: [] as number[] }]),
  )
  for (let round = 0; round < rounds; round++) {
    for (const [name, words] of Object.entries(commands)) {
      const { code, wallSeconds, cpuSeconds, stderr } = timedCommand(words)
      if (!verdicts.includes(code ?? -1)) throw new Error(`${name} ended with ${code}:\n${stderr}`)
      times.get(name)?.wall.push(1000 * wallSeconds)
      times.get(name)?.cpu.push(1000 * cpuSeconds)
    }
  }
  return [...times].map(([command, { wall, cpu }]) => ({
    command,
    wall: median(wall),
    processor: median(cpu),
  }))
}

interface Built {
  readonly buildMs: number
  readonly openMs: number
}

/**
 * The first trial's step in an engine of its own, and a second one's of the same bytes, whose session is kept; medians. The first
 * build of a process, whose code is not compiled yet, is told apart.
 */
async function trialsOf(name: string) {
  const built: (readonly [Built, Built])[] = []
  for (let round = 0; round <= rounds; round++) {
    const engine = ortNode({ threads: 1 })
    built.push([await opened(name, engine), await opened(name, engine)])
  }
  const [cold, ...warm] = built
  const middle = (at: 0 | 1, of: keyof Built) => median(warm.map((pair) => pair[at][of]))
  return {
    name,
    ...{ coldBuildMs: cold?.[0].buildMs ?? 0, coldOpenMs: cold?.[0].openMs ?? 0 },
    ...{ firstBuildMs: middle(0, 'buildMs'), firstOpenMs: middle(0, 'openMs') },
    ...{ secondBuildMs: middle(1, 'buildMs'), secondOpenMs: middle(1, 'openMs') },
  }
}

async function opened(name: string, engine: ReturnType<typeof ortNode>): Promise<Built> {
  const step = await prepareStep(name, engine.options, rowsAsInTorch(name))
  const began = performance.now()
  const program = await loadProgram(engine, step.model, step.slots, step.initial)
  const openMs = performance.now() - began
  await program.dispose()
  return { buildMs: step.buildMs, openMs }
}

function tell(starts: readonly Start[], trials: readonly Awaited<ReturnType<typeof trialsOf>>[]): void {
  console.log(`\n| command | wall, ms | processor, ms |\n|---|---:|---:|`)
  for (const { command, wall, processor } of starts)
    console.log(`| \`${command}\` | ${wall.toFixed(0)} | ${processor.toFixed(0)} |`)
  const columns = [
    'first of the process: build',
    'open',
    'first trial: build',
    'open',
    'second: build',
    'open',
  ]
  console.log(`\n| step, ms | ${columns.join(' | ')} |\n|---|${'---:|'.repeat(columns.length)}`)
  for (const { name, ...times } of trials)
    console.log(
      `| \`${name}\` | ${Object.values(times)
        .map((ms) => ms.toFixed(0))
        .join(' | ')} |`,
    )
}
