// LoRA steps of decoders with the shapes of real language models, against PyTorch, one thread, one row of 128 tokens.
//   /usr/bin/python3 bench/reference/llm-shapes.py --export FOLDER --shape smollm-135m
//   node scripts/run.mjs bench/llm-steps.ts --model FOLDER --shape smollm-135m [--rounds 5] [--steps 3] [--no-peer] [--recompute]
//   node scripts/run.mjs bench/llm-steps.ts --model FOLDER --child [--rows 1] [--tokens 128]   one process, its stages and peak
// Rounds alternate, medians are printed; CPU seconds are those of the whole process. The peak is that of a process of its own:
// it reads the model, builds the step and does five.
import { spawn, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { packDocuments } from '../src/data/documents/index.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { emptyState, type TaskContext } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import { withLora } from '../src/model/adapters/index.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { withTokenClasses } from '../src/model/language.ts'
import { randomStream } from '../src/tensor/random.ts'
import { inspectFile } from '../src/train/inspect/inspect-files.ts'
import { openTask, stateAtStart } from '../src/train/run/index.ts'
import { adam } from '../src/train/step/index.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    shape: { type: 'string', default: 'smollm-135m' },
    python: { type: 'string', default: '/usr/bin/python3' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '3' },
    rows: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '128' },
    child: { type: 'boolean' },
    serve: { type: 'boolean' },
    'no-peer': { type: 'boolean' },
    recompute: { type: 'boolean' },
  },
})

interface Timed {
  readonly seconds: number
  readonly cpu: number
}

if (values.child || values.serve) await child()
else await compare()

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}

/** Reads, builds, and steps: five, or as many as it is told. */
async function child(): Promise<void> {
  const stages: Record<string, number> = {}
  let began = performance.now()
  const stage = (name: string): void => {
    stages[`${name}Seconds`] = Number(((performance.now() - began) / 1000).toFixed(2))
    stages[`${name}MiB`] = mib(process.memoryUsage().rss)
    began = performance.now()
  }
  const [rows, tokens] = [Number(values.rows), Number(values.tokens)]
  const { model: read } = await loadModel(values.model)
  stage('read')
  const random = randomStream(1, 'tokens')
  const last = read.graph.outputs[0]?.dims?.at(-1)
  const vocabulary = Number(last)
  const documents = Array.from({ length: 16 * rows }, (_, row) => ({
    place: `row ${row}`,
    ids: Int32Array.from({ length: tokens + 1 }, () => random.integer(vocabulary)),
    bytes: tokens,
  }))
  const { dataset: train } = packDocuments(documents, {
    name: 'random tokens',
    length: tokens,
    vocabulary,
    tokenizer: { filler: 0, eos: undefined, frame: { before: [], after: [] } },
  })
  const model = withTokenClasses(read)
  const lora = withLora(model, { rank: 8 })
  stage('task')
  const units = [Array.from({ length: vocabulary }, (_, unit) => unit)]
  const task: TaskContext = {
    ...{ scenario: 'domain', index: 0, outputs: vocabulary, units, active: undefined },
    ...{ train, batchSize: rows },
    seen: () => ({ dataset: train, tasks: new Int32Array(16 * rows) }),
  }
  const settings = { optimiser: adam(), recompute: values.recompute }
  const run = await openTask(
    {
      ...{ engine: ortNode({ threads: 1 }), model: lora.model, method: none(), settings },
      ...{ iterations: 1000, learningRate: 1e-4, seed: 0 },
    },
    task,
    {
      updates: 0,
      tensors: stateAtStart(lora.model, settings.optimiser, new Map(), new Map()),
      method: emptyState,
      samplers: {},
    },
  )
  stage('build')
  let step = 0
  const steps = async (count: number): Promise<Timed> => {
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    for (let at = 0; at < count; at++) await run.steps(step++, 1)
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 }
  }
  if (values.serve) {
    await steps(1)
    for await (const line of createInterface({ input: process.stdin })) {
      const [verb, , count] = line.split(' ')
      if (verb !== 'run') break
      console.log(JSON.stringify({ ...(await steps(Number(count))), steps: Number(count) }))
    }
  } else {
    const { seconds, cpu } = await steps(5)
    stage('steps')
    const peak = mib(process.resourceUsage().maxRSS * 1024)
    console.log(JSON.stringify({ ...stages, secondsAStep: seconds / 5, cpuAStep: cpu / 5, peakMiB: peak }))
  }
  await run.dispose()
}

async function compare(): Promise<void> {
  const [, script = ''] = process.argv
  const own = [
    '--enable-source-maps',
    script,
    '--model',
    values.model,
    ...(values.recompute ? ['--recompute'] : []),
  ]
  const peerScript = 'bench/reference/llm-shapes.py'
  console.log(
    `${cpus()[0]?.model ?? 'processor unknown'}; ${values.shape}, LoRA of rank 8, 1 x 128 tokens, one thread`,
  )
  const counted = await inspectFile(values.model, { batch: 1, loraRank: 8, recompute: values.recompute })
  const announced = mib(counted.step?.bytes ?? 0)
  const ours = JSON.parse(output(process.execPath, [...own, '--child'])) as Record<string, number>
  console.log(
    `Holdfast: read ${ours.readSeconds} s, built in ${ours.buildSeconds} s, peak ${ours.peakMiB} MiB (inspect says ${announced})`,
  )
  if (values['no-peer']) return
  const theirs = JSON.parse(output(values.python, [peerScript, '--memory', values.shape])) as Record<
    string,
    number
  >
  console.log(
    `PyTorch: peak ${theirs.peakMiB} MiB; ratio ${((ours.peakMiB ?? 0) / (theirs.peakMiB ?? 1)).toFixed(2)}`,
  )
  const sides = {
    Holdfast: served(process.execPath, [...own, '--serve']),
    PyTorch: served(values.python, [peerScript, values.shape]),
  }
  const found: Record<keyof typeof sides, Timed[]> = { Holdfast: [], PyTorch: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of ['Holdfast', 'PyTorch'] as const) {
      const { seconds, cpu, steps } = await sides[name].run(Number(values.steps))
      found[name].push({ seconds: seconds / steps, cpu: cpu / steps })
    }
  }
  for (const side of Object.values(sides)) side.close()
  const middle = (name: keyof typeof sides, of: keyof Timed): number =>
    median(found[name].map((each) => each[of]))
  for (const name of ['Holdfast', 'PyTorch'] as const) {
    const cpu = middle(name, 'cpu')
    console.log(
      `${name}: ${cpu.toFixed(3)} CPU seconds a step (wall ${middle(name, 'seconds').toFixed(3)}), ${(128 / cpu).toFixed(0)} tokens a CPU second`,
    )
  }
  console.log(`ratio of CPU seconds ${(middle('Holdfast', 'cpu') / middle('PyTorch', 'cpu')).toFixed(2)}`)
}

function output(command: string, given: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, given, { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return stdout
}

interface Side {
  run(steps: number): Promise<Timed & { readonly steps: number }>
  close(): void
}

/** A process that does steps when it is told to. */
function served(command: string, given: readonly string[]): Side {
  const process_ = spawn(command, given, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]()
  return {
    run: async (steps) => {
      process_.stdin.write(`run step ${steps}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command} ended before it answered.`)
      return JSON.parse(value) as Timed & { readonly steps: number }
    },
    close: () => process_.stdin.end('quit\n'),
  }
}
