import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { on } from 'node:events'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { bundling } from './bundled.ts'

/** The command line as people run it, bundled without packages. */
export interface Cli {
  readonly file: string
  /**
   * Runs a command line to its end. Starting Node and loading the packages takes longer than most commands, so one process
   * runs them all, one after another (see cli-host.mjs), unless the options ask for what only a process of its own can show.
   */
  run(words: readonly string[], options?: RunOptions): Promise<Ended>
  remove(): void
}

export interface RunOptions {
  readonly cwd?: string
  /** A process of its own, as from a shell: what ends it, which handles it leaves open and when its signals come are then real. */
  readonly ownProcess?: boolean
  /** Sends SIGKILL after so many milliseconds, or the signal given; in a process of its own. */
  readonly killAfter?: number
  readonly signal?: NodeJS.Signals
  /** Called with everything that stderr has said so far; a signal that it returns is sent; in a process of its own. */
  readonly onStderr?: (text: string) => NodeJS.Signals | undefined
}

export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const root = resolve(import.meta.dirname, '..')
const environment = { ...process.env, NO_COLOR: '1' }

/** Bundles the command line into the checkout, where its packages are found: once for a run of the suite. */
export async function buildCli(rootFolder = root): Promise<Cli> {
  const shared = process.env.HOLDFAST_TEST_CACHE
  const folder = shared ?? join(rootFolder, '.cache', `cli-${process.pid}`)
  const file = join(folder, 'main.mjs')
  if (!existsSync(file)) await bundle(rootFolder, file)
  const host = openHost(rootFolder, file)
  return {
    file,
    run: (words, options = {}) => {
      const { ownProcess, killAfter, onStderr, cwd = root } = options
      const own = ownProcess || killAfter !== undefined || onStderr !== undefined
      return own ? runNode([file, ...words], options) : host.run(words, cwd)
    },
    remove: () => {
      host.close()
      if (shared === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Built beside and renamed: another test file may be waiting for it. */
async function bundle(rootFolder: string, file: string): Promise<void> {
  const beside = `${file}.${randomUUID()}`
  mkdirSync(resolve(file, '..'), { recursive: true })
  await build({
    ...bundling,
    entryPoints: [join(rootFolder, 'src/cli/main.ts')],
    outfile: beside,
  })
  renameSync(beside, file)
}

/** One process that runs command lines one after another; started by the first. */
function openHost(rootFolder: string, file: string) {
  let child: ChildProcess | undefined
  let last: Promise<unknown> = Promise.resolve()
  const start = (): ChildProcess => {
    const host = join(rootFolder, 'test/cli-host.mjs')
    return spawn(process.execPath, [host, file], {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
  }
  const run = async (words: readonly string[], cwd: string): Promise<Ended> => {
    child ??= start()
    try {
      return await runInHost(child, words, cwd)
    } catch (error) {
      child.kill()
      child = undefined
      throw error
    }
  }
  return {
    run: (words: readonly string[], cwd: string): Promise<Ended> => {
      const next = last.then(() => run(words, cwd))
      last = next.catch(() => undefined)
      return next
    },
    close: () => {
      child?.kill()
      child = undefined
    },
  }
}

/** The streams end with a mark, as they may arrive after the message that the command has ended. */
async function runInHost(child: ChildProcess, words: readonly string[], cwd: string): Promise<Ended> {
  const mark = `\n<end ${randomUUID()}>\n`
  const gone = new AbortController()
  const onExit = (code: number | null) =>
    gone.abort(new Error(`holdfast ${words.join(' ')} ended the process, with code ${code}`))
  child.once('exit', onExit)
  const texts = [child.stdout, child.stderr].map((stream) => untilMark(stream, mark, gone.signal))
  try {
    const messages = on(child, 'message', { signal: gone.signal })
    child.send({ words, cwd, mark })
    for await (const [message] of messages) {
      const { code, failure } = message as { code: number; failure?: string }
      if (failure !== undefined) throw new Error(`holdfast ${words.join(' ')}: ${failure}`)
      const [stdout = '', stderr = ''] = await Promise.all(texts)
      return { code, stdout, stderr }
    }
    throw new Error('unreachable')
  } catch (error) {
    // What it said last is told with what went wrong.
    throw gone.signal.aborted ? gone.signal.reason : error
  } finally {
    child.off('exit', onExit)
    for (const text of texts) text.catch(() => undefined)
  }
}

function untilMark(stream: NodeJS.ReadableStream | null, mark: string, signal: AbortSignal): Promise<string> {
  return new Promise((done, failed) => {
    let text = ''
    const read = (chunk: Buffer | string) => {
      text += chunk
      if (!text.endsWith(mark)) return
      stream?.off('data', read)
      done(text.slice(0, -mark.length))
    }
    stream?.setEncoding('utf8').on('data', read)
    signal.addEventListener('abort', () => failed(signal.reason))
  })
}

function runNode(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [...words], {
      cwd: options.cwd ?? root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    let sent = false
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
      const signal = sent ? undefined : options.onStderr?.(stderr)
      if (signal === undefined) return
      sent = true
      child.kill(signal)
    })
    const timer =
      options.killAfter === undefined
        ? undefined
        : setTimeout(() => child.kill(options.signal ?? 'SIGKILL'), options.killAfter)
    child.on('error', failed)
    child.on('close', (code) => {
      clearTimeout(timer)
      done({ code, stdout, stderr })
    })
  })
}
