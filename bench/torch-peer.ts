import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { median } from '../src/measure/statistics.ts'

/** PyTorch's side of bench/steps.ts. */
export const STEPS = 'bench/reference/steps.py'

/** On the wall, and of the processor, which other work on the machine disturbs less. */
export interface Seconds {
  readonly wall: number
  readonly processor: number
}

/** PyTorch's side of the benchmark, waiting to be told what to run. */
export interface Peer {
  /** Of a step, over `steps` steps. */
  run(name: string, steps: number): Promise<Seconds>
  close(): Promise<void>
}

export async function startPeer(
  python: string,
  { script = STEPS, threads = 1 }: { script?: string; threads?: number } = {},
): Promise<Peer> {
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'], env: threadsPinned(threads) })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (line: string): Promise<Record<string, unknown>> => {
    child.stdin.write(`${line}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${python} ${script} ended before it answered "${line}"; is PyTorch installed?`)
    const answer = JSON.parse(value) as Record<string, unknown>
    if (answer.error) throw new Error(String(answer.error))
    return answer
  }
  return {
    run: async (name, steps) => {
      const answer = await ask(`run ${name} ${steps}`)
      const each = Number(answer.steps)
      return { wall: Number(answer.seconds) / each, processor: Number(answer.processor) / each }
    },
    close: async () => {
      child.stdin.end('quit\n')
      await new Promise((resolve) => child.on('exit', resolve))
    },
  }
}

/** Debian's libopenblas0-openmp. */
const OPENBLAS_ON_OPENMP = '/usr/lib/x86_64-linux-gnu/openblas-openmp'

/**
 * The environment in which PyTorch and its products run on so many threads. From two on OpenBLAS must share PyTorch's (OpenMP), as its
 * own ones, which Debian takes where both are installed, wait for the others by turning: an LSTM's step took four times as long with two.
 */
export function threadsPinned(threads: number): NodeJS.ProcessEnv {
  const count = String(threads)
  const pinned = {
    ...process.env,
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
  }
  if (threads === 1) return pinned
  if (!existsSync(OPENBLAS_ON_OPENMP))
    console.error(
      'PyTorch on several threads is slow by fault of OpenBLAS: apt-get install libopenblas0-openmp',
    )
  return { ...pinned, LD_LIBRARY_PATH: OPENBLAS_ON_OPENMP }
}

/** What `calls` calls take. */
export async function timed(call: () => Promise<void>, calls: number): Promise<Seconds> {
  const processor = process.cpuUsage()
  const wall = performance.now()
  for (let at = 0; at < calls; at++) await call()
  const { user, system } = process.cpuUsage(processor)
  return { wall: (performance.now() - wall) / 1000, processor: (user + system) / 1e6 }
}

/** What is timed, and for how long. */
interface Race {
  readonly call: () => Promise<void>
  readonly stepsPerCall: number
  /** The peer's name of the same step. */
  readonly name: string
  readonly peer: Peer | undefined
  readonly rounds: number
  /** Of each side in a round, about. */
  readonly seconds: number
  /** What counts of the rounds. */
  readonly of: (times: readonly number[]) => number
}

/** Of rounds: their medians, or, for several threads where other work comes and goes, their fastest. */
export const ofRounds = (fastest: boolean): Race['of'] => (fastest ? (times) => Math.min(...times) : median)

/** Threads of a session, and of a product of PyTorch's, wait for the next by turning. */
const untilThreadsRest = () => new Promise((resolve) => setTimeout(resolve, 100))

/** Both sides in milliseconds a step, in rounds by turns; no times of theirs without a peer. */
export async function raced({ call, stepsPerCall, name, peer, rounds, seconds, of }: Race) {
  const lasting = ({ wall }: Seconds) => Math.max(1, Math.round(seconds / wall))
  const calls = lasting(await timed(call, 1))
  const steps = peer ? lasting(await peer.run(name, 1)) : 0
  const ours: Seconds[] = []
  const theirs: Seconds[] = []
  for (let round = 0; round < rounds; round++) {
    await untilThreadsRest()
    ours.push(await timed(call, calls))
    await untilThreadsRest()
    if (peer) theirs.push(await peer.run(name, steps))
  }
  /** Wall and processor each by itself. */
  const inUnits = (all: readonly Seconds[], perSecond: number): Seconds => ({
    wall: of(all.map(({ wall }) => wall)) * perSecond,
    processor: of(all.map(({ processor }) => processor)) * perSecond,
  })
  return {
    mine: inUnits(ours, 1000 / (calls * stepsPerCall)),
    torch: peer && inUnits(theirs, 1000),
  }
}
