import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const old = blobNames.slice(0, 4)
const run = (line: string) => cli.run(line.split(' ').filter(Boolean), { cwd: folder })

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-advise-'))
  writeFileSync(join(folder, 'model.onnx'), modelToOnnx(await blobModel(ortNode(), old)))
  const put = (part: string, classes: readonly string[], perClass: number, seed: number) => {
    mkdirSync(join(folder, part, '..'), { recursive: true })
    writeFileSync(join(folder, part), blobCsv(blobs({ classes, perClass, seed })))
  }
  put('old/train.csv', old, 60, 21)
  put('old/test.csv', old, 100, 22)
  put('new/train.csv', ['ebony'], 60, 23)
  put('new/test.csv', ['ebony'], 60, 24)
})
afterAll(() => cli.remove())

describe('holdfast advise', () => {
  test('answers a situation without a model, with figures and their sources', async () => {
    const { code, stdout } = await run('advise --old-data none --classes new --memory rows')
    expect(code).toBe(0)
    expect(stdout).toContain(
      'Situation: a classifier; nothing old is there; new classes; the task of an input is not known.',
    )
    expect(stdout).toContain('Advice: holdfast update MODEL --new NEW --max-drop 1% -o better.onnx')
    expect(stdout).toMatch(/1\. distil, by holdfast update\..*It is not enough/)
    expect(stdout).toMatch(/LwF: 22\.71 ± 0\.63 \(.*docs\/results\.md#split-mnist\)/)
    expect(stdout).toMatch(/not ewc: .*no better than plain fine-tuning/)
    expect(stdout).toContain('For the next update: holdfast keep MODEL --data OLD -o model.keep.')
  })

  test('tells tasks that are told, and language models, from classifiers of one head', async () => {
    const told = JSON.parse((await run('advise --tasks told --old-data none --json')).stdout)
    expect(told).toMatchObject({
      schema: 'holdfast.advice/1',
      measured: [],
      prior: { ranked: [{ method: 'lwf', verb: 'learn' }, {}, {}] },
    })
    expect(told.command).toBeUndefined()
    const language = JSON.parse((await run('advise --for language --old-data none --json')).stdout)
    expect(language.command).toBe('holdfast update MODEL --new NEW --old self --max-drop 1% -o better.onnx')
  })

  test('measures on the rows that it is given, and says the command that does it', async () => {
    const { code, stdout, stderr } = await run(
      'advise model.onnx --new new --old old --max-drop 5% --time 1s --json',
    )
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    const advice = JSON.parse(stdout)
    expect(advice.situation).toEqual({ model: 'classifier', old: 'some', tasks: 'untold', classes: 'new' })
    expect(advice.measured.length).toBeGreaterThan(0)
    expect(advice.peakBytes).toBeGreaterThan(2 ** 20)
    const [best] = advice.measured
    expect(advice.command).toMatch(/^holdfast update model\.onnx --new new --old old --max-drop 5%/)
    expect(advice.command).toContain(`--rungs ${best.asked.rungs.join(',')}`)
    // The command does what it says.
    const done = await run(`${advice.command.replace('holdfast ', '')} --json --force`)
    expect(JSON.parse(done.stdout).new.after).toBeGreaterThan(0.5)
  })

  test('says of data of another kind than the model reads what they are', async () => {
    mkdirSync(join(folder, 'notes'))
    writeFileSync(join(folder, 'notes', '1.txt'), 'Some words.')
    const { code, stderr } = await run('advise model.onnx --new notes --old old')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /error \(data-kind\): notes: these are text files, but model\.onnx is no model of texts: it reads rows of the dims \[2\]/,
      ),
    ])
  })

  test('says that rows to train on are among those to measure on, as update does', async () => {
    const { stdout } = await run('advise model.onnx --new old/test.csv --old old --time 1s --json')
    expect(JSON.parse(stdout).notes.join('\n')).toMatch(
      /\d+ inputs stand both among the old held-out rows and the new training rows/,
    )
  })

  test('tells a pack that holds nothing out from none, and keep says how it comes to hold some', async () => {
    const kept = await run('keep model.onnx --data old/train.csv --held-out 30 -o whole.keep')
    expect(kept.stderr).toContain('no test or validation part, so that --held-out 30 has no effect')
    expect(kept.stderr).toContain('test.csv beside train.csv')
    const { stdout } = await run('advise model.onnx --new new --keep whole.keep --time 1s')
    expect(stdout).toContain('some old rows are there')
    expect(stdout).toContain('The old rows that are there are to be rehearsed, and none is held out')
    expect(stdout).not.toContain('No old rows are there')
  })

  test('refuses what contradicts itself', async () => {
    for (const [line, message] of [
      ['advise model.onnx', 'holdfast advise needs the new data beside a model'],
      ['advise --new new', '--new, --old and --keep are data to measure on, and need a MODEL'],
      ['advise model.onnx --new new --for language', 'say what a model and data say themselves'],
    ] as const) {
      const { code, stderr } = await run(line)
      expect(code).toBe(1)
      expect(stderr).toContain(message)
    }
  })
})
