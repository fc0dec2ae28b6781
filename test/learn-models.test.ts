import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { modelFromOnnx, modelToOnnx } from '../src/model/import/onnx-model.ts'
import { cnn, mlp } from '../src/model/layers/networks.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { randomStream } from '../src/tensor/random.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { preparePlan } from '../src/train/plan/prepare.ts'
import { learned } from './learn-runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-learn-'))
const original = join(folder, 'model.onnx')

/** Points around one centre a class, which lies on the axis of the class's number. */
function writePoints(name: string, classes: readonly string[], seed: number): string {
  const path = join(folder, `${name}.csv`)
  const random = randomStream(seed, name)
  const axes = ['apple', 'pear', 'plum', 'fig']
  const rows = Array.from({ length: 60 }, (_, row) => {
    const label = classes[row % classes.length] ?? ''
    const numbers = axes.map((axis) => ((axis === label ? 2 : 0) + random.uniform() - 0.5).toFixed(4))
    return [...numbers, label].join(',')
  })
  writeFileSync(path, `a,b,c,d,label\n${rows.join('\n')}\n`)
  return path
}

const network = mlp({ widths: [4, 8, 8, 3], seed: 3 })
beforeAll(() => {
  // Not in the order of the alphabet, which the data's classes are in.
  writeFileSync(original, modelToOnnx({ ...network, classes: ['plum', 'apple', 'pear'] }))
})

type OnnxInput = Partial<Extract<NonNullable<PlanInput['model']>, { kind: 'onnx' }>>

const planOf = (model: OnnxInput, given: Partial<PlanInput> = {}): PlanInput => ({
  stream: {
    kind: 'list',
    tasks: [{ name: 'fruit', source: writePoints('fruit', ['apple', 'pear', 'plum'], 1) }],
  },
  model: { kind: 'onnx', path: original, ...model },
  iterations: 20,
  batchSize: 16,
  learningRate: 0.01,
  ...given,
})

/** Names of the initialisers that differ; anything else that differs is an error. */
function changedIn(model: Uint8Array): string[] {
  const [before, after] = [decodeModel(new Uint8Array(readFileSync(original))), decodeModel(model)]
  const initialisers = (proto: typeof before) =>
    new Map(
      proto.graph?.initializer.map((tensor) => [
        tensor.name ?? '',
        JSON.stringify([...(tensor.rawData ?? [])]),
      ]),
    )
  const [old, now] = [initialisers(before), initialisers(after)]
  const rest = (proto: typeof before) => ({ ...proto, graph: { ...proto.graph, initializer: [] } })
  expect(rest(after)).toEqual(rest(before))
  expect([...now.keys()]).toEqual([...old.keys()])
  return [...now].flatMap(([name, bytes]) => (old.get(name) === bytes ? [] : [name]))
}

describe('a model from a file', () => {
  it('learns labels by their names, whatever their order in the data', async () => {
    const { model, result } = await learned(planOf({}, { iterations: 100 }))
    expect(result.matrix[0]?.[0]).toBe(1)
    expect(changedIn(model)).toEqual([...network.parameters.keys()])
    expect(modelFromOnnx(model).classes).toEqual(['plum', 'apple', 'pear'])
  })

  it.each([
    ['head', ['layers.4.weight', 'layers.4.bias']],
    ['last:2', ['layers.2.weight', 'layers.2.bias', 'layers.4.weight', 'layers.4.bias']],
    ['biases-norms', ['layers.0.bias', 'layers.2.bias', 'layers.4.bias']],
    ['*.weight,!layers.0.*', ['layers.2.weight', 'layers.4.weight']],
  ])('trains "%s" alone, and keeps the bytes of the rest', async (train, expected) => {
    const { model } = await learned(planOf({ train }))
    expect(changedIn(model)).toEqual(expected)
  })

  it('trains low-rank updates, merges them, and writes them for PEFT', async () => {
    const adapter = join(folder, 'adapter')
    const { model, result, folder: run } = await learned(planOf({ lora: { rank: 2 }, adapter }))
    const path = join(run, 'model.onnx')
    const again = await learned(planOf({ path }, { iterations: 1 }))
    expect(again.result.initial).toEqual(result.matrix[0])
    expect(result.initial).not.toEqual(result.matrix[0])
    expect(changedIn(model)).toEqual([
      'layers.0.weight',
      'layers.2.weight',
      'layers.4.weight',
      'layers.4.bias',
    ])
    const { tensors } = readSafetensors(
      new Uint8Array(readFileSync(join(adapter, 'adapter_model.safetensors'))),
    )
    expect(tensors.get('base_model.model.layers.0.lora_A.weight')?.dims).toEqual([2, 4])
    expect(JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'))).toMatchObject({
      r: 2,
      lora_alpha: 4,
    })
  })

  it.each(['ewc', 'online-ewc', 'lwf', 'replay', 'reservoir-replay', 'joint', 'ewc+lwf+replay'])(
    'learns two tasks with %s where most weights are frozen',
    async (name) => {
      const tasks = ['old', 'new'].map((task, at) => ({
        name: task,
        source: writePoints(task, ['apple', 'pear', 'plum'], at),
      }))
      const input = (model: OnnxInput) =>
        planOf(model, { stream: { kind: 'list', scenario: 'domain', tasks }, method: { name } })
      expect(changedIn((await learned(input({ train: 'head' }))).model)).toHaveLength(2)
      expect(changedIn((await learned(input({ lora: { rank: 2, head: false } }))).model)).toHaveLength(2)
    },
  )
})

describe('classes that the model does not know', () => {
  const withFig = () => writePoints('with fig', ['apple', 'fig', 'pear'], 2)
  const stream = (): PlanInput['stream'] => ({ kind: 'list', tasks: [{ name: 'new', source: withFig() }] })

  it('are refused with both lists', async () => {
    await expect(loadPlan(parsePlan(planOf({}, { stream: stream() })))).rejects.toThrow(
      /knows the classes plum, apple, pear, but the data have apple, fig, pear: fig is new to it/,
    )
  })

  it('get rows of their own in a wider head, with their names in the metadata', async () => {
    const { model, result } = await learned(planOf({ head: 'widen' }, { stream: stream(), iterations: 150 }))
    const found = modelFromOnnx(model)
    expect(found.classes).toEqual(['plum', 'apple', 'pear', 'fig'])
    expect(found.parameters.get('layers.4.weight')?.dims).toEqual([4, 8])
    expect(result.matrix[0]?.[0]).toBeGreaterThan(0.9)
  })

  it('are written in a new head that does not train, too', async () => {
    const { model } = await learned(planOf({ head: 'replace', train: 'layers.0.*' }, { stream: stream() }))
    expect(modelFromOnnx(model).classes).toEqual(['apple', 'fig', 'pear'])
    expect(modelFromOnnx(model).parameters.get('layers.4.weight')?.dims).toEqual([3, 8])
  })

  it('are told apart in a split of what the model knows, in the order of the data', async () => {
    const source = writePoints('split fruit', ['apple', 'pear', 'plum'], 4)
    const stream: PlanInput['stream'] = { kind: 'split', classesPerTask: 1 }
    const { result, model } = await learned(
      planOf({}, { stream, data: { source }, method: { name: 'replay' }, iterations: 60 }),
    )
    expect(result.matrix[2]).toEqual([1, 1, 1])
    expect(modelFromOnnx(model).classes).toEqual(['plum', 'apple', 'pear'])
  })

  it('count only where a task holds them', async () => {
    const groups: PlanInput['stream'] = { kind: 'split', groups: [[0], [2]] }
    const input = planOf({}, { stream: groups, data: { source: withFig(), testShare: 0.2 } })
    const { plan, inputs } = await loadPlan(parsePlan(input))
    const prepared = preparePlan(plan, inputs)
    expect(prepared.stream.tasks.map(({ name, units }) => ({ name, units }))).toEqual([
      { name: 'apple', units: [1] },
      { name: 'pear', units: [2] },
    ])
    expect(prepared.stream.outputs).toBe(3)
  })
})

describe('classes that are not matched by name', () => {
  const named = (plan: PlanInput) => loadPlan(parsePlan(plan))

  it('are refused where only one side has names, unless numbers are said to be positions', async () => {
    const path = join(folder, 'numbered.onnx')
    writeFileSync(path, modelToOnnx(network))
    await expect(named(planOf({ path }))).rejects.toMatchObject({ code: 'classes-numbered' })
    const { inputs } = await named(planOf({ path, numbersArePositions: true }))
    expect(inputs.data[0]?.train.classes).toEqual(['0', '1', '2'])
  })

  it('are compared by their number where each task has a head of its own', async () => {
    const tasks = ['old', 'new'].map((name) => ({ name, source: writePoints(name, ['apple', 'pear'], 1) }))
    const stream: PlanInput['stream'] = { kind: 'list', scenario: 'task', tasks }
    await expect(named(planOf({}, { stream }))).rejects.toThrow(/has 3 outputs, but the stream needs 4/)
    const { inputs } = await named(planOf({ head: 'replace' }, { stream }))
    expect(inputs.model?.classes).toEqual(['old: apple', 'old: pear', 'new: apple', 'new: pear'])
  })
})

describe('a folder as transformers.js lays it out', () => {
  it('comes back as a folder, its configuration byte for byte', async () => {
    const place = join(folder, 'fruit-model')
    mkdirSync(join(place, 'onnx'), { recursive: true })
    const config = '{"model_type": "mlp",  "id2label": {"0": "plum", "1": "apple", "2": "pear"}}'
    writeFileSync(join(place, 'config.json'), config)
    writeFileSync(join(place, 'onnx', 'model.onnx'), modelToOnnx(network))
    const run = await learned(planOf({ path: place, train: 'head' }))
    const back = (name: string) => readFileSync(join(run.folder, 'model', name))
    expect(String(back('config.json'))).toBe(config)
    expect(back('onnx/model.onnx').equals(readFileSync(join(place, 'onnx', 'model.onnx')))).toBe(false)
  })
})

describe('batch normalisation', () => {
  const path = join(folder, 'cnn.onnx')
  const statistics = async (batchnorm?: 'fixed' | 'train') => {
    const model = cnn({ channels: [4], blocks: 1, inputDims: [1, 28, 28], classes: 10, seed: 2 })
    writeFileSync(path, modelToOnnx(model))
    const stream: PlanInput['stream'] = { kind: 'split', groups: [[0, 1]] }
    const data = { source: 'synthetic', limit: { train: 200, test: 50 } }
    const run = await learned(
      planOf({ path, ...(batchnorm ? { batchnorm } : {}) }, { stream, data, iterations: 2 }),
    )
    const [before, after] = [readFileSync(path), run.model].map((bytes) =>
      modelFromOnnx(new Uint8Array(bytes), { batchNorm: 'train' }),
    )
    return [...(before?.buffers ?? [])].map(
      ([name, { data: old }]) => old.join() === after?.buffers.get(name)?.data.join(),
    )
  }

  it('keeps its statistics unless they are to train', async () => {
    expect(new Set(await statistics())).toEqual(new Set([true]))
    expect(new Set(await statistics('train'))).toEqual(new Set([false]))
  })
})

describe('settings that contradict each other', () => {
  it.each<[OnnxInput, RegExp]>([
    [{ train: 'head', lora: {} }, /model.train and model.lora are both given/],
    [{ adapter: 'there' }, /model.lora is not given/],
  ])('%o are refused', (model, message) => {
    expect(() => parsePlan(planOf(model))).toThrow(message)
  })
})
