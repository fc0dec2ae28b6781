import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../../data/dataset.ts'
import { sha256 } from '../../data/sha256.ts'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { type Pack, releaseAccuracy, unseenRows } from './pack.ts'
import { decodePack, encodePack } from './pack-codec.ts'
import { readPack, writePack } from './pack-files.ts'
import { sumsIn } from './sums-codec.ts'

const int32 = (values: readonly number[]): Tensor<'int32'> => ({
  type: 'int32',
  dims: [values.length],
  data: Int32Array.from(values),
})

const rows = (name: string, pixels: readonly number[], labels: readonly number[]): Dataset =>
  createDataset({
    name,
    inputs: { type: 'uint8', dims: [labels.length, 2], data: Uint8Array.from(pixels) },
    labels: int32(labels),
    classes: ['cat', 'dog'],
    preprocessing: { scale: 1 / 255, mean: [0.5, 0.25], std: 0.5 },
  })

/** What the files in test/fixtures/pack were written from. */
const pack: Pack = {
  version: 4,
  created: '2026-01-02T03:04:05.000Z',
  model: { name: 'model.onnx', sha256: 'ab'.repeat(32) },
  classes: ['cat', 'dog'],
  traffic: { source: 'counted', weights: [30, 10] },
  preprocessing: { scale: 1 / 255, mean: [0.5, 0.25], std: 0.5 },
  private: false,
  features: undefined,
  exemplars: rows('pets', [1, 2, 3, 4, 5, 6], [0, 1, 1]),
  logits: float32([3, 2], [1, -1, 0.5, 2, -3, 4]),
  fisher: { rows: 3, diagonal: new Map([['fc.bias', float32([2], [0.25, 0.5])]]) },
  sums: undefined,
  heldOut: {
    dataset: rows('pets test', [7, 8, 9, 10], [0, 1]),
    uses: int32([3, 0]),
    predictions: int32([0, 0]),
    logits: float32([2, 2], [3, 1, 2, 1]),
  },
  data: [{ name: 'pets', fingerprint: 'cd'.repeat(32), rows: 40, synthetic: false }],
  versions: { holdfast: '0.1.0' },
  budget: { rows: 3, choose: 'herding' },
  history: [
    {
      model: { name: 'model.onnx', sha256: 'ab'.repeat(32) },
      created: '2026-01-02T03:04:05.000Z',
      classes: 2,
      predictions: int32([0, 0]),
    },
  ],
}

const float64 = (values: readonly number[]): Tensor<'float64'> => ({
  ...{ type: 'float64', dims: [values.length] },
  data: Float64Array.from(values),
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-pack-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a pack', () => {
  test('comes back from its bytes as it was, and equal packs have equal bytes', () => {
    const bytes = encodePack(pack)
    expect(decodePack(bytes, 'model.keep')).toEqual(pack)
    expect(encodePack(decodePack(bytes, 'model.keep'))).toEqual(bytes)
  })

  test('may have sums, of which a file holds each product once', () => {
    const expansion = { width: 1, features: 1, passes: 1, weight: '12'.repeat(32), seed: 7 } as const
    const summed: Pack = {
      ...pack,
      sums: {
        ...{ value: 'features', body: 'ef'.repeat(32), of: 'training data', expansion },
        sums: {
          counts: Float64Array.of(30, 10),
          sums: Float64Array.of(1.5, 2, -3, 0.25),
          scatter: Float64Array.of(4, 0, -1.25, 9),
          width: 2,
        },
      },
    }
    const bytes = encodePack(summed)
    expect(decodePack(bytes, 'model.keep')).toEqual(summed)
    expect(bytes).not.toEqual(encodePack(pack))
    const { 'sums.safetensors': member = new Uint8Array() } = unzipSync(bytes)
    expect(readSafetensors(member).tensors.get('scatter')?.dims).toEqual([3])
    const narrow = writeSafetensors(new Map([...readSafetensors(member).tensors, ['counts', float64([30])]]))
    expect(() => sumsIn({ 'sums.safetensors': narrow }, 2, 'model.keep')).toThrow(
      'model.keep, sums.safetensors: counts of [1], sums of [2, 2] and 3 products do not go together with 2 classes',
    )
  })

  test('may have neither exemplars nor held-out rows nor Fisher', () => {
    const bare: Pack = {
      ...pack,
      exemplars: undefined,
      logits: undefined,
      fisher: undefined,
      heldOut: undefined,
      history: pack.history.map((release) => ({ ...release, predictions: int32([]) })),
    }
    expect(decodePack(encodePack(bare), 'bare.keep')).toEqual(bare)
  })

  test('of an older format is read as long as there are files of it', async () => {
    // It has parts of held-out rows, too, which nothing asks for any more.
    expect(await readPack('test/fixtures/pack/version-2.keep')).toEqual({ ...pack, version: 2 })
    expect(await readPack('test/fixtures/pack/version-3.keep')).toEqual({ ...pack, version: 3 })
    const first = await readPack('test/fixtures/pack/version-1.keep')
    if (!first.heldOut || !pack.heldOut) throw new Error('nothing held out')
    // It says nothing of the traffic, nor of uses.
    expect([...first.heldOut.uses.data]).toEqual([0, 0])
    const now = { ...first, version: 4, traffic: pack.traffic }
    expect({ ...now, heldOut: { ...first.heldOut, uses: pack.heldOut.uses } }).toEqual(pack)
  })

  test('says how often a release was right, among the rows that it was asked about', () => {
    const [release] = pack.history
    if (!release) throw new Error('no release')
    expect(releaseAccuracy(release, pack.heldOut)).toEqual({ rows: 2, accuracy: 0.5 })
    expect(releaseAccuracy({ ...release, predictions: int32([0, -1]) }, pack.heldOut)).toEqual({
      rows: 1,
      accuracy: 1,
    })
  })

  test('tells rows that were not seen before', () => {
    const seen = rows('seen', [1, 1], [0])
    expect([...unseenRows(rows('new', [2, 2, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1]), [seen, undefined])]).toEqual([
      0, 3,
    ])
  })
})

/** The file with its members changed. */
function changed(change: (members: Record<string, Uint8Array>) => void): Uint8Array {
  const members = unzipSync(encodePack(pack))
  change(members)
  return zipSync(members)
}

describe('a damaged pack is refused', () => {
  test.each(['pack.json', 'exemplars.safetensors', 'held-out.safetensors', 'fisher.safetensors'])(
    'where %s has changed or is gone',
    (member) => {
      const flipped = changed((members) => {
        const bytes = Uint8Array.from(members[member] ?? [])
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
        members[member] = bytes
      })
      expect(() => decodePack(flipped, 'model.keep')).toThrow(`model.keep, ${member}: its SHA-256 is`)
      const without = changed((members) => {
        delete members[member]
      })
      expect(() => decodePack(without, 'model.keep')).toThrow(`model.keep, ${member}: it is missing`)
    },
  )

  test('where something was put in', () => {
    const more = changed((members) => {
      members['more.txt'] = strToU8('hello')
    })
    expect(() => decodePack(more, 'model.keep')).toThrow('more.txt: the manifest does not know of it')
  })

  test('where it is cut off, no zip, or no pack', () => {
    const bytes = encodePack(pack)
    expect(() => decodePack(bytes.subarray(0, 300), 'cut.keep')).toThrow('cut.keep: a retention pack')
    expect(() => decodePack(strToU8('hello'), 'hello.keep')).toThrow('hello.keep: a retention pack')
    expect(() => decodePack(zipSync({ 'a.txt': strToU8('a') }), 'a.zip')).toThrow(
      'a.zip, manifest.json: it is missing',
    )
  })

  test('where it says that it unpacks to a thousand times its size, before that memory is taken', () => {
    const bytes = Uint8Array.from(encodePack(pack))
    const view = new DataView(bytes.buffer)
    // The central directory's header of a member: its signature, and 24 bytes on the size of what it unpacks to.
    const at = bytes.findIndex(
      (_, place) => place + 28 < bytes.length && view.getUint32(place, true) === 0x02014b50,
    )
    view.setUint32(at + 24, 1.5e9, true)
    const before = process.memoryUsage().arrayBuffers
    expect(() => decodePack(bytes, 'model.keep')).toThrow(
      expect.objectContaining({ code: 'unpacks-too-large' }),
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e8)
  })

  test.each([
    [{ private: 'no' }, 'private: expected true or false, found "no".'],
    [{ budget: { choose: 'hardst' } }, 'found "hardst". Did you mean "hardest"?'],
    [{ fisherRows: 1.5 }, 'fisherRows: expected a whole number, found 1.5.'],
    [{ history: [] }, 'history: expected a list, not empty, of'],
  ])('where another program wrote %j, with what was expected', (change, problem) => {
    const other = changed((members) => {
      const read = (member: string) => JSON.parse(strFromU8(members[member] ?? new Uint8Array()))
      const facts = strToU8(JSON.stringify({ ...read('pack.json'), ...change }))
      const manifest = read('manifest.json')
      const sums = { ...manifest.members, 'pack.json': sha256().update(facts).hex() }
      members['pack.json'] = facts
      members['manifest.json'] = strToU8(JSON.stringify({ ...manifest, members: sums }))
    })
    const decode = () => decodePack(other, 'model.keep')
    expect(decode).toThrow(problem)
    expect(decode).toThrow(/^model\.keep, pack\.json: .*[.?] The file is damaged/)
    expect(decode).not.toThrow(/Invalid|received/)
  })

  test('where a newer Holdfast wrote it, with the way out', () => {
    const newer = changed((members) => {
      const manifest = JSON.parse(strFromU8(members['manifest.json'] ?? new Uint8Array()))
      members['manifest.json'] = strToU8(JSON.stringify({ ...manifest, version: 9, members: 'elsewhere' }))
    })
    expect(() => decodePack(newer, 'model.keep')).toThrow(
      expect.objectContaining({ code: 'pack-version', message: expect.stringContaining('Install a newer') }),
    )
  })

  test('where there is none', async () => {
    await expect(readPack(join(folder, 'none.keep'))).rejects.toMatchObject({ code: 'pack-missing' })
  })
})

test('writing that fails leaves the old file, and nothing beside it', async () => {
  const path = join(folder, 'model.keep')
  const size = await writePack(path, pack)
  const before = await readFile(path)
  expect(before.byteLength).toBe(size)
  const broken = { ...pack, logits: float32([3, 2]), exemplars: { ...rows('x', [0, 0], [0]), inputs: text } }
  await expect(writePack(path, broken)).rejects.toMatchObject({ code: 'safetensors-type' })
  // What a process that was killed while writing leaves behind is no pack by name, and the next one is whole.
  await writeFile(`${path}.1.partial`, before.subarray(0, 100))
  expect(await readPack(path)).toEqual(pack)
  expect((await readdir(folder)).sort()).toEqual(['model.keep', 'model.keep.1.partial'])
})

const text: Tensor<'string'> = { type: 'string', dims: [1], data: ['hello'] }
