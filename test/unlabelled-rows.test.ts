import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Dataset } from '../src/data/dataset.ts'
import { samples, subset } from '../src/data/dataset.ts'
import { distil } from '../src/methods/distil.ts'
import { none } from '../src/methods/none.ts'
import { parsePlan, preparePlan } from '../src/train/plan/index.ts'
import { loadPlan } from '../src/train/plan/index-files.ts'
import { buildCli } from './cli.ts'
import { bitsOf, runToEnd, toyData, toyOptions, toyStream } from './toy-learning.ts'

// Rehearsal by what the model said before a task of rows that nobody labelled.

const stream = toyStream('class', { perClass: 40 })
const pool = (label: number): Dataset => {
  const rows = toyData({ perClass: 20, seed: 5 })
  return {
    ...rows,
    labels: { type: 'int32', dims: [samples(rows)], data: new Int32Array(samples(rows)).fill(label) },
  }
}
/** Rows of the first task's kind, which are none of the classes to come. */
const oldInputs = subset(
  pool(0),
  Int32Array.from({ length: 40 }, (_, at) => 6 * Math.floor(at / 2) + (at % 2)),
)
const run = (unlabelled: Dataset | undefined, method = distil()) =>
  runToEnd(toyOptions({ stream, method, unlabelled, iterations: 100 }))

describe('distil with a pool without labels', () => {
  it('keeps old classes that distil alone forgets', async () => {
    const old = ({ result }: Awaited<ReturnType<typeof run>>) => result.record.matrix.at(-1)?.[0] ?? 0
    const rehearsed = distil({ pseudoLabels: true })
    expect(old(await run(oldInputs, rehearsed))).toBeGreaterThan(old(await run(undefined, rehearsed)) + 0.2)
  })

  it('does not look at labels, and adds nothing to a task before which nothing was learned', async () => {
    const [one, other] = [await run(pool(0)), await run(pool(3))]
    expect(bitsOf(one.result.parameters)).toBe(bitsOf(other.result.parameters))
    const first = { ...stream, tasks: stream.tasks.slice(0, 1) }
    const [beside, plain] = [distil(), none()].map((method) =>
      runToEnd(toyOptions({ stream: first, method, unlabelled: pool(0) })),
    )
    expect(bitsOf((await beside)?.result.parameters ?? new Map())).toBe(
      bitsOf((await plain)?.result.parameters ?? new Map()),
    )
  })
})

describe('data.unlabelled of a configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-unlabelled-'))
  const csv = (name: string, lines: readonly string[]): string => {
    const path = join(folder, name)
    writeFileSync(path, `${lines.join('\n')}\n`)
    return path
  }
  const labelled = csv('rows.csv', [
    'x,y,label',
    ...Array.from({ length: 24 }, (_, row) => `${row},${row % 5},${['a', 'b', 'c', 'd'][row % 4]}`),
  ])
  const bare = csv('bare.csv', ['x,y', '1,2', '3,4', '5,6'])
  const planOf = (method: string, more: object = {}) =>
    parsePlan({
      ...{
        data: { source: labelled, unlabelled: bare },
        stream: { kind: 'split' },
        model: { kind: 'mlp', hidden: [4] },
      },
      ...{ method: { name: method }, iterations: 3, batchSize: 4, ...more },
    })

  it('is read without labels, and learned from', async () => {
    const { plan, inputs } = await loadPlan(planOf('distil'))
    const prepared = preparePlan(plan, inputs)
    expect(prepared.unlabelled?.inputs.dims).toEqual([3, 2])
    const { events } = await runToEnd(toyOptions({ ...prepared, iterations: 3, batchSize: 4 }))
    const taught = events.flatMap((event) =>
      event.type === 'progress' && event.losses.distillation !== undefined ? [event.task] : [],
    )
    expect(new Set(taught)).toEqual(new Set([1]))
  })

  it('is named by a flag, too', async () => {
    const cli = await buildCli()
    onTestFinished(() => cli.remove())
    const config = {
      data: { source: labelled },
      stream: { kind: 'split' },
      model: { kind: 'mlp', hidden: [4] },
    }
    const run = async (method: string, out: string, more: readonly string[]) => {
      const path = join(folder, `${method}.json`)
      const settings = { ...config, method: { name: method }, iterations: 3, batchSize: 4 }
      writeFileSync(path, JSON.stringify(settings))
      const { code, stdout, stderr } = await cli.run(
        ['learn', path, '--out', join(folder, out), '--threads', '1', '--json', ...more],
        { cwd: folder },
      )
      return code === 0 ? JSON.parse(stdout).parametersSha256 : stderr
    }
    const alone = await run('distil', 'alone', [])
    const beside = await run('distil', 'beside', ['--unlabelled', 'bare.csv'])
    expect([alone, beside].every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true)
    expect(beside).not.toBe(alone)
    expect(await run('replay', 'none', ['--unlabelled', 'bare.csv'])).toMatch(
      /replay has no use for rows without labels \(data.unlabelled, --unlabelled\)/,
    )
    expect(await run('distil', 'missing', ['--unlabelled', 'nowhere.csv'])).toMatch(
      /--unlabelled.*nowhere.csv/,
    )
  }, 60_000)

  it('is refused before anything is learned where its rows are of another form than those of the tasks', async () => {
    const texts = csv('texts.csv', ['text', 'hello', 'you'])
    for (const [unlabelled, found] of [
      ['synthetic', 'uint8 [1,28,28]'],
      [texts, 'string []'],
    ] as const) {
      const { plan, inputs } = await loadPlan(planOf('distil', { data: { source: labelled, unlabelled } }))
      const refused = { code: 'unlabelled-form', message: expect.stringContaining(found) }
      expect(() => preparePlan(plan, inputs)).toThrow(expect.objectContaining(refused))
    }
  })

  it('is refused where the method has no use for it, and where images change from task to task', async () => {
    const { plan, inputs } = await loadPlan(planOf('replay'))
    expect(() => preparePlan(plan, inputs)).toThrow(/replay has no use for.*Compose it with distil/)
    expect(() => planOf('distil', { stream: { kind: 'rotated' } })).toThrow(/split or list/)
  })
})
