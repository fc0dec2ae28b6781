import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** PyTorch's side of the benchmark, waiting to be told what to run. */
export interface Peer {
  /** Seconds a step, over `steps` steps. */
  run(name: string, steps: number): Promise<number>
  close(): Promise<void>
}

export async function startPeer(python: string, script = 'bench/reference/steps.py'): Promise<Peer> {
  const child = spawn(python, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
  })
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
      return Number(answer.seconds) / Number(answer.steps)
    },
    close: async () => {
      child.stdin.end('quit\n')
      await new Promise((resolve) => child.on('exit', resolve))
    },
  }
}
