import { beforeAll, describe, expect, test } from 'vitest'
import { blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import {
  asStored,
  classLabels,
  concatenate,
  createDataset,
  type Dataset,
  samples,
  subset,
} from '../../data/dataset.ts'
import { rowHashes } from '../../data/fingerprint.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { activationsAt, headCut, inFloats, modelAbove } from '../../evaluate/cuts/index.ts'
import { openJudge } from '../../evaluate/judge.ts'
import { widenHead } from '../../model/heads/index.ts'
import { mlp } from '../../model/layers/networks.ts'
import type { Model } from '../../model/model.ts'
import { TensorCode } from '../../onnx/codes.ts'
import { plainNode } from '../../onnx/graph.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { predicted } from '../path/index.ts'
import { activationKeys, activationsOf, keyWords } from './held-activations.ts'
import { type KeepOptions, keepModel } from './keep.ts'
import { extendPack } from './keep-extend.ts'
import { mergePacks } from './keep-merge.ts'
import type { Pack } from './pack.ts'
import { decodePack, encodePack } from './pack-codec.ts'
import { summarisePack } from './pack-summary.ts'
import { trunkHash } from './trunk-hash.ts'

const engine = ortNode()
const classes = blobNames.slice(0, 4)
const train = blobs({ classes, perClass: 40, seed: 21 })
const heldOut = blobs({ classes, perClass: 80, seed: 22 })
let model: Model
let pack: Pack

const identity = (name: string) => ({ name, sha256: name.padEnd(64, '0') })
const keeping = (
  parts: Partial<KeepOptions & { readonly train: Dataset }> = {},
): KeepOptions & { readonly train: Dataset } => ({
  ...{ engine, model, identity: identity('a'), train, heldOut },
  ...{ budget: { rows: 20, choose: 'random' }, heldOutRows: 40, heldOutActivations: 200 },
  ...parts,
})

async function answersOf(of: Model, dataset: typeof train): Promise<Int32Array> {
  const judge = openJudge(engine, of, of.classes.length)
  return predicted(await judge.answers(dataset).finally(() => judge.dispose()), of.classes.length, 0)
}

const aboveOf = ({ activations }: Pack) => {
  if (!activations) throw new Error('no activations')
  return activations
}

/** The rows of the pack's activations among some inputs. */
const rowsOf = (of: Pack, inputs: typeof train) => {
  const words = keyWords(activationKeys(inputs))
  return Int32Array.from(keyWords(aboveOf(of).keys), (word) => words.indexOf(word))
}

beforeAll(async () => {
  model = await blobModel(engine, classes)
  pack = (await keepModel(keeping())).pack
})

const drawn = (dims: readonly number[], seed: number) => {
  const random = randomStream(seed, 'weights')
  const count = dims.reduce((product, dim) => product * dim, 1)
  return float32(
    dims,
    Array.from({ length: count }, () => random.normal()),
  )
}

/** Words of three tokens at most, 0 fills up; the mean of what is made of them is classified. */
function textModel(): Model {
  const ids = { name: 'ids', type: 'int64', dims: ['batch', 'tokens'] } as const
  return {
    graph: {
      name: 'texts',
      inputs: [ids],
      outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 2] }],
      initializers: new Map<string, Tensor>([
        ['last', int64([1], [2])],
        ['pad', int64([], [0])],
        ['low', float32([], [-5])],
      ]),
      nodes: [
        plainNode('Gather', ['embedding', 'ids'], 'e'),
        plainNode('MatMul', ['e', 'mix'], 'm'),
        plainNode('Equal', ['ids', 'pad'], 'padded'),
        plainNode('Cast', ['padded'], 'padding', { to: TensorCode.float32 }),
        plainNode('Mul', ['padding', 'low'], 'mask'),
        plainNode('Unsqueeze', ['mask', 'last'], 'wide'),
        plainNode('Add', ['m', 'wide'], 'masked'),
        plainNode('ReduceMean', ['masked'], 'mean', { axes: [1], keepdims: 0 }),
        plainNode('Gemm', ['mean', 'head.weight', 'head.bias'], 'logits', { transB: 1 }),
      ],
    },
    opsets: { '': 17 },
    parameters: new Map([
      ['embedding', drawn([8, 6], 1)],
      ['mix', drawn([6, 6], 2)],
      ['head.weight', drawn([2, 6], 3)],
      ['head.bias', drawn([2], 4)],
    ]),
    buffers: new Map(),
    ...{ input: ids, output: 'logits', classes: ['no', 'yes'] },
  }
}

function texts(perClass: number, seed: number): Dataset {
  const random = randomStream(seed, 'texts')
  const rows = Array.from({ length: 2 * perClass }, () => {
    const length = 1 + random.integer(3)
    return Array.from({ length: 3 }, (_, at) => (at < length ? 1 + random.integer(7) : 0))
  })
  return createDataset({
    name: 'texts',
    inputs: int64([rows.length, 3], rows.flat()),
    labels: { type: 'int32', dims: [rows.length], data: Int32Array.from(rows, (_, at) => at % 2) },
    classes: ['no', 'yes'],
    preprocessing: { ...asStored, pad: 0 },
  })
}

describe('held-out rows as activations', () => {
  test('are others than those held out as inputs, balanced alike, and answered as the whole model answers', async () => {
    const held = aboveOf(pack)
    const inputs = subset(heldOut, rowsOf(pack, heldOut))
    expect(samples(held.dataset)).toBe(200)
    expect(inputs.labels.data).toEqual(held.dataset.labels.data)
    expect(
      classes.map((_, unit) => classLabels(held.dataset).filter((each) => each === unit).length),
    ).toEqual([50, 50, 50, 50])
    const raw = new Set(pack.heldOut && rowHashes(pack.heldOut.dataset))
    expect(rowHashes(inputs).filter((hash) => raw.has(hash))).toEqual([])
    const own = await answersOf(model, inputs)
    expect(held.answers).toEqual([{ type: 'int32', dims: [200], data: own }])
    expect(await answersOf(modelAbove(model, held.cut), held.dataset)).toEqual(own)
    expect(held.trunk).toBe(trunkHash(model, headCut(model)))
    expect([...held.uses.data]).toEqual(new Array(200).fill(0))
  })

  test('come back from the file, and are told of', () => {
    const back = decodePack(encodePack(pack), 'a.keep')
    expect(back).toEqual(pack)
    expect(encodePack(back)).toEqual(encodePack(pack))
    expect(summarisePack(pack).activations).toMatchObject({
      rows: 200,
      stored: 'float16',
      at: pack.activations?.cut.values[0],
    })
  })

  test('are none, which is said, where all rows are held out as inputs', async () => {
    const { pack: without, notes } = await keepModel(keeping({ heldOutRows: 400 }))
    expect(without.activations).toBeUndefined()
    expect(notes.join()).toContain('none is left to keep as activations')
  })

  test('may be taken at any other place, and the message names these', async () => {
    const deep = mlp({ widths: [2, 6, 5, 4], classes, seed: 1 })
    const [first] = (await keepModel(keeping({ model: deep }))).pack.activations?.cut.values ?? []
    const places = await keepModel(keeping({ model: deep, activationsAt: 'nowhere' })).catch(
      (error: unknown) => String(error),
    )
    expect(places).toContain(`cannot be taken apart at "nowhere". It can at `)
    const [, lower = ''] = /It can at ([^ ]+) \(6 numbers a row\)/.exec(String(places)) ?? []
    expect(lower).not.toBe(first)
    const { activations } = (await keepModel(keeping({ model: deep, activationsAt: lower }))).pack
    expect(activations?.cut.values).toEqual([lower])
    expect(activations?.dataset.inputs.dims).toEqual([200, 6])
  })

  test('hold what is read beside the learned value, too: which tokens only fill up', async () => {
    const reader = textModel()
    const rows = (perClass: number, seed: number) => texts(perClass, seed)
    const { pack: kept } = await keepModel({
      ...{ engine, model: reader, identity: identity('t'), train: rows(10, 1), heldOut: rows(40, 2) },
      ...{
        budget: { rows: 4, choose: 'random' },
        heldOutRows: 10,
        heldOutActivations: 50,
        activationsAt: 'e',
      },
    })
    const held = aboveOf(kept)
    expect(held.cut).toMatchObject({ values: ['e', 'padded'], types: ['float32', 'bool'], rowDims: [3] })
    const back = decodePack(encodePack(kept), 't.keep')
    expect(back).toEqual(kept)
    const { cut, dataset, answers } = aboveOf(back)
    expect(await answersOf(modelAbove(reader, cut), dataset)).toEqual(answers[0]?.data)
    expect(trunkHash(reader, cut)).toBe(held.trunk)
  })

  test('are refused where the head reads the inputs, and in a private pack', async () => {
    const flat = mlp({ widths: [2, 4], classes, seed: 1 })
    await expect(keepModel(keeping({ model: flat }))).rejects.toMatchObject({ code: 'features-raw' })
    await expect(keepModel(keeping({ private: true }))).rejects.toMatchObject({ code: 'keep-activations' })
    const { pack: hidden } = await keepModel(keeping({ private: true, heldOutActivations: 0 }))
    const extending = { ...keeping(), pack: hidden, model, identity: identity('b') }
    await expect(extendPack(extending)).rejects.toMatchObject({ code: 'keep-activations' })
  })

  test('take as few bytes as leave each answer as it is', async () => {
    const many = blobs({ classes, perClass: 300, seed: 5, spread: 0.2 })
    const cut = headCut(model)
    const own = await answersOf(model, many)
    // Far from every border a byte is enough; of few rows, all alike says too little for that.
    expect((await activationsOf(engine, model, cut, many, own)).inputs.type).toBe('uint8')
    const few = subset(
      many,
      Int32Array.from({ length: 900 }, (_, row) => row),
    )
    expect((await activationsOf(engine, model, cut, few, own.subarray(0, 900))).inputs.type).toBe('float16')
    const other = Int32Array.from(own, (unit, row) => (row === 7 ? (unit + 1) % 4 : unit))
    await expect(activationsOf(engine, model, cut, many, other)).rejects.toMatchObject({
      code: 'cut-differs',
    })
  })

  test('as bytes are floats again as the layers above read them', async () => {
    const exact = await activationsAt(engine, model, headCut(model), heldOut)
    const stored = await activationsAt(engine, model, headCut(model), heldOut, { store: 'uint8' })
    const judge = openJudge(engine, modelAbove(model, headCut(model)), 4)
    const [bytes, floats] = [await judge.logits(stored), await judge.logits(inFloats(stored))]
    await judge.dispose()
    for (const [at, value] of floats.data.entries()) expect(value).toBeCloseTo(bytes.data[at] ?? 0, 4)
    expect(inFloats(exact)).toEqual(exact)
  })
})

describe('a pack with activations, extended', () => {
  const wider = [...classes, 'ebony']
  const ebony = (seed: number, perClass: number) => blobs({ classes: ['ebony'], perClass, seed })

  test('keeps them where what lies below the cut stays, with what each release answered', async () => {
    const widened = widenHead(model, { classes: ['ebony'], seed: 3 })
    const fresh = concatenate([ebony(31, 90)])
    const next = await extendPack({
      ...keeping({ model: widened, identity: identity('b'), train: ebony(30, 40), heldOut: fresh }),
      ...{ pack, heldOutRows: 20, heldOutActivations: 30 },
    })
    const held = aboveOf(next.pack)
    expect(samples(held.dataset)).toBe(230)
    expect(held.dataset.classes).toEqual(wider)
    const [first, second] = held.answers
    expect(first?.data.subarray(0, 200)).toEqual(aboveOf(pack).answers[0]?.data)
    expect([...(first?.data.subarray(200) ?? [])]).toEqual(new Array(30).fill(-1))
    expect(await answersOf(modelAbove(widened, held.cut), held.dataset)).toEqual(second?.data)
    expect([...held.uses.data].sort()).toEqual([...new Array(30).fill(0), ...new Array(200).fill(1)])
    expect(next.notes.join()).not.toContain('are gone')
    expect(decodePack(encodePack(next.pack), 'b.keep')).toEqual(next.pack)
  })

  test('rehearses none of them', async () => {
    const all = subset(heldOut, rowsOf(pack, heldOut))
    const { pack: next } = await extendPack({
      ...keeping({
        identity: identity('b'),
        train: all,
        heldOut: undefined,
        budget: { rows: 200, choose: 'random' },
      }),
      pack,
    })
    expect(samples(next.exemplars ?? train)).toBe(20)
  })

  test('loses them, and says so, where it has changed', async () => {
    const moved = new Map(
      [...model.parameters].map(([name, tensor], at) => [
        name,
        at === 0
          ? float32(
              tensor.dims,
              (tensor.data as Float32Array).map((value) => value + 0.01),
            )
          : tensor,
      ]),
    )
    const { pack: next, notes } = await extendPack({
      ...keeping({ model: { ...model, parameters: moved }, identity: identity('b') }),
      ...{ pack, heldOut: undefined, heldOutActivations: 0 },
    })
    expect(next.activations).toBeUndefined()
    expect(notes.join()).toContain('the 200 held-out rows that the pack had as activations there are gone')
  })
})

describe('packs with activations, merged', () => {
  test('have those of both once, none that the other rehearses, and float32 where they are stored in two ways', async () => {
    const more = blobs({ classes, perClass: 80, seed: 23 })
    const rehearsed = subset(heldOut, rowsOf(pack, heldOut).subarray(0, 5))
    const { pack: other } = await keepModel(
      keeping({
        train: rehearsed,
        budget: { rows: 5, choose: 'random' },
        heldOut: concatenate([subset(heldOut, rowsOf(pack, heldOut).subarray(5, 60)), more]),
        heldOutRows: 0,
      }),
    )
    const merged = mergePacks(pack, other)
    const words = keyWords(aboveOf(merged).keys)
    expect(new Set(words).size).toBe(words.length)
    const gone = new Set(keyWords(activationKeys(rehearsed)))
    expect(words.filter((word) => gone.has(word))).toEqual([])
    const both = new Set([...keyWords(aboveOf(pack).keys), ...keyWords(aboveOf(other).keys)])
    const raw = new Set(keyWords(activationKeys(merged.heldOut?.dataset ?? train)))
    expect(words.length).toBe([...both].filter((word) => !gone.has(word) && !raw.has(word)).length)
    const bytes = { ...other, activations: { ...aboveOf(other), dataset: inFloats(aboveOf(other).dataset) } }
    const mixed = aboveOf(mergePacks(pack, bytes))
    expect(mixed.dataset.inputs.type).toBe('float32')
    expect(await answersOf(modelAbove(model, mixed.cut), mixed.dataset)).toEqual(mixed.answers[0]?.data)
    expect(aboveOf(mergePacks({ ...pack, activations: undefined }, other)).answers[0]?.data.length).toBe(
      samples(aboveOf(mergePacks({ ...pack, activations: undefined }, other)).dataset),
    )
  })

  test('of two cuts are refused', () => {
    const held = aboveOf(pack)
    const other = { ...pack, activations: { ...held, cut: { ...held.cut, values: ['elsewhere'] } } }
    expect(() => mergePacks(pack, other)).toThrow('differ in where held-out rows are activations')
  })
})
