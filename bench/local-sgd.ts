// One training by 1, 2 and 4 replicas in processes of this machine, and by a model what 2 to 64 machines would give. Tables in docs/many-machines.md.
// HOLDFAST_DATA=... node scripts/run.mjs bench/local-sgd.ts runs [mnist,cifar] [seeds, default 1]
// HOLDFAST_DATA=... node scripts/run.mjs bench/local-sgd.ts model [mnist,cifar]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ortNode } from '../src/engine/ort-node.ts'
import type { RunResult } from '../src/measure/results.ts'
import { median } from '../src/measure/statistics.ts'
import { required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { writeSafetensors } from '../src/tensor/safetensors.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { preparePlan } from '../src/train/plan/prepare.ts'
import { openReplica } from '../src/train/replicas/replica.ts'
import { openRun } from '../src/train/run/learn-run.ts'
import { stateAtStart } from '../src/train/run/task-models.ts'
import { buildCli } from '../test/cli.ts'
import { begin } from '../test/running.ts'
import { cpuSeconds } from './update-bench.ts'

const [way = 'runs', names = 'mnist,cifar', seeds = '1'] = process.argv.slice(2)
const data = resolve(process.env.HOLDFAST_DATA ?? '../shared/data')

const subjects = new Map<string, PlanInput>([
  [
    'mnist',
    {
      name: 'rotated MNIST',
      data: { source: join(data, 'mnist'), limit: { train: 6000, test: 1000 } },
      stream: { kind: 'rotated', angles: [0, 45, 90] },
      model: { kind: 'mlp', hidden: [256, 256] },
      method: { name: 'replay', options: { perClass: 20 } },
      ...{ epochs: 3, batchSize: 32, learningRate: 0.001, threads: 1 },
    },
  ],
  [
    'cifar',
    {
      name: 'CIFAR-10, 5,000 images, a CNN',
      data: { source: join(data, 'cifar10-subset') },
      stream: { kind: 'split', scenario: 'class', groups: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] },
      model: { kind: 'cnn', channels: [16, 32] },
      ...{ epochs: 2, batchSize: 32, learningRate: 0.002, threads: 1 },
    },
  ],
])

interface Way {
  readonly words: string
  readonly replicas?: NonNullable<PlanInput['replicas']>
}

/** All ways go through the same rows as often: so many replicas take a share of the steps. */
const ways: readonly Way[] = [
  { words: 'one machine' },
  { words: '2 replicas, mean', replicas: { count: 2, localSteps: 25 } },
  { words: '4 replicas, mean', replicas: { count: 4, localSteps: 25 } },
  { words: '4 replicas, mean, rarely', replicas: { count: 4, localSteps: 100 } },
  {
    words: '4 replicas, DiLoCo',
    replicas: { count: 4, localSteps: 25, outerRate: 0.7, outerMomentum: 0.9 },
  },
]

async function runs(subject: PlanInput): Promise<void> {
  const cli = await buildCli()
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-local-sgd-'))
  console.log(
    `\n${subject.name}\n\n| way | steps of each | accuracy, % | rounds | MB exchanged |\n|---|---|---|---|---|`,
  )
  for (const { words, replicas } of ways) {
    const results: RunResult[] = []
    let steps = 0
    for (const seed of seeds.split(',')) {
      const plan = { ...subject, ...(replicas && { replicas }) }
      steps = await stepsOf(plan)
      const file = join(folder, 'plan.yaml')
      // JSON is YAML.
      writeFileSync(file, JSON.stringify(plan))
      const out = join(folder, `${words}-${seed}`.replaceAll(/\W+/g, '-'))
      const asked = ['learn', file, '--seed', seed, '--out', out, '--json', '--quiet']
      const { code, stdout, stderr } = await begin(cli, asked, folder).ended
      if (code !== 0) throw new Error(stderr)
      results.push(JSON.parse(stdout).result)
    }
    const scores = results.map(({ averageAccuracy }) => (100 * averageAccuracy).toFixed(1)).join(', ')
    const { rounds, bytes } = results[0]?.rounds ?? { rounds: 0, bytes: 0 }
    console.log(`| ${words} | ${steps} | ${scores} | ${rounds} | ${(bytes / 1e6).toFixed(0)} |`)
  }
  rmSync(folder, { recursive: true })
  cli.remove()
}

async function stepsOf(input: PlanInput): Promise<number> {
  const plan = parsePlan(input)
  const { inputs } = await loadPlan(plan)
  const { iterations, stream } = preparePlan(plan, inputs)
  return iterations * stream.tasks.length
}

// What a round takes with N machines that share one store, all links of the rate R: N replicas each take K steps, and the slowest is
// waited for; the store sends the state of B bytes N times, takes N deliveries, sends them to whoever averages, and takes the mean.
const LINKS = [
  ['100 Mbit/s', 12.5e6],
  ['1 Gbit/s', 125e6],
  ['10 Gbit/s', 1250e6],
] as const
/** What a queue takes to give and to take the jobs of a round. */
const QUEUE_SECONDS = 0.05
/** Spread of machines' step times: the standard deviation of their logarithm. */
const SPREAD = 0.1

async function model(subject: PlanInput): Promise<void> {
  const plan = parsePlan(subject)
  const { inputs } = await loadPlan(plan)
  const engine = ortNode({ threads: 1 })
  const options = { ...preparePlan(plan, inputs), engine }
  const run = openRun(options, undefined)
  const tensors = stateAtStart(run.models(0), options.settings.optimiser, new Map(), new Map())
  const replica = openReplica(options, { replica: 0, of: 1 })
  const round = (updates: number) =>
    replica.deliver(
      {
        tensors,
        method: { tensors: new Map(), values: {} },
        place: { task: 0, from: 0, count: 10, updates },
      },
      { samplers: {}, method: '' },
    )
  await round(0)
  const times: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    const before = process.cpuUsage()
    await round(0)
    times.push(cpuSeconds(before) / 10)
  }
  await replica.dispose()
  const seconds = median(times)
  const bytes = writeSafetensors(new Map(tensors)).byteLength
  console.log(
    `\n${subject.name}: a step takes ${(1000 * seconds).toFixed(2)} ms of a processor, the state has ${(bytes / 1e6).toFixed(2)} MB\n`,
  )
  console.log(`| link | steps between | ${[2, 4, 8, 16, 32, 64].join(' | ')} |\n|---|---|${'---|'.repeat(6)}`)
  for (const [link, rate] of LINKS) {
    for (const steps of [50, 200, 1000]) {
      const gains = [2, 4, 8, 16, 32, 64].map((machines) =>
        gain({ machines, steps, seconds, bytes, rate }).toFixed(1),
      )
      console.log(`| ${link} | ${steps} | ${gains.join(' | ')} |`)
    }
  }
}

/** Rows a second beside those of one machine, the mean over simulated rounds. */
function gain(of: {
  readonly machines: number
  readonly steps: number
  readonly seconds: number
  readonly bytes: number
  readonly rate: number
}): number {
  const { machines, steps, seconds, bytes, rate } = of
  const random = randomStream(1, `machines/${machines}`)
  const exchanged = ((3 * machines + 2) * bytes) / rate + QUEUE_SECONDS
  let all = 0
  const turns = 500
  for (let turn = 0; turn < turns; turn++) {
    const factors = Array.from({ length: machines }, () => Math.exp(SPREAD * random.normal()))
    all += steps * seconds * Math.max(...factors) + exchanged
  }
  return (machines * steps * seconds) / (all / turns)
}

const doer = { runs, model }[way]
if (!doer) throw new Error(`There is no way "${way}"; known are runs and model.`)
for (const name of names.split(',')) await doer(required(subjects, name, 'subject'))
