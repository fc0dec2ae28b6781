import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelFromOnnx, modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { buildCli, type Cli } from './cli.ts'
import { storedAs } from './stored-models.ts'

let cli: Cli
let folder: string

const run = (line: string) => cli.run(line.split(' ').filter(Boolean), { cwd: folder })
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const read = (name: string) => readFileSync(join(folder, name), 'utf8')

/** A model of two inputs whose logits are the rows of `weight` times them. */
function linearModel(name: string, classes: readonly string[], weight: readonly number[]): void {
  const model = mlp({ widths: [2, classes.length], classes: [...classes], seed: 1 })
  const parameters = new Map(
    [...model.parameters].map(([key, { dims }]) => [
      key,
      float32(dims, dims.length === 2 ? weight : classes.map(() => 0)),
    ]),
  )
  writeFileSync(join(folder, name), modelToOnnx(model, { parameters }))
}

const line = (id: number, label: string, pred: string, more: object = {}) =>
  `${JSON.stringify({ id, label, pred, ...more })}\n`
/** 400 predictions, of which `wrong` are not right. */
const predictions = (wrong: readonly number[]) =>
  Array.from({ length: 400 }, (_, id) =>
    line(id, id % 2 ? 'cat' : 'dog', wrong.includes(id) ? 'cow' : id % 2 ? 'cat' : 'dog'),
  ).join('')

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-gate-'))
  write('old.jsonl', predictions([1, 2]))
  write('same.jsonl', predictions([1, 3]))
  write('worse.jsonl', predictions(Array.from({ length: 40 }, (_, n) => 10 * n)))
  // Which of two numbers is larger, or both are negative; in another order of classes the second time.
  linearModel('old.onnx', ['left', 'right'], [1, 0, 0, 1])
  linearModel('new.onnx', ['up', 'right', 'left'], [-1, -1, 0, 1, 1, 0])
  const rows = Array.from({ length: 300 }, (_, n) => {
    const [x, y] = [((n * 37) % 100) / 100 + 0.005, ((n * 61) % 100) / 100]
    return `${x},${y},${x > y ? 'left' : 'right'}`
  })
  write('test.csv', `x,y,label\n${rows.join('\n')}\n`)
  write('short.jsonl', line(0, 'dog', 'dog'))
  write('strange.txt', 'nobody\n')
  write('pets.csv', 'x,y,label\n1,2,cat\n')
  write('new.csv', 'x,y,label\n0.9,0.1,left\n0.1,0.9,right\n-1,-1,up\n')
})
afterAll(() => cli.remove())

describe('data to measure on', () => {
  test('may be a folder that holds a test part alone', async () => {
    mkdirSync(join(folder, 'only'))
    write('only/test.csv', read('test.csv'))
    const whole = JSON.parse(
      (await run('gate old.onnx new.onnx --data test.csv --max-drop 5% --json')).stdout,
    )
    const only = JSON.parse((await run('gate old.onnx new.onnx --data only --max-drop 5% --json')).stdout)
    expect(only).toMatchObject({ n: 300, flips: whole.flips, upper: whole.upper })
  })
})

describe('prediction files', () => {
  test('pass: exit code 0 and the promised JSON', async () => {
    const { code, stdout } = await run('gate old.jsonl same.jsonl --max-drop 5% --json')
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({
      schema: 'holdfast.gate/1',
      verdict: 'pass',
      n: 400,
      accuracy: { baseline: 0.995, candidate: 0.995 },
      drop: 0,
      budget: 0.05,
      flips: { negative: 1, positive: 1 },
      negativeFlipRate: 0.0025,
      mcnemarP: 1,
    })
    expect(result.upper).toBeGreaterThan(0)
    expect(result.perClass.map(({ name }: { name: string }) => name).sort()).toEqual(['cat', 'dog'])
    expect(result.neededN).toBeLessThanOrEqual(400)
  })

  test('fail: exit code 2, and files for machines and people', async () => {
    write('ids.txt', '10\n')
    const ended = await run(
      'gate old.jsonl worse.jsonl --max-drop 1% --max-drop-per-class 0.05 --max-negative-flips 0.5% --never-flip ids.txt --golden same.jsonl --junit gate.xml --markdown gate.md --flips flips.jsonl',
    )
    expect([ended.code, ended.stderr]).toEqual([2, ''])
    expect(ended.stdout.split('\n')[0]).toMatch(/^FAIL\. The drop is 9\.50 points and, with 95 % confidence/)
    expect(read('gate.md')).toContain('## ❌ Gate: fail')
    const xml = read('gate.xml')
    expect(xml).toContain('<testcase classname="holdfast.gate.rules" name="never-flip"><failure message=')
    // The rules are drop, golden, classes, negative flips and never-flip; the classes are two, of which dog lost.
    expect(xml).toContain('<testsuites name="holdfast gate" tests="7" failures="6" errors="0" skipped="0">')
    const flips = read('flips.jsonl')
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each))
    expect(flips).toHaveLength(42)
    expect(flips[0]).toEqual({
      id: '0',
      flip: 'negative',
      label: 'dog',
      before: { pred: 'dog', probability: null },
      after: { pred: 'cow', probability: null },
      slices: [],
      input: 'worse.jsonl, line 1',
    })
  })

  test('inconclusive: exit code 3, and how many examples are wanted', async () => {
    const { code, stdout } = await run('gate old.jsonl same.jsonl --max-drop 0.5pt')
    expect(code).toBe(3)
    expect(stdout).toMatch(
      /^INCONCLUSIVE\. 400 examples cannot tell .* about [\d,]+ examples would be needed\.\n/,
    )
  })
})

describe('models', () => {
  test('are evaluated on the data, classes matched by name and not by order', async () => {
    const { code, stdout, stderr } = await run(
      'gate old.onnx new.onnx --data test.csv --max-drop 2% --json --save-predictions pinned.jsonl',
    )
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'pass',
      n: 300,
      accuracy: { baseline: 1, candidate: 1 },
    })
    expect(code).toBe(0)
    const [first] = read('pinned.jsonl').split('\n')
    const { probs, ...rest } = JSON.parse(first ?? '')
    expect(rest).toEqual({ id: '0', label: 'left', pred: 'left' })
    // Logits 0.005 and 0 and -0.005: the softmax of the first.
    const sum = Math.exp(0.005) + 1 + Math.exp(-0.005)
    expect(probs.left).toBeCloseTo(Math.exp(0.005) / sum, 5)

    const mixed = await run('gate pinned.jsonl old.onnx --data test.csv --max-drop 2% --json')
    expect(JSON.parse(mixed.stdout)).toMatchObject({ verdict: 'pass', baseline: 'pinned.jsonl' })
  })

  test('are held to classes that the older one knows, and not to new ones', async () => {
    const gate = 'gate old.onnx new.onnx --max-drop 5%'
    // `new.onnx` is right on the last example, which `old.onnx` has no answer for.
    write('grown.csv', `${read('test.csv')}-1,-1,up\n`)
    const { stdout } = await run(`${gate} --data grown.csv --json`)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ n: 300, flips: { positive: 0 }, newClasses: [{ name: 'up', n: 1, accuracy: 1 }] },
      warnings: [expect.stringContaining('with old.onnx: 1 example of 1 class that it does not know (up).')],
    })
    const text = await run(`${gate} --data grown.csv`)
    expect(text.stdout).toMatch(/^up +1 +100\.00 +new$/m)
  })

  test('fail where all is forgotten, and say of which classes nothing is shown', async () => {
    linearModel('forgot.onnx', ['up', 'right', 'left'], [1, 1, 0, 0, 0, 0])
    const lost = await run('gate old.onnx forgot.onnx --data test.csv --max-drop 5%')
    expect([lost.code, lost.stderr]).toEqual([2, ''])
    expect(lost.stdout).toMatch(/^FAIL\. The drop is 100\.00 points/)
    write('part.csv', `x,y,label\n${'0.9,0.1,left\n'.repeat(100)}`)
    const part = await run('gate old.onnx new.onnx --data part.csv --max-drop 5%')
    expect(part.stdout).toContain(
      'Warning: The data hold no example of 1 class that both models know (right): nothing is shown of it.',
    )
  })

  test('flips name the nearest new example by the candidate', async () => {
    write('shifted.csv', 'x,y,label\n0.3,0.2,left\n-0.5,-0.4,left\n')
    write('shifted-old.jsonl', line(0, 'left', 'left') + line(1, 'left', 'left'))
    await run('gate shifted-old.jsonl new.onnx --data shifted.csv --flips near.jsonl --new new.csv')
    const [near] = read('near.jsonl').trim().split('\n')
    expect(JSON.parse(near ?? '')).toMatchObject({
      id: '1',
      flip: 'negative',
      after: { pred: 'up' },
      input: 'shifted.csv, row 1',
      nearestNew: { source: 'new.csv, row 2', label: 'up' },
    })
  })
})

test('a model is held against a variant of it with weights of few bits', async () => {
  const model = modelFromOnnx(new Uint8Array(readFileSync(join(folder, 'old.onnx'))))
  writeFileSync(join(folder, 'int8.onnx'), storedAs(model, 'int8'))
  write('labels.txt', 'left\nright\n')
  try {
    const { code, stdout } = await run('gate old.onnx int8.onnx --data test.csv --max-drop 2% --json')
    expect(code).toBe(0)
    // 1, 0, 0, 1 are kept without loss: the same answers from another file.
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'pass', n: 300, flips: { negative: 0, positive: 0 } })
  } finally {
    rmSync(join(folder, 'labels.txt'))
  }
})

describe('files that cannot be written', () => {
  test.concurrent.each(['junit', 'markdown', 'flips', 'save-predictions'])(
    '--%s into a file is an error that says so',
    async (flag) => {
      const ended = await run(`gate old.jsonl same.jsonl --max-drop 5% --${flag} old.jsonl/x.jsonl`)
      expect(ended.stderr).toContain(`error (out-unwritable): --${flag} old.jsonl/x.jsonl`)
      expect(ended.code).toBe(1)
    },
  )
})

describe('wrong input', () => {
  test.concurrent.each([
    [
      'gate old.jsonl same.jsonl --max-drop 1',
      'flag-value',
      '--max-drop: expected a share of 0 or more, below 100 %',
    ],
    ['gate old.jsonl same.jsonl --max-drop=-1%', 'flag-value', 'a share of 0 or more, below 100 %'],
    [
      'gate old.jsonl short.jsonl',
      'predictions-unpaired',
      'old.jsonl, line 2: id "1" has no prediction in short.jsonl',
    ],
    ['gate old.onnx new.onnx', 'gate-data', '--data'],
    [
      'gate old.onnx new.onnx --data pets.csv',
      'gate-classes',
      'the label "cat" is no class of old.onnx or new.onnx',
    ],
    ['gate old.jsonl same.jsonl --never-flip strange.txt', 'never-flip-unknown', 'strange.txt, line 1'],
    ['gate old.jsonl same.jsonl --flips f.jsonl --new new.csv', 'gate-new', 'has to be a model'],
  ])('holdfast %s', async (words, code, message) => {
    const ended = await run(words)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
    expect(existsSync(join(folder, 'f.jsonl'))).toBe(false)
  })
})
