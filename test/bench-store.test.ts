import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BenchResult } from '../src/measure/results.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
})
afterAll(() => cli.remove())

const run = (line: string, cwd = folder) => cli.run(line.split(' ').filter(Boolean), { cwd })
const tiny =
  'bench split-mnist --scenario class --data synthetic --limit 60,20 --hidden 4 --batch 8 --iterations 4'

/** What does not depend on the clock. */
const timeless = ({ benchmark, dataset, tasks, settings, results, summary }: BenchResult) => ({
  ...{ benchmark, dataset, tasks, settings, summary },
  results: results.map(({ seconds: _, ...rest }) => rest),
})
const parsed = (text: string) => JSON.parse(text)
const kept = (stderr: string) => stderr.split('\n').filter((line) => / kept \(/.test(line)).length
const runsIn = (store: string) =>
  readdirSync(join(folder, store)).filter((name) => name.startsWith('split-mnist-'))

describe('runs kept by content', () => {
  test('one more seed runs one seed, in another order and from another folder', async () => {
    const first = await run(`${tiny} --method none,joint --seeds 1..2 --store runs/store --jobs 1 --json`)
    expect([first.code, kept(first.stderr), runsIn('runs/store').length]).toEqual([0, 0, 4])
    const elsewhere = mkdtempSync(join(tmpdir(), 'holdfast-elsewhere-'))
    const more = await run(
      `${tiny} --method joint,none --seeds 3,2,1 --store ${join(folder, 'runs/store')} --jobs 1 --json`,
      elsewhere,
    )
    expect([more.code, kept(more.stderr), runsIn('runs/store').length]).toEqual([0, 4, 6])
    const [few, many] = [parsed(first.stdout), parsed(more.stdout)]
    for (const result of few.results) expect(many.results).toContainEqual(result)
    expect(many.results).toHaveLength(6)
  })

  test('what is not told where to be kept is kept in runs/store, whatever is asked beside it', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'holdfast-cwd-'))
    const one = await run(`${tiny} --method none`, cwd)
    expect(one.stdout).toContain(`Runs: ${join('runs', 'store')}`)
    // On one thread each, so that the number of runs or of cores changes no run.
    const two = await run(`${tiny} --method none,replay --jobs 2`, cwd)
    expect([two.code, kept(two.stderr)]).toEqual([0, 1])
  })

  test('other settings, other data and another number of threads are other runs', async () => {
    const line = `${tiny} --method none --store others --jobs 1`
    const fewer = line.replace('60,20', '60,10')
    for (const change of [
      line,
      fewer,
      ...['--lr 0.01', '--threads 2', '--seed 4'].map((flag) => `${line} ${flag}`),
    ]) {
      const ended = await run(change)
      expect([change, ended.code, kept(ended.stderr)]).toEqual([change, 0, 0])
    }
    expect(runsIn('others')).toHaveLength(5)
  })

  test('whoever adds --checkpoint-every goes on with the same runs, whose bits are the same', async () => {
    const line = `${tiny} --method none --jobs 1`
    await run(`${line} --store often`)
    const again = await run(`${line} --store often --checkpoint-every 2`)
    expect([again.code, kept(again.stderr), runsIn('often').length]).toEqual([0, 1, 1])
    await run(`${line} --store seldom --checkpoint-every 3`)
    const [one, other] = ['often', 'seldom'].map((store) =>
      readFileSync(join(folder, store, runsIn(store)[0] ?? '', 'parameters.sha256'), 'utf8'),
    )
    expect(other).toBe(one)
  })

  test('runs of another version are not taken', async () => {
    const line = `${tiny} --method none --store versions --jobs 1`
    await run(line)
    const [name = ''] = runsIn('versions')
    const file = join(folder, 'versions', name, 'config.json')
    const config = parsed(readFileSync(file, 'utf8'))
    expect(config.versions.code).toMatch(/^[0-9a-f]{16}$/)
    writeFileSync(file, JSON.stringify({ ...config, versions: { ...config.versions, code: 'older' } }))
    const ended = await run(line)
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('other versions than its name')])
  })

  test('a damaged result is named, and not taken for one', async () => {
    const line = `${tiny} --method none --store damaged --jobs 1`
    await run(line)
    const file = join(folder, 'damaged', runsIn('damaged')[0] ?? '', 'result.json')
    writeFileSync(file, '{"method":')
    expect((await run(line)).stderr).toContain(`${join('damaged', runsIn('damaged')[0] ?? '')}`)
    expect((await run('collect damaged')).stderr).toContain('result.json is damaged')
  })
})

describe('runs in parts', () => {
  const grid = `${tiny} --method none,replay,joint --seeds 1..2 --jobs 1`

  test('come to the same as in one process, and what is missing meanwhile is named', async () => {
    const whole = await run(`${grid} --store whole --json`)
    const shards = [1, 2, 3, 4].map((part) => `${grid} --store parts --shard ${part}/4 --json`)
    for (const line of shards.slice(0, 3)) expect((await run(line)).code).toBe(0)
    const part = await run('collect parts')
    expect(part.code).toBe(1)
    expect(part.stdout).toMatch(/1 run of 6 missing:\n {2}\w+, class, seed \d: not begun/)

    const last = await run(shards[3] ?? '')
    expect(parsed(last.stdout)).toMatchObject({ shard: '4/4' })
    expect(existsSync(join(folder, 'parts', 'bench.json'))).toBe(false)
    const all = await run('collect parts --json --out all.json --report all.html')
    expect(all.code).toBe(0)
    const [bench] = parsed(all.stdout).benchmarks
    expect(timeless(bench)).toEqual(timeless(parsed(whole.stdout)))
    // Beside the figures the files are the same, too: what trained is.
    for (const name of runsIn('whole')) {
      const digest = (store: string) => readFileSync(join(folder, store, name, 'parameters.sha256'), 'utf8')
      expect(digest('parts')).toBe(digest('whole'))
    }
    expect(timeless(parsed(readFileSync(join(folder, 'all.json'), 'utf8')))).toEqual(timeless(bench))
    expect(readFileSync(join(folder, 'all.html'), 'utf8')).toContain('<!doctype html>')
    const reported = await run('report parts --json')
    expect(timeless(parsed(reported.stdout).benchmarks[0])).toEqual(timeless(bench))
  })

  test('of which some fail are collected with what failed', async () => {
    const failing = `${tiny} --method none,ewc --optimiser sgd --lr 1 --lambda 1e12 --store failing --jobs 1`
    expect((await run(failing)).code).toBe(1)
    const { code, stdout } = await run('collect failing')
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/ewc, class, seed 1: failed\. Training diverged/),
    ])
    expect(parsed((await run('collect failing --json')).stdout).benchmarks[0].failures).toMatchObject([
      { method: 'ewc', seed: 1, error: { code: 'diverged' } },
    ])
  })

  test('of several benchmarks in one store are kept apart', async () => {
    await run(`${tiny} --method none --seeds 1 --store two --jobs 1`)
    // These are also those above, which are then a part of them.
    await run(`${tiny} --method none --seeds 1..2 --store two --jobs 1`)
    await run(`${tiny} --method none --seeds 1..2 --store two --jobs 1 --lr 0.01`)
    const { benchmarks } = parsed((await run('collect two --json')).stdout)
    expect(benchmarks.map((bench: BenchResult) => bench.results.length)).toEqual([2, 2])
    expect((await run('collect two --out one.json')).stderr).toContain('results-several')
  })

  test.each([
    ['collect nowhere', 'results-missing'],
    [`${tiny} --shard 5/4`, 'a part of n such as 2/8'],
    [`${tiny} --shard 0/4`, 'a part of n such as 2/8'],
    [`${tiny} --shard 1/4 --no-save`, '--no-save keeps nothing'],
    [`${tiny} --shard 1/4 --report page.html`, 'holdfast collect STORE --report page.html'],
  ])('%s is refused', async (line, message) => {
    const { code, stderr } = await run(line)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  })
})

test('nothing is written over the protocol, what it names, or runs that are kept', async () => {
  const shown = await run('bench split-mnist@1 --show')
  const text = shown.stdout.replace(/source: mnist/, 'source: rows.html')
  writeFileSync(join(folder, 'mine.yaml'), text)
  writeFileSync(join(folder, 'rows.html'), 'x')
  symlinkSync('mine.yaml', join(folder, 'page.html'))
  const said = async (line: string) => (await run(line)).stderr
  expect(await said('bench ./mine.yaml --report page.html')).toContain('that is the protocol, which is read')
  expect(await said('bench ./mine.yaml --report rows.html')).toContain('that is data.source, which is read')
  expect(readFileSync(join(folder, 'mine.yaml'), 'utf8')).toBe(text)
  await run(`${tiny} --method none --store whole --jobs 1`)
  const file = join('whole', runsIn('whole')[0] ?? '', 'page.html')
  writeFileSync(join(folder, file), 'mine')
  expect(await said(`${tiny} --method none --store whole --report ${file}`)).toContain('out-in-input')
})

test('benchmarks of one protocol in a store are told apart by what differs', async () => {
  for (const batch of [8, 9])
    await run(`${tiny.replace('--batch 8', `--batch ${batch}`)} --method none --store apart --jobs 1`)
  const { stdout } = await run('collect apart')
  expect(stdout).toMatch(/^Benchmark 1 of 2, split-mnist.*, Class-IL: batchSize [89]$/m)
  expect(stdout).toMatch(/^Benchmark 2 of 2, split-mnist.*, Class-IL: batchSize [89]$/m)
})

test('a tuning that has nothing to choose is refused, and one method of which nothing is chosen is named', async () => {
  const line = `${tiny} --no-save --jobs 1 --tune 2 --lr 0.01`
  expect((await run(`${line} --method none`)).stderr).toContain('error (option-unused): --tune has nothing')
  const some = await run(`${line} --method none,l2-sp`)
  expect([some.code, some.stderr]).toEqual([0, expect.stringContaining('note: of none nothing is chosen')])
  expect(some.stdout).toMatch(/Fine-tuning +class +1 .* as without tuning/)
})
