import { beforeAll, describe, expect, test } from 'vitest'
import { blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { classLabels, concatenate, type Dataset, subset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import type { Model } from '../../model/model.ts'
import { heldOutQuotas } from './held-out-rows.ts'
import { type KeepOptions, keepModel } from './keep.ts'
import { extendPack } from './keep-extend.ts'
import { mergePacks } from './keep-merge.ts'
import type { HeldOut, Pack } from './pack.ts'
import { summarisePack } from './pack-summary.ts'
import { trafficShares } from './traffic.ts'

const engine = ortNode()
const classes = blobNames.slice(0, 3)
const test1 = blobs({ classes, perClass: 60, seed: 2 })
let model: Model

const keeping = (
  parts: Partial<KeepOptions & { readonly train: Dataset }> = {},
): KeepOptions & { readonly train: Dataset } => ({
  engine,
  model,
  identity: { name: 'a', sha256: 'a'.repeat(64) },
  train: blobs({ classes, perClass: 40, seed: 1 }),
  heldOut: test1,
  budget: { rows: 9, choose: 'random' },
  fisher: false,
  ...parts,
})
const held = ({ heldOut }: Pack): HeldOut => {
  if (!heldOut) throw new Error('nothing held out')
  return heldOut
}
/** Rows of these classes, so many of each. */
const rowsOf = (dataset: Dataset, counts: readonly number[]): Dataset => {
  const labels = classLabels(dataset)
  const rows = counts.flatMap((count, label) =>
    [...labels.keys()].filter((row) => labels[row] === label).slice(0, count),
  )
  return subset(dataset, Int32Array.from(rows))
}

beforeAll(async () => {
  model = await blobModel(engine, classes)
})

describe('the use of held-out rows', () => {
  test('is counted: each release uses the rows that it was proved on, and not those that join with it', async () => {
    const { pack } = await keepModel(keeping())
    expect(summarisePack(pack).heldOut).toMatchObject({ rows: 180, uses: [{ releases: 0, rows: 180 }] })
    let next = pack
    for (const seed of [5, 6]) {
      next = (
        await extendPack({
          ...keeping({ train: blobs({ classes, perClass: 20, seed }) }),
          heldOut: blobs({ classes, perClass: 10, seed: 10 + seed }),
          pack: next,
        })
      ).pack
    }
    expect(summarisePack(next).heldOut?.uses).toEqual([
      { releases: 0, rows: 30 },
      { releases: 1, rows: 30 },
      { releases: 2, rows: 180 },
    ])
    const both = mergePacks(pack, {
      ...pack,
      heldOut: { ...held(pack), uses: { ...held(pack).uses, data: held(pack).uses.data.map(() => 7) } },
    })
    expect(summarisePack(both).heldOut?.uses).toEqual([{ releases: 7, rows: 180 }])
  })
})

describe('the traffic', () => {
  const shares = (pack: Pack) => trafficShares(pack.traffic, pack.classes, pack.classes)

  test('is counted in the data before rows are chosen, and half of the held-out rows follow it', async () => {
    const heldOut = rowsOf(blobs({ classes, perClass: 300, seed: 7 }), [300, 60, 60])
    const train = rowsOf(blobs({ classes, perClass: 300, seed: 8 }), [260, 60, 60])
    const { pack } = await keepModel(keeping({ train, heldOut, heldOutRows: 120 }))
    expect(shares(pack)).toEqual([0.7, 0.15, 0.15])
    const counts = [0, 0, 0]
    for (const label of classLabels(held(pack).dataset)) counts[label] = (counts[label] ?? 0) + 1
    // 20 of each, and 60 as the traffic is.
    expect(counts).toEqual([62, 29, 29])
  })

  test('is divided without a row too many or too few', () => {
    const traffic = { source: 'counted' as const, weights: [970, 20, 10] }
    const available = new Map([
      [0, 400],
      [1, 100],
      [2, 5],
    ])
    for (const most of [1, 2, 3, 50, 99, 300, 505]) {
      const quota = heldOutQuotas(available, most, traffic)
      expect([...quota.values()].reduce((sum, count) => sum + count, 0)).toBe(most)
      for (const [label, count] of quota) expect(count).toBeLessThanOrEqual(available.get(label) ?? 0)
    }
    expect([
      ...heldOutQuotas(
        new Map([
          [0, 9],
          [1, 9],
        ]),
        10,
        undefined,
      ).values(),
    ]).toEqual([5, 5])
  })

  test('adds up where it was counted, stays where it was given, and is told to be of fewer classes then', async () => {
    const more = await blobModel(engine, blobNames.slice(0, 4), 4)
    const fresh = concatenate([blobs({ classes: blobNames.slice(0, 4), perClass: 40, seed: 9 })])
    const extended = async (pack: Pack) =>
      extendPack({ ...keeping({ model: more, train: fresh, heldOut: undefined }), pack })
    const { pack: counted } = await keepModel(keeping())
    expect(shares((await extended(counted)).pack)).toEqual([140 / 460, 140 / 460, 140 / 460, 40 / 460])
    const given = new Map([
      ['amber', 90],
      ['coral', 0],
      ['blue', 10],
    ])
    const { pack: said } = await keepModel(keeping({ traffic: given }))
    expect(shares(said)).toEqual([0.9, 0.1, 0])
    const { pack: next, notes } = await extended(said)
    expect(shares(next)).toEqual([0.9, 0.1, 0, 0])
    expect(notes.join()).toContain('say nothing of denim')
    expect(() => mergePacks(said, counted)).toThrow('they differ in the traffic that was given')
  })

  test('adds up where packs are merged, and what both have counts once', async () => {
    const { pack: one } = await keepModel(keeping())
    const counted = (pack: Pack) => pack.traffic?.weights
    expect(counted(one)).toEqual([100, 100, 100])
    expect(counted(mergePacks(one, one))).toEqual([100, 100, 100])
    // Ten other rows of the first class, and all held-out rows of the first pack anew.
    const train = rowsOf(blobs({ classes, perClass: 30, seed: 9 }), [10, 0, 0])
    const { pack: other } = await keepModel(keeping({ train }))
    expect(counted(other)).toEqual([70, 60, 60])
    expect(counted(mergePacks(one, other))).toEqual([110, 100, 100])
    expect(counted(mergePacks(other, one))).toEqual([110, 100, 100])
    const more = { ...one, data: [...one.data, ...other.data], traffic: other.traffic }
    expect(mergePacks(one, more).traffic).toEqual(other.traffic)
    const strange = other.data.map((each) => ({ ...each, fingerprint: 'c' }))
    const third = { ...one, data: [...one.data, ...strange] }
    expect(() => mergePacks(more, third)).toThrow(
      expect.objectContaining({
        code: 'pack-overlap',
        message: expect.stringContaining('would count twice in what was counted and summed of all rows'),
      }),
    )
  })

  test.each<[ReadonlyMap<string, number>, string]>([
    [new Map([['amber', 1]]), 'says nothing of blue, coral; write 0'],
    [
      new Map([
        ['amber', 1],
        ['blue', 1],
        ['coral', 1],
        ['cat', 1],
      ]),
      'does not know cat',
    ],
    [
      new Map([
        ['amber', -1],
        ['blue', 1],
        ['coral', 1],
      ]),
      'the share of "amber" is -1',
    ],
    [
      new Map([
        ['amber', 0],
        ['blue', 0],
        ['coral', 0],
      ]),
      'all shares are 0',
    ],
  ])('is refused where it does not say one share of each class: %s', async (traffic, message) => {
    await expect(keepModel(keeping({ traffic }))).rejects.toThrow(message)
  })
})
