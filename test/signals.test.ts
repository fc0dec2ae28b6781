import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
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
  const events = join(folder, out, 'events.jsonl')
  const log = () => (existsSync(events) ? readFileSync(events, 'utf8') : '')
  while (!log().includes('"type":"progress"')) await new Promise((done) => setTimeout(done, 20))
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s is heard within a few steps, and the run can go on',
  async (name) => {
    const { child, ended } = learn(name)
    await trained(name)
    child.kill(name)
    const { code, signal, stdout, stderr } = await ended
    expect({ code, signal }).toEqual({ code: name === 'SIGINT' ? 130 : 143, signal: null })
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

/** Loaded first: says when somebody begins to listen for Ctrl-C, or that nobody does. */
const tellsWhenListening = `data:text/javascript,process.on('newListener', (name) => {
  if (name === 'SIGTERM' && process.connected) setImmediate(() => process.send('listens', () => process.disconnect()))
})`

test('the program listens before it loads anything', () => {
  const imported = (file: string) =>
    [...readFileSync(`src/cli/${file}`, 'utf8').matchAll(/^import .*'(.*)'$/gm)].map(([, from]) => from)
  expect(imported('main.ts')).toEqual([
    'node:module',
    'node:worker_threads',
    './interruption.ts',
    './overview.ts',
  ])
  expect(imported('interruption.ts')).toEqual([])
  // Nor does it need more for the overview.
  expect(imported('overview.ts')).toEqual(['./summaries.ts'])
  expect(imported('summaries.ts')).toEqual([])
})

test.each([
  ['SIGINT', 130, ['gate', 'long.jsonl', 'long.jsonl', '--json']],
  ['SIGTERM', 143, ['gate', 'long.jsonl', 'long.jsonl']],
] as const)('%s in the first second is answered with a line', async (name, expected, words) => {
  const rows = Array.from({ length: 200_000 }, (_, id) => `{"id":"${id}","label":"a","pred":"a"}`)
  writeFileSync(join(folder, 'long.jsonl'), rows.join('\n'))
  const child = spawn(process.execPath, ['--import', tellsWhenListening, cli.file, ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    child.on('close', (code, signal) => done([code, signal]))
  })
  child.once('message', () => child.kill(name))
  expect(await ended).toEqual([expected, null])
  expect(stderr).toBe('Stopped; what was not finished is not written.\n')
  expect(stdout === '' ? undefined : JSON.parse(stdout).error.code).toBe(
    words.some((word) => word === '--json') ? 'interrupted' : undefined,
  )
})
