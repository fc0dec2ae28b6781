import { existsSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { demoBench } from '../../../test/demo-bench.ts'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { UsageError } from '../../errors.ts'
import type { BenchResult } from '../../measure/results.ts'
import { loadModelFile } from '../../onnx/files.ts'
import { machineFacts } from '../../train/folders/machine-node.ts'
import { loadRun, runInFolder } from '../../train/folders/run-files.ts'
import type { PreparedPlan } from '../../train/plan/prepare.ts'
import { readProtocol } from '../protocols/index-files.ts'
import { type BenchEvent, type BenchOutcome, benchmarkPlans, runGrid } from './benchmark.ts'
import { collectResults } from './collect-files.ts'
import { concurrently } from './concurrent.ts'

const { protocol } = await readProtocol('split-mnist@1')

const engine = ortNode({ threads: 1 })
const machine = machineFacts(engine)
const inputs = { data: [syntheticDigits({ train: 300, test: 100 })] }
const grid = {
  protocol,
  methods: ['none', 'ewc', 'joint'],
  scenarios: ['class'],
  seeds: [1],
  changed: {
    source: 'synthetic',
    limit: { train: 300, test: 100 },
    iterations: 12,
    batchSize: 16,
    hidden: [16],
    options: { lambda: 10 },
  },
} as const

async function ended(
  events: AsyncGenerator<BenchEvent, BenchOutcome>,
  each: (event: BenchEvent) => void = () => undefined,
): Promise<BenchOutcome> {
  for (;;) {
    const next = await events.next()
    if (next.done) return next.value
    each(next.value)
  }
}

/** What does not depend on the clock. */
const timeless = (bench: BenchResult) => bench.results.map(({ seconds: _, ...rest }) => rest)

test('a grid gives the same results however many runs go at a time', async () => {
  const alone = await ended(runGrid({ plans: benchmarkPlans(grid), inputs, engine, machine, jobs: 1 }))
  const together = await ended(runGrid({ plans: benchmarkPlans(grid), inputs, engine, machine, jobs: 3 }))
  expect(timeless(together.bench)).toEqual(timeless(alone.bench))
  expect(alone).toMatchObject({ failures: [], unfinished: 0 })
  const { bench } = alone
  expect(bench).toMatchObject({
    schema: 1,
    benchmark: 'split-mnist',
    dataset: { name: 'synthetic digits', synthetic: true },
    settings: { iterations: 12, methods: { 'ewc, class': { lambda: 10 }, 'none, class': {} } },
  })
  expect(bench.tasks).toHaveLength(5)
  expect(bench.results.map(({ method }) => method)).toEqual(['none', 'ewc', 'joint'])
  expect(bench.summary.map(({ seeds, sem }) => [seeds, sem])).toEqual([
    [1, null],
    [1, null],
    [1, null],
  ])
  const [none, ewc, joint] = bench.results
  expect(none?.importance).toBeUndefined()
  expect(typeof none?.intransigence).toBe('number')
  expect(joint?.intransigence ?? null).toBeNull()
  expect(ewc?.importance?.layers.map(({ name }) => name)).toEqual([
    'layers.0.weight',
    'layers.0.bias',
    'layers.2.weight',
    'layers.2.bias',
  ])
  const pixels = ewc?.importance?.pixels
  expect([pixels?.width, pixels?.height]).toEqual([28, 28])
  const total = pixels?.values.reduce((sum, value) => sum + value, 0) ?? 0
  expect(total / (ewc?.importance?.layers[0]?.mass ?? 0)).toBeCloseTo(1, 6)
})

test('a run that diverges is reported, and the others go on', async () => {
  const changed = { ...grid.changed, optimiser: 'sgd', learningRate: 1, options: { lambda: 1e12 } } as const
  const events = runGrid({
    plans: benchmarkPlans({ ...grid, methods: ['ewc', 'none'], changed }),
    inputs,
    engine,
    machine,
    jobs: 2,
  })
  const kinds: string[] = []
  const outcome = await ended(events, ({ type }) => kinds.push(type))
  expect(outcome.failures.map(({ plan, error }) => [plan.method.name, error.code])).toEqual([
    ['ewc', 'diverged'],
  ])
  expect(outcome.bench.results.map(({ method }) => method)).toEqual(['none'])
  expect(kinds).toContain('run-failed')
})

test('a grid that is stopped keeps what is finished and goes on where it stood', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-grid-'))
  const plans = benchmarkPlans({ ...grid, methods: ['none', 'ewc'] })
  const keep = (plan: (typeof plans)[number], prepare: () => PreparedPlan, signal: AbortSignal | undefined) =>
    runInFolder(
      { plan, inputs, dataSha256: 'same', modelFile: undefined, beside: new Map() },
      {
        engine,
        folder: join(folder, plan.method.name),
        verb: 'bench',
        signal,
        prepared: prepare(),
      },
    )
  const controller = new AbortController()
  const stopped = await ended(
    runGrid({ plans, inputs, engine, machine, run: keep, signal: controller.signal }),
    (event) => {
      if (event.run === 1 && event.type === 'run-event' && event.event.type === 'task-finished')
        controller.abort()
    },
  )
  expect(stopped.unfinished).toBe(1)
  expect(stopped.bench.results.map(({ method }) => method)).toEqual(['none'])
  expect(existsSync(join(folder, 'ewc', 'result.json'))).toBe(false)

  const all = await ended(runGrid({ plans, inputs, engine, machine, run: keep }))
  const straight = await ended(runGrid({ plans, inputs, engine, machine }))
  expect(timeless(all.bench)).toEqual(timeless(straight.bench))

  expect(JSON.parse(await readFile(join(folder, 'ewc', 'result.json'), 'utf8'))).toMatchObject({
    method: 'ewc',
  })
  expect(await readFile(join(folder, 'ewc', 'parameters.sha256'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
  expect((await loadModelFile(join(folder, 'ewc', 'model.onnx'))).bytes.length).toBeGreaterThan(1000)
  const [collected, ...more] = await collectResults([folder])
  expect(more).toEqual([])
  expect(collected?.results.map(({ method }) => method).sort()).toEqual(['ewc', 'none'])

  // The data of this run do not have the SHA-256 it was begun with.
  await expect(loadRun(join(folder, 'ewc'), () => engine)).rejects.toMatchObject({ code: 'run-data-changed' })
})

test('a run that is missing in several results is named once, and not where one has it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-missing-'))
  const bench = demoBench({ methods: ['none'], scenarios: ['class'], seeds: 1 })
  const missing = (method: string, why: string) => ({ method, scenario: 'class', seed: 1, why })
  const files = [join(folder, 'a.json'), join(folder, 'b.json')] as const
  const write = (file: string, found: object) => writeFile(file, JSON.stringify({ ...bench, ...found }))
  await write(files[0], { missing: [missing('ewc', 'not begun'), missing('si', 'not begun')] })
  await write(files[1], { results: [], missing: [missing('ewc', 'failed'), missing('none', 'not begun')] })
  const [collected] = await collectResults(files)
  expect(collected?.missing).toEqual([missing('ewc', 'failed'), missing('si', 'not begun')])
})

test('results that are none are refused by name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-results-'))
  await expect(collectResults([folder])).rejects.toMatchObject({ code: 'results-missing' })
  await expect(collectResults([join(folder, 'no.json')])).rejects.toThrow(/there is no such file or folder/)
  await writeFile(join(folder, 'other.json'), '{"schema":2}')
  await expect(collectResults([join(folder, 'other.json')])).rejects.toMatchObject({
    code: 'results-unreadable',
  })
  await writeFile(join(folder, 'broken.json'), '{')
  await expect(collectResults([join(folder, 'broken.json')])).rejects.toThrow(/is not JSON/)
  expect(await readFile(join(folder, 'other.json'), 'utf8')).toBe('{"schema":2}')
})

test('generators drawn from at once are at most so many, and an error ends them all', async () => {
  let open = 0
  let most = 0
  const make = (id: number) =>
    async function* () {
      most = Math.max(most, ++open)
      try {
        for (let step = 0; step < 3; step++) {
          await new Promise((done) => setImmediate(done))
          if (id === 9 && step === 1) throw new UsageError('nine', 'nine')
          yield id
        }
      } finally {
        open--
      }
    }
  const seen: number[] = []
  for await (const id of concurrently([1, 2, 3, 4].map(make), 2)) seen.push(id)
  expect(most).toBe(2)
  expect(seen.sort()).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
  const drain = async () => {
    for await (const id of concurrently([1, 9, 2].map(make), 3)) seen.push(id)
  }
  await expect(drain()).rejects.toMatchObject({ code: 'nine' })
  expect(open).toBe(0)
})
