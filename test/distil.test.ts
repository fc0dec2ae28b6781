import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Dataset } from '../src/data/dataset.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { modelFromOnnx, modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { required } from '../src/required.ts'
import { writeNpz } from '../src/tensor/npy.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { preparePlan } from '../src/train/plan/prepare.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'
import { engine } from './op-cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-distil-'))
const at = (name: string) => join(folder, name)
const classes = blobNames.slice(0, 4)
let cli: Cli
let teacher: Model

/** The points of a data set, without what they are. */
const bare = (dataset: Dataset): string => blobCsv(dataset).replaceAll(/,[a-z]+$/gm, '')

/** The words of a small student that is taught on rows with labels. */
const onRows = ['teacher.onnx', '--into', 'small.yaml', '--data', 'rows.csv'] as const

const distil = async (words: readonly string[]) => {
  const { code, stdout, stderr } = await cli.run(['distil', ...words, '--threads', '1', '--json'], {
    cwd: folder,
  })
  return { code, stderr, found: stdout.startsWith('{') ? JSON.parse(stdout) : undefined }
}

const student = (name: string, ...layers: number[]): string => {
  writeFileSync(at(name), `model: {kind: mlp, hidden: [${layers}]}\nlearningRate: 0.01\nbatchSize: 16\n`)
  return name
}

beforeAll(async () => {
  cli = await buildCli()
  teacher = await blobModel(engine, classes)
  writeFileSync(at('teacher.onnx'), modelToOnnx(teacher, { parameters: teacher.parameters }))
  const rows = blobs({ classes, perClass: 60, seed: 3, spread: 1 })
  writeFileSync(at('rows.csv'), blobCsv(rows))
  writeFileSync(at('bare.csv'), bare(rows))
  student('small.yaml', 8)
}, 60_000)

afterAll(() => cli.remove())

describe('a student', () => {
  it('that never saw a label answers as its teacher does', async () => {
    const words = ['teacher.onnx', '--into', 'small.yaml', '--unlabelled', 'bare.csv', '--max-drop', '20%']
    const { code, found } = await distil([...words, '--epochs', '30', '-o', 'bare'])
    expect(code).toBe(0)
    expect(found).toMatchObject({ verdict: 'pass', judgedBy: 'teacher' })
    expect(found.agreement).toBeGreaterThan(0.9)
    // The drop is the share of other answers, as the teacher's own stand for labels.
    expect(found.gate.accuracy.baseline).toBe(1)
    expect(found.gate.accuracy.candidate).toBeCloseTo(found.agreement, 10)
    // One that was hardly taught does not, and is said to be worse.
    const { code: early } = await distil([...words, '--iterations', '1', '-o', 'early'])
    expect(early).toBe(2)
  })

  it('is judged by labels where there are some, and learns from both kinds of rows', async () => {
    const more = blobs({ classes, perClass: 20, seed: 4, spread: 1 })
    writeFileSync(at('more.csv'), bare(more))
    const { found } = await distil([
      ...onRows,
      ...['--unlabelled', 'more.csv', '--epochs', '30', '--report', 'both.html', '-o', 'both'],
    ])
    expect(found.judgedBy).toBe('labels')
    expect(found.gate.n).toBe(48)
    expect(found.gate.accuracy.baseline).toBeLessThan(1)
    expect(found.agreement).toBeGreaterThan(0.9)
    expect(found.student.parameters).toBe(2 * 8 + 8 + 8 * 4 + 4)
    const page = readFileSync(at('both.html'), 'utf8')
    expect(page).toContain('Teacher and student')
    expect(page).toContain('<th scope="col">teacher %</th>')
    expect(page).not.toMatch(/before %|after %|wrong after/)
    const written = modelFromOnnx(new Uint8Array(readFileSync(at('both/model.onnx'))))
    expect(written.classes).toEqual(classes)
  })

  it('is told of rows that train it and judge it', async () => {
    const [train, test] = [3, 8].map((seed) => blobCsv(blobs({ classes, perClass: 20, seed })))
    mkdirSync(at('twice'))
    writeFileSync(at('twice/train.csv'), train ?? '')
    const [head, ...lines] = (train ?? '').split('\n')
    writeFileSync(at('twice/test.csv'), [test?.trimEnd(), ...lines.slice(0, 3)].join('\n'))
    expect(head).toContain('label')
    const words = ['teacher.onnx', '--into', 'small.yaml', '--data', 'twice', '--iterations', '5']
    const { stderr, found } = await distil([...words, '-o', 'twice-taught'])
    const said =
      '3 inputs stand both among the held-out rows and the training rows. What is measured on them looks better than it is'
    expect(stderr).toContain(`warning: ${said}`)
    expect(found.notes).toEqual([expect.stringContaining(said)])
  })

  it('trains on no row that judges it', async () => {
    const ended = await distil([
      ...onRows,
      ...['--unlabelled', 'bare.csv', '--iterations', '5', '-o', 'apart'],
    ])
    expect(ended.stderr).toMatch(
      /bare(\.csv)?: 48 rows without labels stand among those held out to judge by, too/,
    )
    const { tensors } = readSafetensors(
      new Uint8Array(readFileSync(at('apart/teacher-answers.safetensors'))),
      'x',
    )
    // Of 240 rows 48 are held out; the others are there with labels and without.
    expect(required(tensors, 'all/logits', 'answers').dims).toEqual([2 * (240 - 48), 4])
    expect(ended.found.gate.n).toBe(48)
    writeFileSync(at('held.csv'), bare(blobs({ classes, perClass: 1, seed: 8 })))
    mkdirSync(at('parts'))
    writeFileSync(at('parts/train.csv'), blobCsv(blobs({ classes, perClass: 60, seed: 3 })))
    writeFileSync(at('parts/test.csv'), blobCsv(blobs({ classes, perClass: 1, seed: 8 })))
    const none = await distil([
      ...['teacher.onnx', '--into', 'small.yaml', '--data', 'parts', '--unlabelled', 'held.csv'],
      ...['--iterations', '5', '-o', 'none'],
    ])
    expect(none.stderr).toContain('error (data-too-few)')
  })

  it('learns what the labels do not say: of wrong ones it makes less than without a teacher', async () => {
    // Every label is the next class.
    const rows = blobs({ classes, perClass: 60, seed: 3, spread: 1 })
    const next = classes.map((_, label) => classes[(label + 1) % classes.length] ?? '')
    writeFileSync(at('wrong.csv'), blobCsv({ ...rows, classes: next }))
    const words = ['teacher.onnx', '--into', 'small.yaml', '--data', 'wrong.csv', '--epochs', '30']
    const [held, free] = [
      await distil([...words, '-o', 'wrong-held']),
      await distil([...words, '--label-weight', '1', '-o', 'wrong-free']),
    ]
    expect(held.found.agreement).toBeGreaterThan(0.9)
    expect(free.found.agreement).toBeLessThan(0.1)
  })

  it('goes on where it was stopped, to the same bits, without asking its teacher again', async () => {
    const words = [...onRows, '--iterations', '300', '--checkpoint-every', '20', '--max-drop', '30%']
    const alone = await distil([...words, '-o', 'alone'])
    let stopped = false
    const ended = await cli.run(['distil', ...words, '--threads', '1', '-o', 'stopped'], {
      cwd: folder,
      onStderr: () => {
        if (stopped || !existsSync(at('stopped/latest.json'))) return undefined
        stopped = true
        return 'SIGKILL'
      },
    })
    const kept = readFileSync(at('stopped/teacher-answers.safetensors'))
    const { stdout } = await cli.run(['resume', 'stopped', '--json'], { cwd: folder })
    const found = JSON.parse(stdout)
    expect(found.parametersSha256).toBe(alone.found.parametersSha256)
    expect(found).toMatchObject({ schema: 'holdfast.distil/1', verdict: alone.found.verdict })
    expect(readFileSync(at('stopped/teacher-answers.safetensors')).equals(kept)).toBe(true)
    // Where the process was faster than the signal there was nothing to go on with.
    expect([null, 0]).toContain(ended.code)
  }, 30_000)
})

it('settles its steps by a time before the first, and keeps to them', async () => {
  const words = [...onRows, '--time', '1s', '--epochs', '2', '-o', 'timed']
  const first = await distil(words)
  const { plan } = JSON.parse(readFileSync(at('timed/config.json'), 'utf8'))
  expect(plan.iterations).toBeGreaterThan(0)
  // 192 rows for training in batches of 16.
  expect(plan.iterations).toBeLessThanOrEqual(24)
  expect(plan.epochs).toBeUndefined()
  const again = await distil(words)
  expect(again.found.parametersSha256).toBe(first.found.parametersSha256)
})

it('is taught by answers that equal a fresh pass of the teacher', async () => {
  const plan = parsePlan({
    stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'rows', source: at('rows.csv') }] },
    model: { kind: 'mlp', hidden: [4] },
    method: { name: 'distil' },
    distil: { teachers: [at('teacher.onnx')], featureWeight: 0.1 },
  })
  const run = mkdtempSync(join(tmpdir(), 'holdfast-answers-'))
  const { inputs } = await loadPlan(plan, { engine: () => engine, folder: run })
  const { stream } = preparePlan(plan, inputs)
  const [task] = stream.tasks
  if (!task || !inputs.lessons) throw new Error('no task')
  const asked = { temperature: 2, topTokens: 64, features: true }
  const answers = () => inputs.lessons?.answers([{ name: 'new', dataset: task.train }], asked)
  const found = await answers()
  const reader = openReader(engine, teacher, 4)
  const fresh = await reader.logits(task.train)
  await reader.dispose()
  const logits = found?.get('all/logits')
  expect(logits && toNumbers(logits)).toEqual(toNumbers(fresh))
  // What is kept is read again, and belongs to these rows: of others the teacher is asked.
  const kept = readSafetensors(new Uint8Array(readFileSync(join(run, 'teacher-answers.safetensors'))))
  expect(await answers()).toEqual(kept.tensors)
  const other = await inputs.lessons.answers([{ name: 'new', dataset: task.test }], asked)
  expect(other.get('all/logits')?.dims).toEqual([48, 4])
})

describe('features', () => {
  it('are taught where both heads read as many numbers', async () => {
    const words = ['teacher.onnx', '--data', 'rows.csv', '--features', '1', '--epochs', '2']
    const { found } = await distil([...words, '--into', student('wide.yaml', 16, 32), '-o', 'wide'])
    expect(found.schema).toBe('holdfast.distil/1')
    const events = readFileSync(at('wide/events.jsonl'), 'utf8')
    expect(events).toMatch(/"features":\d/)
  })

  it('are refused with the dims where they do not fit', async () => {
    const words = ['teacher.onnx', '--data', 'rows.csv', '--features', '1', '--epochs', '2']
    const { code, stderr } = await distil([...words, '--into', 'small.yaml', '-o', 'narrow'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/have 32 numbers a row, and the student's have 8\. Leave/)
  })
})

describe('what cannot be taught is refused', () => {
  const model = (name: string, widths: number[], names: string[]) => {
    const made = mlp({ widths, classes: names, seed: 5 })
    writeFileSync(at(name), modelToOnnx(made, { parameters: made.parameters }))
    return { kind: 'onnx', path: at(name), trained: false } as const
  }
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(at(name), content)
    return at(name)
  }
  const some = blobs({ classes, perClass: 5, seed: 1 })
  /** Rows of so many numbers, classes by their positions. */
  const npzOf = (width: number) =>
    writeNpz(
      new Map<string, Tensor>([
        ['x', float32([20, width])],
        [
          'y',
          int64(
            [20],
            Array.from({ length: 20 }, (_, row) => row % 4),
          ),
        ],
      ]),
    )

  it.each<[string, () => { student?: PlanInput['model']; source?: string }, RegExp]>([
    [
      'its own teacher',
      () => ({ student: { kind: 'onnx', path: at('teacher.onnx'), trained: false } }),
      /is the teacher .*teacher\.onnx itself/,
    ],
    [
      'another class',
      () => ({ student: model('other.onnx', [2, 4, 4], [...classes.slice(0, 3), 'grey']) }),
      /knows the classes .*grey, but the data have .*denim/,
    ],
    [
      'more classes',
      () => ({ student: model('more.onnx', [2, 4, 5], [...classes, 'grey']) }),
      /"?grey"? only in the student/,
    ],
    [
      'rows of other dims',
      () => ({ source: write('rows.npz', npzOf(3)) }),
      /a row is \[3\], but .*teacher\.onnx reads \[2\]/,
    ],
    [
      'labels that the teacher does not know',
      () => ({ source: write('grey.csv', blobCsv(some).replaceAll('amber', 'grey')) }),
      /has rows of "?grey"?, which .*teacher\.onnx does not know/,
    ],
  ])('%s', async (_, given, message) => {
    const { student: asked = { kind: 'mlp' }, source = at('rows.csv') } = given()
    const plan = parsePlan({
      stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'rows', source }] },
      model: asked,
      method: { name: 'distil' },
      distil: { teachers: [at('teacher.onnx')] },
    })
    await expect(loadPlan(plan, { engine: () => engine })).rejects.toThrow(message)
  })

  it.each<[string, () => string, RegExp]>([
    [
      'text files',
      () => {
        mkdirSync(at('notes'))
        write('notes/1.txt', 'Some words.')
        return 'notes'
      },
      /\(data-kind\): \S*notes: these are text files, but \S*teacher\.onnx is no model of texts.*\. Give it a table/,
    ],
    [
      'texts without labels',
      () => {
        write('texts.jsonl', '{"text": "Some words."}\n')
        return 'texts.jsonl'
      },
      /\(data-kind\): \S*texts\.jsonl: these are texts, but \S*teacher\.onnx is no model of texts/,
    ],
    [
      'texts with labels',
      () => {
        const lines = Array.from({ length: 20 }, (_, row) => `words ${row},${classes[row % 4]}`)
        write('labelled.csv', ['text,label', ...lines].join('\n'))
        return 'labelled.csv'
      },
      /\(data-dims\): labelled: the rows are texts, but \S*teacher\.onnx reads \[2\]\. Name models of texts/,
    ],
  ])('%s, by what they are', async (_, data, message) => {
    const { stderr } = await distil(['teacher.onnx', '--into', 'small.yaml', '--data', data(), '-o', 'never'])
    expect(stderr).toMatch(message)
  })

  it('tokens of a classifier', async () => {
    const { code, stderr } = await distil([...onRows, '--top-tokens', '5', '-o', 'never'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('error (option-unused): --top-tokens is of')])
    expect(existsSync(at('never'))).toBe(false)
  })

  it('no rows at all, and a configuration that has a stream', async () => {
    const none = await distil(['teacher.onnx', '--into', 'small.yaml'])
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/Give --data DIR .* or --unlabelled DIR/),
    ])
    writeFileSync(at('stream.yaml'), 'model: {kind: mlp}\nstream: {kind: split}\n')
    const other = await distil(['teacher.onnx', '--into', 'stream.yaml', '--data', 'rows.csv'])
    expect(other.stderr).toMatch(/stream\.yaml is the configuration of a student, and has stream/)
  })
})
