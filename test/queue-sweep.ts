import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchResult } from '../src/measure/results.ts'
import { randomStream } from '../src/tensor/random.ts'
import type { Cli } from './cli.ts'
import type { TestRedis } from './redis.ts'
import { begin, pause } from './running.ts'

export interface Sweep {
  readonly cli: Cli
  readonly redis: TestRedis
  /** Flags of `bench` that say which runs. */
  readonly grid: readonly string[]
  readonly workers: number
  /** Seconds without a sign of life after which a run is given to another worker. */
  readonly lease: number
  /** Called while the sweep goes, with what can be done to it. */
  readonly disturb: (hands: Hands) => Promise<void>
  readonly say?: ((line: string) => void) | undefined
}

export interface Hands {
  readonly redis: TestRedis
  /** Waits until the first run is at hand. */
  begun(): Promise<void>
  /** Kills one of the workers with SIGKILL, and starts another in its place. */
  killWorker(): void
  /** The same with one that has begun a run, so many seconds after the first one of those that live did. */
  killAtWork(seconds: number): Promise<void>
  /** Whether all runs are done. */
  readonly over: () => boolean
  /** Waits for a number of seconds, or until all runs are done. */
  wait(seconds: number): Promise<void>
  /** A number from 0 to 1. */
  readonly random: () => number
}

export interface SweepResult {
  readonly runs: number
  readonly kills: number
  /** Runs that the client was not told of, or whose folder has no result. */
  readonly lost: readonly string[]
  /** Runs that the client was told of more than once, or that have several folders. */
  readonly twice: readonly string[]
  /** Runs whose parameters or figures are not those of one process that was left alone. */
  readonly different: readonly string[]
  readonly seconds: number
  /** What the client said. */
  readonly said: string
}

const isRun = (name: string): boolean => name.startsWith('split-mnist-')
/** The name of a run without the digits of its identity is the same however it was done. */
const digest = (store: string, name: string): string | undefined => {
  const file = join(store, name, 'parameters.sha256')
  return existsSync(join(store, name, 'result.json')) ? readFileSync(file, 'utf8') : undefined
}

/** Does a grid of runs in one process, then over a queue whose workers are disturbed, and compares. */
export async function sweep({ cli, redis, grid, workers, lease, disturb, say }: Sweep): Promise<SweepResult> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sweep-'))
  const [alone, shared] = [join(folder, 'alone'), join(folder, 'shared')]
  mkdirSync(shared)
  const bench = ['bench', ...grid, '--json']
  const { stdout, code, stderr } = await begin(cli, [...bench, '--jobs', '1', '--store', alone], folder).ended
  if (code !== 0) throw new Error(`The undisturbed runs failed: ${stderr}`)
  const expected = JSON.parse(stdout) as BenchResult

  const words = ['worker', redis.url, '--store', shared, '--jobs', '1', '--lease', `${lease}s`]
  const crew = Array.from({ length: workers }, () => begin(cli, words, folder))
  const began = performance.now()
  const client = begin(cli, [...bench, '--queue', redis.url, '--store', shared], folder)
  let over = false
  void client.ended.then(() => {
    over = true
  })
  let kills = 0
  const kill = (at: number) => {
    crew[at]?.child.kill('SIGKILL')
    kills++
    if (kills % 5 === 0) say?.(`${kills} workers killed`)
    crew[at] = begin(cli, words, folder)
  }
  const wait = (seconds: number) => Promise.race([client.ended, pause(seconds * 1000)]).then(() => undefined)
  const random = randomStream(1, 'sweep')
  await disturb({
    redis,
    begun: async () => {
      while (!over && !crew.some((each) => each.said().includes(': begins'))) {
        await pause(50)
      }
    },
    killWorker: () => kill(Math.floor(random.uniform() * crew.length)),
    killAtWork: async (seconds) => {
      const atWork = () => crew.flatMap((each, at) => (each.said().includes(': begins') ? [at] : []))
      while (!over && atWork().length === 0) await wait(0.05)
      await wait(seconds)
      const found = atWork()
      const at = found[Math.floor(random.uniform() * found.length)]
      if (!over && at !== undefined) kill(at)
    },
    over: () => over,
    wait,
    random: () => random.uniform(),
  })
  const ended = await client.ended
  const seconds = (performance.now() - began) / 1000
  for (const { child } of crew) child.kill('SIGTERM')
  await Promise.all(crew.map((each) => each.ended))
  if (!ended.stdout.includes('"results"')) throw new Error(`The client failed: ${ended.stderr}`)
  const found = JSON.parse(ended.stdout) as BenchResult
  const names = readdirSync(alone).filter(isRun)
  const there = readdirSync(shared).filter(isRun)
  // That it ended: while a run is given to a second worker, the client also says that this one waits for the first.
  const told = (name: string) => {
    const { method, scenario, seed } = JSON.parse(readFileSync(join(alone, name, 'result.json'), 'utf8'))
    return ended.stderr
      .split('\n')
      .filter(
        (line) => line.startsWith(`${method}, ${scenario}, seed ${seed}: `) && / \(\d+ of \d+\)$/.test(line),
      ).length
  }
  const figures = ({ results }: BenchResult) => results.map(({ seconds: _, ...rest }) => JSON.stringify(rest))
  const sameFigures = JSON.stringify(figures(found)) === JSON.stringify(figures(expected))
  return {
    ...{ runs: names.length, kills, seconds, said: ended.stderr },
    lost: names.filter((name) => told(name) === 0 || digest(shared, name) === undefined),
    twice: [...names.filter((name) => told(name) > 1), ...there.filter((name) => !names.includes(name))],
    different: [
      ...names.filter((name) => digest(shared, name) !== digest(alone, name)),
      ...(sameFigures ? [] : ['the figures that the client printed']),
    ],
  }
}
