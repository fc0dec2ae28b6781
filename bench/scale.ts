// Throughput of one machine by threads, batch, parameters and rows, each case in a process of its own; and where the time goes.
//   node scripts/run.mjs bench/scale.ts [--only size,batch,rows] [--sizes 1e4,1e6] [--rows 1e3,1e5] [--price 0.05]
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { type Dataset, samples } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { openSpill } from '../src/data/spill-files.ts'
import type { Engine, EngineOptions } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { profileSessions, type RuntimeEvent } from '../src/engine/runtime-profile-node.ts'
import { median } from '../src/measure/statistics.ts'
import { mlp } from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { sizeOf } from '../src/tensor/tensor.ts'
import type { TaskRun } from '../src/train/run/index.ts'
import { sgd } from '../src/train/step/index.ts'
import { drawnRows, openTimed } from '../src/train/timing/drawn-task.ts'

const FEATURES = 256
const CLASSES = 10
const SECONDS_A_CASE = 4

interface StepCase {
  readonly kind: 'step'
  readonly parameters: number
  readonly batch: number
  readonly threads: readonly number[]
}
interface RowsCase {
  readonly kind: 'rows'
  readonly rows: number
}
type Case = StepCase | RowsCase

interface Timed {
  readonly threads: number
  /** Of the wall and of the processor, a step. */
  readonly milliseconds: number
  readonly cpu: number
}
interface StepResult {
  readonly parameters: number
  readonly batch: number
  readonly openSeconds: number
  readonly timed: readonly Timed[]
  /** Of the ops' time with one thread, in per cent. */
  readonly shares: { readonly products: number; readonly update: number; readonly other: number }
  readonly peakBytes: number
}
interface RowsResult {
  readonly rows: number
  readonly fileBytes: number
  readonly readSeconds: number
  readonly readCpu: number
  readonly onDisk: number
  readonly step: Timed
  readonly peakBytes: number
}

const { values } = parseArgs({
  options: {
    child: { type: 'string' },
    only: { type: 'string', default: 'size,batch,rows' },
    sizes: { type: 'string', default: '1e4,1e5,1e6,1e7,1e8,5e8' },
    batches: { type: 'string', default: '8,64,512,4096' },
    rows: { type: 'string', default: '1e3,1e4,1e5,1e6,1e7' },
    price: { type: 'string', default: '0.05' },
  },
})
/** Layers of about so many parameters; from 1e7 on four of the same width, so that none is larger than 2 GiB. */
function modelOf(parameters: number): Model {
  const inner = parameters < 1e7 ? 1 : 4
  const b = FEATURES + CLASSES
  const width = Math.round((-b + Math.sqrt(b * b + 4 * inner * parameters)) / (2 * inner))
  return mlp({ widths: [FEATURES, ...new Array<number>(inner + 1).fill(width), CLASSES] })
}

const openRun = (engine: Engine, model: Model, train: Dataset, batchSize: number): Promise<TaskRun> =>
  openTimed(engine, { model, train, batchSize, optimiser: sgd() })

/** One call, a step of it. */
async function call(run: TaskRun, from: number, count: number): Promise<Omit<Timed, 'threads'>> {
  const [began, used] = [performance.now(), process.cpuUsage()]
  await run.steps(from, count)
  const { user, system } = process.cpuUsage(used)
  return { milliseconds: (performance.now() - began) / count, cpu: (user + system) / 1000 / count }
}

/** Calls of a run, the first left out; medians. */
async function inCalls(run: TaskRun, seconds: number): Promise<Omit<Timed, 'threads'>> {
  const times: Omit<Timed, 'threads'>[] = []
  const first = await call(run, 0, 1)
  const count = Math.max(1, Math.min(200, Math.floor(100 / first.milliseconds)))
  const began = performance.now()
  for (let at = 1; at < 400; at += count) {
    times.push(await call(run, at, count))
    if (performance.now() - began > 1000 * seconds) break
  }
  return {
    milliseconds: median(times.map(({ milliseconds }) => milliseconds)),
    cpu: median(times.map(({ cpu }) => cpu)),
  }
}

async function stepCase({ parameters, batch, threads }: StepCase): Promise<StepResult> {
  const model = modelOf(parameters)
  const train = drawnRows(Math.max(512, batch), FEATURES)
  const began = performance.now()
  const open = (options: EngineOptions) => openRun(ortNode(options), model, train, batch)
  const timed: Timed[] = []
  let openSeconds = 0
  // One after the other: threads of a session that waits still spin for a while, and their time would be counted.
  for (const each of threads) {
    const run = await open({ threads: each })
    openSeconds ||= (performance.now() - began) / 1000
    timed.push({ threads: each, ...(await inCalls(run, SECONDS_A_CASE)) })
    await run.dispose()
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const count = [...model.parameters.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0)
  return { parameters: count, batch, openSeconds, timed, shares: await sharesOf(open), peakBytes }
}

/** What of a step's time its ops take, by the runtime's profile of a few steps on one thread. */
async function sharesOf(open: (options: EngineOptions) => Promise<TaskRun>): Promise<StepResult['shares']> {
  const folder = mkdtempSync(join(tmpdir(), 'scale-'))
  const events: RuntimeEvent[] = []
  const { collect, end } = profileSessions(folder, 'scale', (profile) => events.push(...profile.events))
  const run = await open({ threads: 1 })
  await run.steps(0, 1)
  await run.steps(1, 2)
  collect()
  end()
  await run.dispose()
  rmSync(folder, { recursive: true })
  const ops = events.filter(({ name, details }) => details.node !== undefined && name !== 'Scan')
  const sum = (chosen: (name: string) => boolean) =>
    ops.filter(({ name }) => chosen(name)).reduce((total, { milliseconds }) => total + milliseconds, 0)
  const all = sum(() => true)
  const products = sum((name) => /MatMul|Gemm/.test(name))
  const update = sum((name) => /^(Mul|Sub|Add)$/.test(name))
  const percent = (part: number) => (100 * part) / all
  return { products: percent(products), update: percent(update), other: percent(all - products - update) }
}

/** Rows of four short numbers and a class, as a table of text. */
async function writeRows(path: string, rows: number): Promise<void> {
  const random = randomStream(1, 'rows')
  const file = createWriteStream(path)
  file.write('a,b,c,d,label\n')
  const number = () => (random.integer(100) / 100).toFixed(2)
  for (let from = 0; from < rows; from += 10_000) {
    const lines = Array.from(
      { length: Math.min(10_000, rows - from) },
      () => `${number()},${number()},${number()},${number()},${random.integer(CLASSES)}\n`,
    )
    if (!file.write(lines.join(''))) await once(file, 'drain')
  }
  file.end()
  await finished(file)
}

/** Rows of more than 64 MiB lie on disk: of four floats, from some four million on. */
const IN_MEMORY = 2 ** 26

async function rowsCase({ rows }: RowsCase): Promise<RowsResult> {
  const folder = mkdtempSync(join(tmpdir(), 'scale-rows-'))
  const path = join(folder, 'rows.csv')
  const spill = openSpill(IN_MEMORY)
  try {
    await writeRows(path, rows)
    const [began, used] = [performance.now(), process.cpuUsage()]
    const { train } = await readDataset(path, { spill })
    const { user, system } = process.cpuUsage(used)
    const readSeconds = (performance.now() - began) / 1000
    const model = mlp({ widths: [4, 64, 64, CLASSES] })
    const run = await openRun(ortNode({ threads: 1 }), model, train, 64)
    const step = await inCalls(run, 2)
    await run.dispose()
    return {
      ...{ rows: samples(train), fileBytes: statSync(path).size, readSeconds },
      ...{ readCpu: (user + system) / 1e6, onDisk: spill.spilled(), step: { threads: 1, ...step } },
      peakBytes: process.resourceUsage().maxRSS * 1024,
    }
  } finally {
    spill.close()
    rmSync(folder, { recursive: true })
  }
}

function inProcess<Result>(asked: Case): Result {
  const [, script = ''] = process.argv
  const words = [
    '--enable-source-maps',
    '--max-old-space-size=8192',
    script,
    '--child',
    JSON.stringify(asked),
  ]
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  if (stdout === '') throw new Error(`${JSON.stringify(asked)}: ${stderr}`)
  return JSON.parse(stdout) as Result
}

function report(): void {
  const numbers = (text: string) => text.split(',').map(Number)
  const only = new Set(values.only.split(','))
  const load = (loadavg()[0] ?? 0).toFixed(0)
  console.log(`${cpus()[0]?.model}, ${cpus().length} processors, load ${load} before it began\n`)
  if (only.has('size')) {
    const found = numbers(values.sizes).map((parameters) =>
      inProcess<StepResult>({ kind: 'step', parameters, batch: 64, threads: [1, 2] }),
    )
    console.log(stepTable(found))
    console.log(`${weekOf(found.at(-1), Number(values.price))}\n`)
  }
  if (only.has('batch')) {
    const found = numbers(values.batches).map((batch) =>
      inProcess<StepResult>({ kind: 'step', parameters: 1e6, batch, threads: [1, 2] }),
    )
    console.log(stepTable(found))
  }
  if (only.has('rows')) {
    console.log(rowsTable(numbers(values.rows).map((rows) => inProcess<RowsResult>({ kind: 'rows', rows }))))
  }
}

const round = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en-US')
const mib = (value: number): string => round(value / 2 ** 20)
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---:'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
    .concat('\n')

function stepTable(results: readonly StepResult[]): string {
  return table(
    [
      ...['parameters', 'batch', 'CPU ms', 'rows a CPU second', 'GFLOP/s', 'ms, 1 thread', 'ms, 2 threads'],
      ...['products', 'update', 'else', 'opening, s', 'peak MiB'],
    ],
    results.map(({ parameters, batch, timed, shares, openSeconds, peakBytes }) => {
      const [one, two] = [
        timed.find(({ threads }) => threads === 1),
        timed.find(({ threads }) => threads === 2),
      ]
      const cpu = one?.cpu ?? Number.NaN
      // Two operations a parameter and row forward, twice that back; what the input's gradient would take is not done.
      const flops = 6 * parameters * batch
      return [
        ...[parameters.toLocaleString('en-US'), String(batch), round(cpu), round((1000 * batch) / cpu)],
        ...[
          round(flops / cpu / 1e6),
          round(one?.milliseconds ?? Number.NaN),
          round(two?.milliseconds ?? Number.NaN),
        ],
        ...[shares.products, shares.update, shares.other].map((share) => `${Math.round(share)} %`),
        ...[round(openSeconds), mib(peakBytes)],
      ]
    }),
  )
}

function weekOf(largest: StepResult | undefined, price: number): string {
  const cpu = largest?.timed.find(({ threads }) => threads === 1)?.cpu ?? Number.NaN
  const hours = 7 * 24
  const steps = (hours * 3600 * 1000) / cpu
  const rows = steps * (largest?.batch ?? 0)
  return `A week of one core on the largest: ${hours} CPU hours, ${round(hours * price)} dollars at ${price} a CPU hour (an assumption), ${round(steps)} steps, ${round(rows)} rows.`
}

const rowsTable = (results: readonly RowsResult[]): string =>
  table(
    [
      'rows',
      'file, MiB',
      'read, s',
      'CPU s',
      'MiB a CPU second',
      'on disk, MiB',
      'CPU ms a step',
      'peak MiB',
    ],
    results.map(({ rows, fileBytes, readSeconds, readCpu, onDisk, step, peakBytes }) => [
      ...[rows.toLocaleString('en-US'), mib(fileBytes), round(readSeconds), round(readCpu)],
      ...[mib(fileBytes / readCpu), mib(onDisk), round(step.cpu), mib(peakBytes)],
    ]),
  )

if (values.child === undefined) report()
else {
  const asked = JSON.parse(values.child) as Case
  console.log(JSON.stringify(asked.kind === 'step' ? await stepCase(asked) : await rowsCase(asked)))
}
