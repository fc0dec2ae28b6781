import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundled } from '../../../test/bundled.ts'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { machineFacts } from '../../train/folders/machine-node.ts'
import { type BenchEvent, benchmarkPlans, runGrid } from '../grid/benchmark.ts'
import { readProtocol } from '../protocols/index-files.ts'
import { openWorkers, type Workers } from './workers-node.ts'

const { protocol } = await readProtocol('split-mnist@1')
const engine = ortNode({ threads: 1 })

// Workers that serve as the command line's do, and that die of the plans of some seeds.
const mortal = `
import { parentPort } from 'node:worker_threads'
import { serveWorker } from './src/study/workers/serve-node.ts'
const port = parentPort ?? process
port.on('message', ({ plan }) => {
  if (plan?.seed === 2) process.exit(7)
  if (plan?.seed === 3) throw new Error('out of luck')
})
serveWorker()
`

let entry: Awaited<ReturnType<typeof bundled>>
beforeAll(async () => {
  entry = await bundled('mortal-worker', mortal)
})
afterAll(() => entry.remove())

const seeds = [1, 2, 3, 4, 5]
const plans = benchmarkPlans({
  protocol,
  methods: ['none'],
  scenarios: ['class'],
  seeds,
  changed: {
    source: 'synthetic',
    limit: { train: 60, test: 20 },
    iterations: 4,
    batchSize: 8,
    hidden: [4],
  },
})

async function run(workers: Workers, jobs: number, given = plans) {
  const events: BenchEvent[] = []
  const grid = runGrid({
    plans: given,
    inputs: { data: [syntheticDigits({ train: 60, test: 20 })] },
    engine,
    machine: machineFacts(engine),
    jobs,
    run: workers.run(undefined),
  })
  for (;;) {
    const next = await grid.next()
    if (next.done) return { events, outcome: next.value }
    events.push(next.value)
  }
}

describe('a worker that dies', () => {
  test.each([
    ['thread', 'out of luck'],
    // Its last words are on stderr.
    ['process', 'exit code 1'],
  ] as const)('as a %s ends its own run with an error that says how', async (kind, how) => {
    const workers = openWorkers(pathToFileURL(entry.file).href, { threads: 1 }, kind)
    const { events, outcome } = await run(workers, 2)
    await workers.close()
    expect(outcome.unfinished).toBe(0)
    expect(outcome.bench.results.map(({ seed }) => seed)).toEqual([1, 4, 5])
    const told = new Map(outcome.failures.map(({ plan, error }) => [plan.seed, error]))
    expect([...told.keys()].sort()).toEqual([2, 3])
    expect(told.get(2)).toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining('exit code 7'),
    })
    expect(told.get(3)).toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining(how),
    })
    const failed = events.flatMap((event) => (event.type === 'run-failed' ? [event.plan.seed] : []))
    expect(failed.sort()).toEqual([2, 3])
  })

  test('is told of where its program cannot even be loaded', async () => {
    const workers = openWorkers(new URL('./no-such-program.mjs', import.meta.url).href, { threads: 1 })
    const { outcome } = await run(workers, 2, plans.slice(0, 2))
    await workers.close()
    expect(outcome.failures.map(({ error }) => [error.code, error.message])).toEqual(
      Array(2).fill(['worker-died', expect.stringContaining('no-such-program.mjs')]),
    )
  })
})
