import { beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../test/blobs.ts'
import { concatenate, type Dataset, samples } from '../data/dataset.ts'
import { rowHashes } from '../data/fingerprint.ts'
import { ortNode } from '../engine/ort-node.ts'
import { type ActivationStore, activationsAt, cutsOf, headCut, type Place } from '../evaluate/cuts/index.ts'
import { widenHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { float32 } from '../tensor/tensor.ts'
import { keepModel } from './pack/keep.ts'
import { type Pack, packVersion } from './pack/pack.ts'
import type { UpdateData } from './parts.ts'
import { preflight } from './preflight.ts'
import { proofRows } from './proof-rows.ts'
import { settleProving } from './proving.ts'
import { updateModel } from './update.ts'
import { packRows } from './update-pack.ts'
import type { UpdateOptions } from './update-types.ts'

const engine = ortNode()
const old = blobNames.slice(0, 4)
const all = blobNames.slice(0, 5)
const inputs = among(blobs({ classes: old, perClass: 60, seed: 14 }), all)
const more = among(blobs({ classes: old, perClass: 120, seed: 15 }), all)
let model: Model
let widened: Model
let lower: Place

const adding = (parts: Partial<UpdateData> = {}): UpdateData => ({
  train: among(blobs({ classes: ['ebony'], perClass: 40, seed: 11 }), all),
  heldOut: among(blobs({ classes: ['ebony'], perClass: 40, seed: 12 }), all),
  exemplars: among(blobs({ classes: old, perClass: 20, seed: 13 }), all),
  oldHeldOut: inputs,
  ...parts,
})

const options = (data: UpdateData, parts: Partial<UpdateOptions> = {}): UpdateOptions => ({
  ...{ engine, model, widened, data, budget: { maxDrop: 0.03 }, epochs: 4, learningRate: 1e-2 },
  ...parts,
})

const taken = async (cut: Place, rows: Dataset, store: ActivationStore = 'float32') => ({
  cut,
  rows: await activationsAt(engine, model, cut, rows, { store }),
})

const named = (of: UpdateOptions) => settleProving(of).ladder.map(({ name }) => name)

beforeAll(async () => {
  model = await blobModel(engine, old)
  widened = widenHead(model, { classes: ['ebony'], seed: 3 })
  // Below the second of three layers: the head is not all that lies above.
  const [first] = cutsOf(model, [2])
  if (!first) throw new Error('no cut')
  lower = first
})

describe('what activations prove', () => {
  test('is what trains above their cut: nothing below it does unless it is asked for', async () => {
    const data = adding({ oldActivations: await taken(headCut(model), more) })
    const { ladder, notes, data: settled } = settleProving(options(data))
    expect(ladder.map(({ name }) => name)).toEqual(['closed-form', 'head'])
    expect(settled.oldActivations).toBe(data.oldActivations)
    expect(notes.join()).toContain('480 old held-out rows are kept as activations')
    expect(notes.join()).toContain('name it with --rungs')
    expect(named(options(adding()))).toContain('whole')
  })

  test('where what lies below is asked for is nothing: inputs prove alone, and it is said', async () => {
    const oldActivations = await taken(headCut(model), more)
    const data = adding({ oldActivations })
    const asked: readonly Partial<UpdateOptions>[] = [
      { rungs: ['head', 'whole'] },
      { select: { kind: 'last', layers: 2 } },
      { lora: { rank: 1 } },
    ]
    for (const parts of asked) {
      const { data: settled, notes, ladder } = settleProving(options(data, parts))
      expect(settled.oldActivations).toBeUndefined()
      expect(notes.join()).toContain('what is held out as inputs proves alone')
      expect(ladder.at(-1)?.name).toBe('whole')
    }
    const allowed: readonly Partial<UpdateOptions>[] = [{ rungs: ['head'] }, { select: { kind: 'head' } }]
    for (const parts of allowed) {
      expect(settleProving(options(data, parts)).data.oldActivations).toBe(oldActivations)
    }
    const deeper = adding({ oldActivations: await taken(lower, more) })
    expect(
      settleProving(options(deeper, { select: { kind: 'last', layers: 2 } })).data.oldActivations,
    ).toBeDefined()
  })

  test('is the same as the inputs would: the same candidate with the same flips, bounds and weights', async () => {
    const both = await updateModel(
      options(adding({ oldHeldOut: concatenate([inputs, more]) }), { rungs: ['closed-form', 'head'] }),
    )
    expect(both.status).toBe('met')
    for (const cut of [headCut(model), lower]) {
      const oldActivations = await taken(cut, more)
      const result = await updateModel(
        options(adding({ oldActivations }), { rungs: ['closed-form', 'head'] }),
      )
      expect(result.old).toEqual({ ...both.old, activations: 480 })
      expect(result.chosen).toEqual(both.chosen)
      expect(result.parameters).toEqual(both.parameters)
    }
    // And something hangs on them: with the inputs alone fewer rows prove.
    const alone = await updateModel(options(adding(), { rungs: ['closed-form', 'head'] }))
    expect(alone.old?.n).toBe(240)
    expect(alone.old?.upper).toBeGreaterThan(both.old?.upper ?? 1)
  })

  test('may be all that there is to prove on, in fewer bytes a value', async () => {
    const oldActivations = await taken(headCut(model), more, 'float16')
    const result = await updateModel(options(adding({ oldHeldOut: undefined, oldActivations })))
    expect(result.old).toMatchObject({ n: 480, activations: 480 })
    expect(result.status).toBe('met')
  })

  test('counts where it is said beforehand whether rows can show the budget', async () => {
    const classes = { known: old, kept: [], added: ['ebony'], nearMisses: [] }
    const method = { name: 'replay', reasons: [] }
    const data = adding({ oldActivations: { ...(await taken(headCut(model), more)), inCommon: () => 3 } })
    const found = preflight({ classes, data, method, budget: { maxDrop: 0.03 } })
    expect(found.power?.n).toBe(720)
    expect(found.rows).toMatchObject({ oldHeldOut: 240, oldActivations: 480 })
    expect(found.warnings.join()).toContain(
      '3 inputs stand both among the old held-out rows and the new training rows',
    )
  })
})

test('the first release is asked about inputs, and then about activations; uses add up', () => {
  const rows = (count: number) => blobs({ classes: old, perClass: count, seed: 1 })
  const found = proofRows({
    oldHeldOut: rows(1),
    oldActivations: {
      ...{ cut: headCut(model), rows: rows(1), first: Int32Array.of(3, 2, 1, -1) },
      uses: [
        { releases: 0, rows: 1 },
        { releases: 2, rows: 3 },
      ],
    },
    first: { answers: Int32Array.of(0, 1, 2, 3) },
    uses: [{ releases: 2, rows: 4 }],
  })
  expect([...(found?.first ?? [])]).toEqual([0, 1, 2, 3, 3, 2, 1, -1])
  expect(found?.uses).toEqual([
    { releases: 0, rows: 1 },
    { releases: 2, rows: 7 },
  ])
})

describe('the activations of a pack', () => {
  let pack: Pack
  const identity = { name: 'model.onnx', sha256: 'ab'.repeat(32) }
  const use = (of: Model) => ({
    ...{ model: of, identity, place: 'model.keep', classes: all },
    preprocessing: pack.preprocessing,
  })

  beforeAll(async () => {
    const own = (perClass: number, seed: number) => blobs({ classes: old, perClass, seed })
    const kept = await keepModel({
      ...{ engine, model, identity, train: own(20, 30), heldOut: own(50, 31) },
      ...{ heldOutRows: 40, heldOutActivations: 160 },
    })
    pack = kept.pack
  })

  test('come under the classes of the updated model, with what the first release answered', () => {
    expect(pack.version).toBe(packVersion)
    const rows = packRows(pack, use(model))
    expect(rows.activations?.rows.classes).toEqual(all)
    expect(rows.activations?.uses).toEqual([{ releases: 0, rows: 160 }])
    expect(rows.activations?.first).toBeUndefined()
    expect(rows.activations?.inCommon?.(blobs({ classes: old, perClass: 50, seed: 31 }))).toBe(160)
    expect(samples(rows.heldOut ?? inputs)).toBe(40)
    expect(rows.notes).toEqual([])
    const held = pack.heldOut && rowHashes(pack.heldOut.dataset)
    expect(held?.length).toBe(40)
    const [release] = pack.history
    const none = { type: 'int32' as const, dims: [0], data: new Int32Array() }
    const again: Pack = {
      ...pack,
      heldOut: undefined,
      history: release ? [release, release].map((each) => ({ ...each, predictions: none })) : [],
    }
    const { first, activations } = packRows(again, use(model))
    expect(first?.answers.length).toBe(0)
    expect(activations?.first).toEqual(pack.activations?.answers[0]?.data)
  })

  test('are not used for a model with other weights below them, which is said', () => {
    const moved = new Map(
      [...model.parameters].map(([name, tensor], at) => [
        name,
        at === 0
          ? float32(
              tensor.dims,
              (tensor.data as Float32Array).map((value) => 1.01 * value),
            )
          : tensor,
      ]),
    )
    const { activations, notes, heldOut } = packRows(pack, use({ ...model, parameters: moved }))
    expect(activations).toBeUndefined()
    expect(samples(heldOut ?? more)).toBe(40)
    expect(notes.join()).toContain('what lies below that in model.onnx is not what they were made by')
  })
})
