import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCli, type Cli } from './cli.ts'

// Steps of a third of a second and more: fifty of them, the most that go into one call, would be deaf for long.
const config = `
data: {source: synthetic, limit: {train: 300, test: 50}, preprocessing: unit}
stream: {kind: split, groups: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]}
model: {kind: mlp, hidden: [3000, 3000]}
optimiser: {name: sgd}
iterations: 50
batchSize: 256
`

let cli: Cli
let folder: string
beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-signals-'))
  writeFileSync(join(folder, 'run.yaml'), config)
})
afterAll(() => cli.remove())

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts a run and says what became of it; `heard` is called with all that stderr has said. */
function learn(out: string, heard: (child: ChildProcess, stderr: string) => void = () => {}) {
  const words = ['learn', 'run.yaml', '--out', out, '--json']
  const child = spawn(process.execPath, [cli.file, ...words], { cwd: folder, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    heard(child, stderr)
  })
  const ended = new Promise<Ended>((done) => {
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}

/** Waits until the run has written what its first call of the runtime did. */
async function trained(out: string): Promise<void> {
  const log = () => {
    const path = join(folder, out)
    const files = existsSync(path)
      ? readdirSync(path).filter((name) => statSync(join(path, name)).isFile())
      : []
    return files.map((name) => readFileSync(join(path, name), 'utf8')).join('')
  }
  while (!log().includes('"type":"progress"')) await new Promise((done) => setTimeout(done, 20))
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s is heard within a few steps, and the run can go on',
  async (name) => {
    const { child, ended } = learn(name)
    await trained(name)
    child.kill(name)
    const { code, signal, stdout, stderr } = await ended
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain('Stopping after the step at hand; again to stop at once.')
    const { status, position } = JSON.parse(stdout)
    expect(status).toBe('interrupted')
    expect(position.step).toBeGreaterThan(0)
    expect(position.step).toBeLessThan(20)
  },
)

test('a second signal ends the process at once, in the middle of a call of the runtime too', async () => {
  let again = false
  const { child, ended } = learn('twice', (running, stderr) => {
    if (again || !stderr.includes('Stopping')) return
    again = true
    running.kill('SIGINT')
  })
  await trained('twice')
  child.kill('SIGTERM')
  const { code, signal, stdout } = await ended
  expect({ code, signal, stdout }).toEqual({ code: null, signal: 'SIGINT', stdout: '' })
})
