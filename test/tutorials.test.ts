import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../src/model/import/files.ts'
import { readPack } from '../src/update/pack/pack-files.ts'

const root = resolve(import.meta.dirname, '..')
const execute = promisify(execFile)

interface Session {
  readonly folder: string
  /** What each command printed, by the command. */
  readonly printed: ReadonlyMap<string, string>
}

/**
 * Runs a tutorial's script on small data. It stops by itself where a command's exit code is not the one that the tutorial tells of.
 */
async function session(name: string, ...words: readonly string[]): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`))
  const script = ['scripts/run.mjs', `examples/tutorials/${name}.ts`, folder, ...words]
  const options = { cwd: root, env: { ...process.env, HOLDFAST_DATA: '' }, maxBuffer: 2 ** 24 }
  const { stdout } = await execute(process.execPath, script, options)
  const parts = stdout.split(/^\$ (?=holdfast )/m).slice(1)
  const printed = new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  )
  return { folder, printed }
}

/** What the first command with these words in it printed. */
function output({ printed }: Session, words: string): string {
  const found = [...printed].find(([command]) => command.includes(words))
  if (!found) throw new Error(`No command has "${words}" in it.`)
  return found[1]
}

/** Commands that a tutorial's page shows in its console blocks. */
const shown = (name: string): string[] =>
  [...readFileSync(join(root, `docs/tutorials/${name}.md`), 'utf8').matchAll(/^\$ (holdfast .*)$/gm)].map(
    ([, command]) => command ?? '',
  )

/** Accuracies before and after of a line in a table of the terminal. */
function row(text: string, name: string): readonly [number, number] {
  const line = text.split('\n').findLast((each) => each.startsWith(`${name}  `))
  const [, before, after] = line?.slice(name.length).trim().split(/\s+/) ?? []
  return [Number(before), Number(after)]
}

describe('the tutorial of a new class', () => {
  it('teaches a sign to a classifier of pictures, inside the budget', async () => {
    const ran = await session('new-class')
    expect([...ran.printed.keys()]).toEqual(expect.arrayContaining(shown('new-class')))
    const [before, after] = row(output(ran, 'holdfast gate model.onnx better.onnx'), 'all')
    expect(before - after).toBeLessThan(3)
    const [, learned] = row(output(ran, '-o better.onnx'), 'new data, cross-fitted')
    // Chance among five signs is 20 %.
    expect(learned).toBeGreaterThan(60)
    expect(output(ran, 'holdfast gate model.onnx tuned.onnx')).toMatch(/^FAIL\. /m)
    const { model } = await loadModel(join(ran.folder, 'better.onnx'))
    expect(model.classes).toEqual(['circle', 'cross', 'square', 'triangle', 'stripes'])
    const { classes, history } = await readPack(join(ran.folder, 'next.keep'))
    expect([classes.length, history.length]).toEqual([5, 2])
    expect(existsSync(join(ran.folder, 'update.html'))).toBe(true)
  })
})

describe('the tutorial of a new domain', () => {
  it('teaches intents to a classifier of texts, and gives back its folder', async () => {
    const ran = await session('new-domain')
    expect([...ran.printed.keys()]).toEqual(expect.arrayContaining(shown('new-domain')))
    const [before, after] = row(output(ran, 'holdfast gate assistant/ better/'), 'all')
    expect(before).toBeGreaterThan(90)
    expect(before - after).toBeLessThan(3)
    const [, learned] = row(output(ran, '-o better/'), 'new data, cross-fitted')
    // Chance among nine intents is 11 %.
    expect(learned).toBeGreaterThan(60)
    const tokenizer = (folder: string) => readFileSync(join(ran.folder, folder, 'tokenizer.json'), 'utf8')
    expect(tokenizer('better')).toBe(tokenizer('assistant'))
  })
})

describe('the tutorial of old data that are gone', () => {
  it('claims nothing without old data, and meets the budget with some', async () => {
    const ran = await session('old-data-gone')
    expect([...ran.printed.keys()]).toEqual(expect.arrayContaining(shown('old-data-gone')))
    for (const out of ['alone', 'distilled']) {
      expect(output(ran, `-o ${out}.onnx`)).toContain(
        'INCONCLUSIVE. There are no old data, so nothing could be measured',
      )
      expect(existsSync(join(ran.folder, `${out}.onnx`))).toBe(false)
      expect(existsSync(join(ran.folder, `${out}.unproven.onnx`))).toBe(true)
    }
    expect(output(ran, '-o better.onnx')).toMatch(/^MET\. /m)
    expect(existsSync(join(ran.folder, 'better.onnx'))).toBe(true)
  })
})

describe('the tutorial of the gate in CI', () => {
  it('passes a good model, stops a bad one and many small steps down', async () => {
    const ran = await session('gate-in-ci')
    expect([...ran.printed.keys()]).toEqual(expect.arrayContaining(shown('gate-in-ci')))
    expect(output(ran, 'holdfast gate model.onnx careful.onnx --data old-test.csv')).toMatch(/^PASS\. /)
    const failed = output(ran, 'holdfast gate model.onnx hurried.onnx')
    expect(failed).toContain('1 class of 4 lost more than 5.00 points: blocked')
    const read = (file: string) => readFileSync(join(ran.folder, file), 'utf8')
    expect(read('gate.xml')).toMatch(/name="blocked"><failure message=/)
    expect(read('gate.md')).toContain('## ❌ Gate: fail')
    expect(JSON.parse(read('flips.jsonl').split('\n')[0] ?? '')).toMatchObject({ flip: 'negative' })
    const last = output(ran, 'holdfast gate release-2.jsonl release-3.jsonl')
    expect(last).toMatch(/^FAIL\. The drop against the golden baseline is 1\.50 points/)
    expect(last).toContain('The drop is 0.50 points and, with 95 % confidence, at most a drop of 0.85')
  })
})

describe('the tutorial of a year', () => {
  it('goes on from month to month, each with a gate and a pack', async () => {
    const ran = await session('year', '4')
    expect([...ran.printed.keys()]).toEqual(expect.arrayContaining(shown('year')))
    const [, table = ''] = [...ran.printed.values()].at(-1)?.split('\n| month') ?? []
    const rows = table
      .split('\n')
      .slice(2)
      .filter((line) => line.startsWith('| 0'))
      .map((line) => line.split('|').map((cell) => cell.trim()))
    expect(rows.map(([, month]) => month)).toEqual(['01', '02', '03', '04'])
    const gated = rows.filter((cells) => cells.at(-2) !== 'nothing to release')
    expect(gated.map((cells) => cells.at(-2))).toContain('pass')
    for (const [, , , , , old, , , golden] of gated) {
      expect(Number(old)).toBeGreaterThan(90)
      expect(Number(golden)).toBeLessThan(5)
    }
    // Month 3 brought a fifth state; its model and pack know it.
    const pack = await readPack(join(ran.folder, 'model-03.keep'))
    expect(pack.classes).toContain('unbalanced')
  })
})
