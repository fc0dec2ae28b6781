import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HEAD, openTrace, type TraceEvent } from '../src/cli/profile/trace-file.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-profile-test-'))
})
afterAll(async () => {
  cli.remove()
  await rm(folder, { recursive: true })
})

type Bar = TraceEvent & { readonly ts: number; readonly dur: number }
const barsOf = (events: readonly TraceEvent[]): Bar[] =>
  events.filter((event): event is Bar => event.ph === 'X')

/** Bars by row. */
function rowsOf(bars: readonly Bar[]): Map<string, Bar[]> {
  const rows = new Map<string, Bar[]>()
  for (const bar of bars) {
    const key = `${bar.pid}/${bar.tid}`
    rows.set(key, [...(rows.get(key) ?? []), bar])
  }
  return rows
}

/** What a sum of two numbers of this size may be off by. */
const CLOSE = 1
const end = ({ ts, dur }: Bar): number => ts + dur

/** Bars that overlap another one of their row without lying inside it. */
function crossing(row: readonly Bar[]): Bar[] {
  const sorted = [...row].sort((a, b) => a.ts - b.ts || b.dur - a.dur)
  const open: Bar[] = []
  return sorted.filter((bar) => {
    for (let last = open.at(-1); last && end(last) <= bar.ts + CLOSE; last = open.at(-1)) open.pop()
    const around = open.at(-1)
    open.push(bar)
    return around !== undefined && end(bar) > end(around) + CLOSE
  })
}

const tiny = '--data synthetic --limit 200,100 --hidden 16 --batch 16 --iterations 10'.split(' ')

describe('--profile', () => {
  test('is a trace of the whole command, of its workers, and of what the runtime did', async () => {
    const file = join(folder, 'new', 'trace.json')
    const words = ['bench', 'split-mnist', '--method', 'ewc', '--seeds', '1', ...tiny]
    const { code, stderr } = await cli.run([...words, '--out', 'runs', '--profile', file], {
      cwd: folder,
      ownProcess: true,
    })
    expect(stderr).toContain(`Profile: ${file}, to be opened at https://ui.perfetto.dev. Seconds: `)
    expect(code).toBe(0)
    const events = JSON.parse(await readFile(file, 'utf8')) as TraceEvent[]
    const bars = barsOf(events)
    for (const row of rowsOf(bars).values()) expect(crossing(row)).toEqual([])
    const named = (name: string) => bars.filter((bar) => bar.name === name)
    // From the start of the process to the end of the command nothing is left out.
    const [[start], [whole]] = [named('start'), named('holdfast bench')]
    const first = Math.min(...bars.map(({ ts }) => ts))
    const last = Math.max(...bars.map(end))
    expect(((start?.dur ?? 0) + (whole?.dur ?? 0)) / (last - first)).toBeGreaterThan(0.9)
    // What each is there for.
    for (const name of [
      'job: run',
      'load',
      'build step',
      'open session: step',
      'steps',
      'run step',
      'evaluate',
      'checkpoint',
      'write',
      'end of task',
    ]) {
      expect(named(name).length, name).toBeGreaterThan(0)
    }
    // Runs of the runtime are inside the calls that asked for them, and ops inside those.
    const calls = named('run step')
    const runs = bars.filter(({ name, cat }) => cat === 'onnxruntime' && name === 'model_run')
    const within = (bar: Bar, others: readonly Bar[]) =>
      others.some((other) => bar.ts >= other.ts - CLOSE && end(bar) <= end(other) + CLOSE)
    expect(runs.length).toBeGreaterThan(0)
    const steps = rowsOf(bars.filter(({ cat }) => cat === 'onnxruntime'))
    const stepRows = events.filter(
      ({ name, args }) => name === 'thread_name' && /: step$/.test(String(args?.name)),
    )
    expect(stepRows.length).toBeGreaterThan(0)
    for (const { pid, tid } of stepRows) {
      const row = steps.get(`${pid}/${tid}`) ?? []
      for (const run of row.filter(({ name }) => name === 'model_run')) expect(within(run, calls)).toBe(true)
      expect(row.filter(({ name }) => name === 'Scan').length).toBeGreaterThan(0)
      expect(row.filter(({ name }) => /^(MatMul|Gemm)/.test(name)).length).toBeGreaterThan(0)
    }
  })

  test('of a command that fails ends as well, and the result of one that does not is the same', async () => {
    const file = join(folder, 'failed.json')
    const { code } = await cli.run(['inspect', 'none.onnx', '--profile', file], { cwd: folder })
    expect(code).toBe(1)
    expect(barsOf(JSON.parse(await readFile(file, 'utf8'))).map(({ name }) => name)).toContain(
      'holdfast inspect',
    )
    const plain = await cli.run(['data', 'list', '--json'])
    const profiled = await cli.run(['data', 'list', '--json', '--profile', file])
    expect(profiled.stdout).toBe(plain.stdout)
  })

  test('is written over an older profile, and over no other file', async () => {
    const file = join(folder, 'labels.json')
    await writeFile(file, '{"classes": []}')
    const { code, stderr } = await cli.run(['data', 'list', '--profile', file])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error \(out-exists\): --profile .*labels\.json/)
    expect(await readFile(file, 'utf8')).toBe('{"classes": []}')
  })

  test('is refused by name where a folder or a device is', async () => {
    const inFolder = await cli.run(['data', 'list', '--profile', folder])
    expect([inFolder.code, inFolder.stderr]).toEqual([
      1,
      expect.stringMatching(/^error \(out-is-folder\): --profile /),
    ])
    const device = await cli.run(['data', 'list', '--profile', '/dev/null'])
    expect([device.code, device.stderr]).toEqual([
      1,
      expect.stringMatching(/^error \(out-is-device\): --profile /),
    ])
  })

  test('is not begun in a file that another command is writing its own to, and is where that was killed', async () => {
    const file = join(folder, 'shared.json')
    const running = openTrace(file, true)
    running.add({ name: 'process_name', ph: 'M', pid: process.pid, tid: 0 })
    running.flush()
    const text = await readFile(file, 'utf8')
    const refused = await cli.run(['data', 'list', '--profile', file])
    expect(refused.stderr).toMatch(
      new RegExp(`^error \\(profile-in-use\\): --profile .*process ${process.pid}\\b`),
    )
    expect(refused.code).toBe(1)
    expect(await readFile(file, 'utf8')).toBe(text)
    running.close(true)
    expect((await cli.run(['data', 'list', '--profile', file])).code).toBe(0)
    const { pid } = spawnSync(process.execPath, ['--version'])
    const killed = openTrace(file, true)
    killed.add({ name: 'process_name', ph: 'M', pid, tid: 0 })
    killed.close(false)
    expect((await cli.run(['data', 'list', '--profile', file])).code).toBe(0)
  })
})

describe('a trace that was cut off', () => {
  test('has all that was written, one event a line', async () => {
    const path = join(folder, 'cut.json')
    const [first, second] = [openTrace(path, true), openTrace(path, false)]
    first.add({ name: 'process_name', ph: 'M', pid: 1, tid: 0 })
    first.flush()
    second.add({ name: 'b', ph: 'X', pid: 1, tid: 101, ts: 2, dur: 1 })
    second.close(false)
    first.add({ name: 'c', ph: 'X', pid: 1, tid: 1, ts: 3, dur: 1 })
    first.flush()
    const text = await readFile(path, 'utf8')
    expect(text.startsWith(HEAD)).toBe(true)
    expect((JSON.parse(`${text}]`) as TraceEvent[]).map(({ name }) => name)).toEqual([
      'process_name',
      'b',
      'c',
    ])
    first.close(true)
    expect(JSON.parse(await readFile(path, 'utf8'))).toHaveLength(3)
    expect(existsSync(path)).toBe(true)
  })
})
