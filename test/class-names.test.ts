import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectClasses } from '../src/data/names/labels.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadModel } from '../src/model/import/files.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { fitToModel } from '../src/train/plan/fit-model.ts'
import { parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { loadGate } from '../src/update/gate/gate-files.ts'
import { keepFile } from '../src/update/pack/keep-files.ts'
import { readPack } from '../src/update/pack/pack-files.ts'
import { loadCurve } from '../src/update/path/curve-files.ts'
import { loadUpdate } from '../src/update/update-files.ts'

const engine = ortNode({ threads: 1 })
let root: string
let made = 0

const put = (path: string, text: string | Uint8Array): string => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}
/** A model file of so many outputs without names, and beside it what says them. */
function modelOf(outputs: number, beside: Readonly<Record<string, string>> = {}): string {
  const folder = join(root, `model-${made++}`)
  for (const [name, text] of Object.entries(beside)) put(join(folder, name), text)
  return put(
    join(folder, 'model.onnx'),
    modelToOnnx({ ...mlp({ widths: [2, outputs], seed: 1 }), classes: [] }),
  )
}
/** Ten rows of each label. */
const dataOf = (labels: readonly string[]): string =>
  put(
    join(root, `data-${made++}.csv`),
    `x,y,label\n${labels.map((label, at) => `${at},1,${label}\n`.repeat(10)).join('')}`,
  )

/** What each verb calls the classes of the rows that it reads. */
const verbs = {
  update: async (model: string, data: string) => {
    const { data: parts } = await loadUpdate({ engine, model, fresh: data, old: data })
    return namesOf(parts.train)
  },
  keep: async (model: string, data: string) => {
    const out = join(root, `pack-${made++}.keep`)
    await keepFile({ engine, model, data, out, fisher: false })
    return namesOf((await readPack(out)).exemplars)
  },
  gate: async (model: string, data: string) => {
    const { candidate } = await loadGate({ engine, baseline: model, candidate: model, data })
    return [...new Set(candidate.predictions.map(({ label }) => label))].sort()
  },
  curve: async (model: string, data: string) =>
    namesOf((await loadCurve({ from: model, to: model, old: data })).old),
  'learn and fisher': async (model: string, data: string) => {
    const plan = parsePlan({
      name: 'names',
      data: { source: data },
      stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'data', source: data }] },
      model: { kind: 'onnx', path: model },
    })
    return namesOf((await loadPlan(plan, { wholeTrain: true })).inputs.data[0]?.train)
  },
} as const

function namesOf(dataset: { labels: { data: ArrayLike<number> }; classes: readonly string[] } | undefined) {
  if (!dataset) return []
  return [...new Set(Array.from(dataset.labels.data, (label) => dataset.classes[label]))].sort()
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-names-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const composed = 'caf\u00e9'
const decomposed = 'cafe\u0301'

describe('names that stand twice', () => {
  test.each(Object.entries(verbs))('are refused by %s, which names the file', async (_, names) => {
    const beside = modelOf(3, { 'labels.txt': 'cat\ndog\ncat\n' })
    await expect(names(beside, dataOf(['cat', 'dog']))).rejects.toThrow(
      /labels\.txt, lines 1 and 3 both say "cat"/,
    )
    const inside = put(
      join(root, `model-${made++}`, 'model.onnx'),
      modelToOnnx({ ...mlp({ widths: [2, 3], seed: 1 }), classes: ['cat', 'dog', 'cat'] }),
    )
    await expect(names(inside, dataOf(['cat', 'dog']))).rejects.toThrow(
      /model\.onnx calls outputs 0 and 2 both "cat" in its metadata/,
    )
  })

  test('are refused by inspect, too, unless a file beside the model names its outputs anew', async () => {
    const classes = ['cat', 'cat']
    const bytes = modelToOnnx({ ...mlp({ widths: [2, 2], seed: 1 }), classes })
    const path = put(join(root, `model-${made++}`, 'model.onnx'), bytes)
    await expect(loadModel(path)).rejects.toMatchObject({ code: 'classes-repeated' })
    put(join(dirname(path), 'labels.txt'), 'cat\ndog\n')
    expect((await loadModel(path)).model.classes).toEqual(['cat', 'dog'])
  })

  test('are refused where data name their own classes, or the caller does', () => {
    const labels = { kind: 'classification' as const, values: [0], locate: () => 'a.parquet, row 0' }
    expect(() => collectClasses().add({ ...labels, names: ['cat', 'dog', 'cat'] })).toThrow(
      /a\.parquet, row 0: the file calls classes 0 and 2 both "cat"/,
    )
    expect(() => collectClasses(['cat', ' cat'])).toThrow(/The caller calls classes 0 and 1 both "cat"/)
  })
})

describe.each(Object.entries(verbs))('%s', (_, names) => {
  test.each([
    ['ids with gaps', '101\n205\n310\n', ['310', '101', '205'], ['101', '205', '310']],
    [
      'ids filled up with zeros',
      '00000\n00001\n00002\n',
      ['00000', '00001', '00002'],
      ['00000', '00001', '00002'],
    ],
    ['zeros on one side only', '00000\n00001\n00002\n', ['0', '1', '2'], ['00000', '00001', '00002']],
    ['two numbers far apart', '0\n180\n', ['0', '180'], ['0', '180']],
    ['ids that start at 1, as labels.txt says', '1\n2\n3\n', ['1', '2', '3'], ['1', '2', '3']],
    ['numbers among words', '1\n2\ncat\n', ['1', '2', 'cat'], ['1', '2', 'cat']],
    ['indexes in front of the names', '0 cat\n1 dog\n', ['cat', 'dog'], ['cat', 'dog']],
    ['indexes with a colon', '0: cat\n1: big dog\n', ['cat', 'big dog'], ['big dog', 'cat']],
    ['indexes with a comma', '0,cat\n1,dog\n', ['cat', 'dog'], ['cat', 'dog']],
    ['indexes from 1, in another order', '2 dog\n1 cat\n', ['cat', 'dog'], ['cat', 'dog']],
    ['indexes in front on both sides', '0 cat\n1 dog\n', ['0 cat', '1 dog'], ['cat', 'dog']],
    ['names that only seem to have indexes', '1 euro\n2 euro\n', ['1 euro', '2 euro'], ['1 euro', '2 euro']],
    ['another Unicode form', `tea\n${composed}\n`, ['tea', decomposed], [composed, 'tea']],
    ['white space around', ' cat \n\tdog\u00a0\n', ['cat', 'dog'], ['cat', 'dog']],
    [
      'a mark at the start, and blank lines at the end',
      '\ufeffcat\r\ndog\r\n\r\n \r\n',
      ['cat', 'dog'],
      ['cat', 'dog'],
    ],
  ])('matches %s', async (_case, labels, data, expected) => {
    const model = modelOf(expected.length, { 'labels.txt': labels })
    expect(await names(model, dataOf(data))).toEqual(expected)
  })

  test('takes numbers of either spelling for the outputs of a model without names', async () => {
    expect(await names(modelOf(3), dataOf(['0', '1', '2']))).toEqual(['0', '1', '2'])
    expect(await names(modelOf(3), dataOf(['000', '001', '002']))).toEqual(['0', '1', '2'])
    const placeholders = { 'config.json': '{"id2label":{"0":"LABEL_0","1":"LABEL_1"}}' }
    expect(await names(modelOf(2, placeholders), dataOf(['0', '1']))).toEqual(['LABEL_0', 'LABEL_1'])
  })

  test('refuses numbers that count from 1 where nothing names the outputs', async () => {
    await expect(names(modelOf(3), dataOf(['1', '2', '3']))).rejects.toThrow('do they count from 1?')
  })

  test('refuses names where the model has none', async () => {
    for (const model of [
      modelOf(2),
      modelOf(2, { 'config.json': '{"id2label":{"0":"LABEL_0","1":"LABEL_1"}}' }),
    ]) {
      await expect(names(model, dataOf(['cat', 'dog']))).rejects.toMatchObject({ code: 'classes-numbered' })
    }
    const named = modelOf(2, { 'labels.txt': 'cat\ndog\n' })
    await expect(names(named, dataOf(['0', '1']))).rejects.toMatchObject({ code: 'classes-numbered' })
  })
})

describe('classes that are new', () => {
  test('stand beside numbers where labels.txt says that these are names, and only there', async () => {
    const fresh = dataOf(['odd'])
    const classesOf = async (model: string) => (await loadUpdate({ engine, model, fresh })).classes
    const inside = put(
      join(root, `model-${made++}`, 'model.onnx'),
      modelToOnnx({ ...mlp({ widths: [2, 3], seed: 1 }), classes: ['0', '1', '2'] }),
    )
    await expect(classesOf(inside)).rejects.toThrow(
      'it says the numbers (0, 1, 2): odd is then a class that is new to it.',
    )
    put(join(dirname(inside), 'labels.txt'), '0\n1\n2\n')
    expect(await classesOf(inside)).toMatchObject({ known: ['0', '1', '2'], added: ['odd'] })
  })
  const factsOf = async (labels: string, count: number, fresh: readonly string[]) => {
    const model = modelOf(count, { 'labels.txt': labels })
    return (await loadUpdate({ engine, model, fresh: dataOf(fresh) })).classes
  }
  test('get one output each, whatever their number is', async () => {
    expect(await factsOf('101\n205\n310\n', 3, ['310', '4711', '98765'])).toMatchObject({
      kept: ['310'],
      added: ['4711', '98765'],
    })
    expect(await factsOf('0 cat\n1 dog\n', 2, ['dog', 'zebra'])).toMatchObject({
      kept: ['dog'],
      added: ['zebra'],
    })
  })
  test('are told apart from what is spelled almost alike', async () => {
    expect(await factsOf('tea\nsign_out\n', 2, ['Tea', 'Sign Out', 'te\u200ba'])).toMatchObject({
      nearMisses: [
        { data: 'Sign Out', model: 'sign_out' },
        { data: 'Tea', model: 'tea' },
        { data: 'te\u200ba', model: 'tea' },
      ],
    })
  })
})

test('a model that learns from nothing else has the classes that the data have', async () => {
  const data = dataOf(['101', '205', '310'])
  const plan = parsePlan({
    name: 'fresh',
    data: { source: data },
    stream: { kind: 'split', classesPerTask: 1 },
  })
  const { inputs } = await loadPlan(plan)
  expect(inputs.data[0]?.train.classes).toEqual(['101', '205', '310'])
  expect(fitToModel(plan, inputs.data, mlp({ widths: [2, 3], seed: 1 })).data).toBe(inputs.data)
})
