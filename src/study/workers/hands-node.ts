import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Failed, Job, Message } from './messages.ts'
import { WORKER_VARIABLE } from './serve-node.ts'

/** A thread or process that does jobs, and why it is no more. */
export interface Hand {
  ask(message: Job | 'stop'): void
  /** The replica that it was last asked for. */
  last: string | undefined
  /** What ended it; undefined while it lives. */
  end: Failed | undefined
  /** Called with all that it says, its end included; nobody listens until somebody is set. */
  listen: (message: Message) => void
  terminate(): Promise<void>
}

export type HandKind = 'thread' | 'process'

/**
 * Starts one. It dies of an error that nothing caught, of too little memory, or because something ended it.
 *
 * @param entry the module that it loads; it has to call `serveWorker`
 * @param forget called when it has died
 */
export function startHand(kind: HandKind, entry: string, forget: () => void): Hand {
  let alive = true
  const die = (why: string, stack: string) => {
    if (!alive) return
    alive = false
    const message = `The ${kind} of this run ended before the run did: ${why}. The other runs go on. Where it ran out of memory, fewer runs at a time need less; the same command again goes on from the last checkpoint, where runs are kept.`
    hand.end = {
      ...{ type: 'failed', code: 'worker-died', kind: 'EnvironmentError', message },
      stack: `${message}\n${stack}`,
    }
    forget()
    hand.listen(hand.end)
  }
  const said = (message: Message) => hand.listen(message)
  const { ask, terminate } =
    kind === 'thread' ? startThread(entry, said, die) : startProcess(entry, said, die)
  const hand: Hand = { ask, terminate, last: undefined, end: undefined, listen: () => {} }
  return hand
}

type Die = (why: string, stack: string) => void

function startThread(entry: string, said: (message: Message) => void, die: Die) {
  const worker = new Worker(new URL(entry), { workerData: { holdfast: 'runs' } })
  worker
    .on('message', said)
    .on('error', (error: Error) => die(error.message, error.stack ?? ''))
    .on('messageerror', (error) => die(`a message could not be read (${error.message})`, error.stack ?? ''))
    .on('exit', (code) => die(`exit code ${code}`, ''))
  return {
    ask: (message: Job | 'stop') => worker.postMessage(message),
    terminate: async () => {
      await worker.terminate()
    },
  }
}

function startProcess(entry: string, said: (message: Message) => void, die: Die) {
  const child = fork(fileURLToPath(entry), [], {
    env: { ...process.env, [WORKER_VARIABLE]: 'runs' },
    // Results hold numbers that JSON has no word for.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child
    .on('message', (message) => said(message as Message))
    .on('error', (error) => die(error.message, error.stack ?? ''))
    .on('exit', (code, signal) =>
      die(signal === null ? `exit code ${code}` : `it was ended by ${signal}`, ''),
    )
  return {
    ask: (message: Job | 'stop') => {
      if (child.connected) child.send(message)
    },
    terminate: () => {
      child.kill('SIGKILL')
      return exited
    },
  }
}
