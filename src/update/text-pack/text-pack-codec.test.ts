import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../data/sha256.ts'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { decodePack } from '../pack/index.ts'
import { readPack } from '../pack/index-files.ts'
import { packHolds } from '../pack-container.ts'
import { roundedBelow } from './answers.ts'
import type { TextPack } from './text-pack.ts'
import { decodeTextPack, encodeTextPack } from './text-pack-codec.ts'
import { readTextPack, writeTextPack } from './text-pack-files.ts'

const int32 = (dims: readonly number[], values: readonly number[]): Tensor<'int32'> => ({
  type: 'int32',
  dims,
  data: Int32Array.from(values),
})
const identity = { name: 'gpt', sha256: 'ab'.repeat(32) }

const pack: TextPack = {
  version: 5,
  created: '2026-01-02T03:04:05.000Z',
  model: identity,
  tokenizer: 'cd'.repeat(32),
  vocabulary: 13,
  rowLength: 8,
  overlap: 2,
  exemplars: [
    { place: 'train.jsonl, line 1', ids: Int32Array.of(1, 2, 12), bytes: 7 },
    { place: 'train.jsonl, line 2', ids: Int32Array.of(4, 5, 6), bytes: 2, learned: Uint8Array.of(0, 0, 1) },
  ],
  answers: {
    ids: int32([3, 2], [0, 1, 2, 3, 12, 5]),
    logProbabilities: float32([3, 2], roundedBelow(Float32Array.of(-0.5, -1, -0.1, -3, -0.7, -0.7))),
  },
  heldOut: [
    { place: 'test.jsonl, line 1', ids: Int32Array.of(7, 8), bytes: 3 },
    { place: 'test.jsonl, line 2', ids: Int32Array.of(9, 10, 11), bytes: 6 },
  ],
  losses: [
    { nats: 1.5, tokens: 1, bytes: 3 },
    { nats: 4.25, tokens: 2, bytes: 6 },
  ],
  uses: [2, 1],
  first: { name: 'gpt-0', losses: [{ nats: 1.25, tokens: 1, bytes: 3 }, undefined] },
  history: [
    {
      model: identity,
      created: '2026-01-01T00:00:00.000Z',
      documents: 1,
      loss: { nats: 1.25, tokens: 1, bytes: 3 },
    },
    {
      model: identity,
      created: '2026-01-02T03:04:05.000Z',
      documents: 2,
      loss: { nats: 5.75, tokens: 3, bytes: 9 },
    },
  ],
  budget: { documents: 2, choose: 'random', topTokens: 2 },
  data: [{ name: 'texts', fingerprint: 'ef'.repeat(32), documents: 9, tokens: 40 }],
  versions: { holdfast: '0.1.0' },
}
const bytes = encodeTextPack(pack)

/** The file with something else in it; the manifest is made to agree where that is asked for. */
function changed(change: (members: Record<string, Uint8Array>) => void, agree = true): Uint8Array {
  const members = { ...unzipSync(bytes) }
  change(members)
  const { 'manifest.json': head = new Uint8Array(), ...others } = members
  if (!agree) return zipSync(members)
  const sums = Object.fromEntries(
    Object.entries(others).map(([name, content]) => [name, sha256().update(content).hex()]),
  )
  const manifest = { ...JSON.parse(strFromU8(head)), members: sums }
  return zipSync({ ...others, 'manifest.json': strToU8(JSON.stringify(manifest)) })
}

const withTensor = (member: string, key: string, tensor: Tensor) =>
  changed((members) => {
    const { tensors } = readSafetensors(members[member] ?? new Uint8Array())
    members[member] = writeSafetensors(new Map([...tensors, [key, tensor]]))
  })
const withHead = (fields: object) =>
  changed((members) => {
    const head = JSON.parse(strFromU8(members['manifest.json'] ?? new Uint8Array()))
    members['manifest.json'] = strToU8(JSON.stringify({ ...head, ...fields }))
  })
const refusal = (content: Uint8Array): unknown => {
  try {
    return decodeTextPack(content, 'gpt.keep')
  } catch (error) {
    return error
  }
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-text-pack-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a pack of texts', () => {
  test('comes back from its bytes as it was, and equal packs have equal bytes', () => {
    expect(decodeTextPack(bytes, 'gpt.keep')).toEqual(pack)
    expect(encodeTextPack(decodeTextPack(bytes, 'gpt.keep'))).toEqual(bytes)
    expect(packHolds(bytes, 'gpt.keep')).toBe('texts')
  })

  test('may have no answers, no held-out documents and one release', () => {
    const bare: TextPack = {
      ...pack,
      answers: undefined,
      heldOut: [],
      losses: [],
      uses: [],
      first: undefined,
    }
    expect(decodeTextPack(encodeTextPack(bare), 'bare.keep')).toEqual(bare)
  })

  test('holds token ids in two bytes where these are enough, and in four', () => {
    const idsOf = (content: Uint8Array) =>
      readSafetensors(unzipSync(content)['exemplars.safetensors'] ?? new Uint8Array()).tensors.get('ids')
        ?.type
    const wide = { ...pack, vocabulary: 2 ** 16 + 1 }
    expect([idsOf(bytes), idsOf(encodeTextPack(wide))]).toEqual(['uint16', 'int32'])
    expect(decodeTextPack(encodeTextPack(wide), 'wide.keep')).toEqual(wide)
  })

  test('is written whole', async () => {
    const file = join(folder, 'gpt.keep')
    expect(await writeTextPack(file, pack)).toBe(bytes.byteLength)
    expect(await readTextPack(file)).toEqual(pack)
    expect(await readdir(folder)).toEqual(['gpt.keep'])
    await expect(readTextPack(join(folder, 'none.keep'))).rejects.toMatchObject({ code: 'pack-missing' })
  })
})

describe('a file that is no such pack', () => {
  const flipped = changed((members) => {
    const content = members['held-out.safetensors']?.slice() ?? new Uint8Array()
    content[content.length - 1] = 1 ^ (content.at(-1) ?? 0)
    members['held-out.safetensors'] = content
  }, false)
  test.each([
    ['cut off', bytes.slice(0, bytes.length - 40), 'pack-damaged', 'It is cut off, or something else'],
    ['with a changed part', flipped, 'pack-damaged', 'held-out.safetensors: its SHA-256 is'],
    [
      'with a missing part',
      changed((members) => delete members['answers.safetensors'], false),
      'pack-damaged',
      'answers.safetensors: it is missing',
    ],
    ['of a newer format', withHead({ version: 6 }), 'pack-version', 'format version 6'],
    [
      'of a kind to come',
      withHead({ version: 9, holds: 'sounds' }),
      'pack-version',
      'Install a newer Holdfast',
    ],
    [
      'with a token that the model does not know',
      withTensor('exemplars.safetensors', 'ids', int32([6], [1, 2, 13, 4, 5, 6])),
      'pack-damaged',
      'token 13 is not one of 13',
    ],
    [
      'with other tokens than its documents have',
      withTensor('held-out.safetensors', 'ids', int32([1], [1])),
      'pack-damaged',
      'the documents have 5 tokens, but there are 1',
    ],
    [
      'with a loss that is no number',
      withTensor('held-out.safetensors', 'nats', {
        ...{ type: 'float64', dims: [2] },
        data: Float64Array.of(1, Number.NaN),
      }),
      'pack-damaged',
      'the loss of document 1 is no number',
    ],
    [
      'with answers to other tokens',
      withTensor('answers.safetensors', 'ids', int32([2, 2], [1, 2, 3, 4])),
      'pack-damaged',
      'ids [2,2] and logProbabilities [3,2] should be [3,2]',
    ],
    [
      'with other facts',
      changed((members) => {
        members['pack.json'] = strToU8('{"created": 1}')
      }),
      'pack-damaged',
      'pack.json',
    ],
  ])('%s is refused', (_what, content, code, message) => {
    expect(refusal(content)).toMatchObject({ code, message: expect.stringContaining(message) })
    expect(refusal(content)).toMatchObject({ message: expect.stringContaining('gpt.keep') })
  })

  test('with rows where texts are asked for, or the other way round, is refused by what it holds', async () => {
    const rows = 'test/fixtures/pack/version-2.keep'
    expect(packHolds(await readFile(rows), rows)).toBe('rows')
    await expect(readTextPack(rows)).rejects.toMatchObject({
      code: 'pack-kind',
      message: expect.stringContaining('version-2.keep: the pack holds rows of a classifier'),
    })
    expect(() => decodePack(bytes, 'gpt.keep')).toThrow(
      expect.objectContaining({
        code: 'pack-kind',
        message: expect.stringContaining('gpt.keep: the pack holds texts of a language model'),
      }),
    )
    const file = join(folder, 'texts.keep')
    await writeFile(file, bytes)
    await expect(readPack(file)).rejects.toMatchObject({ code: 'pack-kind' })
  })
})
