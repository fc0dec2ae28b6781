import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

/** The command line as people run it: bundled once for this process, without packages, and started by Node. */
export interface Cli {
  readonly file: string
  run(words: readonly string[], options?: RunOptions): Promise<Ended>
  remove(): void
}

export interface RunOptions {
  readonly cwd?: string
  /** Sends SIGKILL after so many milliseconds, or the signal given. */
  readonly killAfter?: number
  readonly signal?: NodeJS.Signals
  /** Called with everything that stderr has said so far; a signal that it returns is sent. */
  readonly onStderr?: (text: string) => NodeJS.Signals | undefined
}

export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const root = resolve(import.meta.dirname, '..')

/** Bundles the command line into the checkout, where its packages are found. */
export async function buildCli(rootFolder = root): Promise<Cli> {
  const folder = join(rootFolder, '.cache', `cli-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'main.mjs')
  await build({
    entryPoints: [join(rootFolder, 'src/cli/main.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    packages: 'external',
    format: 'esm',
    logLevel: 'warning',
    sourcemap: 'inline',
  })
  return {
    file,
    run: (words, options) => runNode([file, ...words], options),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function runNode(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [...words], {
      cwd: options.cwd ?? root,
      env: { ...process.env, NO_COLOR: '1' },
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
