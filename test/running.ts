import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Cli } from './cli.ts'

/** A program that runs beside the test, with all that it has said. */
export interface Running {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

/** Starts the command line as a process of its own. */
export function begin(
  cli: Cli,
  words: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Running {
  const child = spawn(process.execPath, [cli.file, ...words], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...texts }))
  return { child, said: () => texts.stderr, ended }
}

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/**
 * Waits as long as it takes: how fast a machine is proves nothing.
 *
 * @throws where the program ends before
 */
export async function until(what: () => boolean | Promise<boolean>, running: Running): Promise<void> {
  let over = false
  void running.ended.then(() => {
    over = true
  })
  while (!(await what())) {
    if (over) throw new Error(`It ended before: ${running.said()}`)
    await pause(20)
  }
}

/** Waits until a program has said so. */
export const untilSaid = (running: Running, text: string): Promise<void> =>
  until(() => running.said().includes(text), running)

/** The processes that one has begun, by their ids. */
export function childrenOf({ child }: Running): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid, parent]) => (pid !== undefined && parent === child.pid ? [pid] : []))
}
