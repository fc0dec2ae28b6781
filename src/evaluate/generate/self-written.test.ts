import { describe, expect, it } from 'vitest'
import { bigramModel } from '../../../test/bigram-model.ts'
import { byteTokenizer, firstByte } from '../../../test/byte-tokenizer.ts'
import { engine } from '../../../test/op-cases.ts'
import { type DecoderForm, tinyDecoder } from '../../../test/tiny-decoder.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { selfWrittenTexts } from './self-written.ts'
import type { SelfWrittenOptions } from './self-written-types.ts'
import { repeated } from './sift.ts'

const tokenizer = byteTokenizer()
const vocabulary = firstByte + 256
const written = (form: DecoderForm, options: SelfWrittenOptions) =>
  selfWrittenTexts(engine, modelFromOnnx(tinyDecoder({ vocabulary, ...form })), tokenizer, options)
const idsOf = ({ documents }: Awaited<ReturnType<typeof written>>) => documents.map(({ ids }) => [...ids])

describe('texts that a model writes itself', () => {
  it('are the same by seed, however many are written side by side, with a cache and without', async () => {
    const options = { documents: 7, tokens: 9, seed: 3 }
    const together = await written({}, options)
    expect(together.documents).toHaveLength(7)
    expect(together.cached).toBe(false)
    expect(together.notes.join(' ')).toMatch(/read again for each/)
    for (const document of together.documents) {
      expect(document.ids[0]).toBe(tokenizer.eos)
      expect(document.learned).toBeUndefined()
      const text = [...document.ids].slice(1)
      expect(document.bytes).toBe(text.filter((id) => id >= firstByte).length)
    }
    expect(idsOf(await written({}, { ...options, batch: 1 }))).toEqual(idsOf(together))
    const cached = await written({ cache: 'past' }, { ...options, batch: 4 })
    expect(cached.cached).toBe(true)
    expect(cached.notes).toHaveLength(1)
    expect(idsOf(cached)).toEqual(idsOf(together))
    expect(idsOf(await written({ fixed: [2, 24] }, options))).toEqual(idsOf(together))
    expect(idsOf(await written({}, { ...options, seed: 4 }))).not.toEqual(idsOf(together))
  })

  it('begin as they are told to, in turn, and what was given does not count', async () => {
    const { documents } = await written(
      {},
      { documents: 4, tokens: 5, temperature: 4, prompts: ['red', 'on'] },
    )
    const said = documents.map(({ ids }) => tokenizer.decode(ids).slice(0, 2))
    expect(said).toEqual(['re', 'on', 're', 'on'])
    expect(documents[0]?.learned?.subarray(0, 3)).toEqual(new Uint8Array(3))
    expect([...(documents[0]?.learned ?? [])].filter(Boolean)).toHaveLength(
      (documents[0]?.ids.length ?? 0) - 3,
    )
  })

  it('go on to where the model reads no more, and end with the token that ends texts', async () => {
    const whole = await written({}, { documents: 6 })
    // 24 positions, and one token more that is predicted from the last of them.
    expect(Math.max(...whole.documents.map(({ ids }) => ids.length))).toBe(25)
    const model = modelFromOnnx(bigramModel({ ab: 90, bc: 90, ca: 5 }))
    const end = tokenizer.ids('c')[0] ?? -1
    const { documents } = await selfWrittenTexts(engine, model, tokenizer, {
      ...{ documents: 1, tokens: 20, prompts: ['a'], endTokens: [end] },
    })
    expect(tokenizer.decode(documents[0]?.ids ?? [])).toBe('abc')
  })

  it('are left out where they repeat themselves or come again, with words and numbers', async () => {
    const loops = modelFromOnnx(bigramModel({ ab: 90, ba: 90, xy: 90, yz: 90 }))
    const options = { documents: 2, tokens: 12, topK: 1 }
    await expect(
      selfWrittenTexts(engine, loops, tokenizer, { ...options, prompts: ['a'] }),
    ).rejects.toMatchObject({ code: 'self-written-none' })
    const {
      documents,
      written: tried,
      leftOut,
      notes,
    } = await selfWrittenTexts(engine, loops, tokenizer, {
      ...{ documents: 2, tokens: 2, prompts: ['x'], topK: 1 },
    })
    expect(documents).toHaveLength(1)
    expect(tried).toBe(8)
    expect(leftOut).toEqual({ empty: 0, repeating: 0, duplicate: 7 })
    expect(notes[0]).toMatch(
      /wrote 8 texts, of which 7 are left out \(7 had been written before\).*where 2 were wanted/,
    )
  })

  it('are refused with nothing to begin with, at temperature 0, in no number', async () => {
    const refused = (options: SelfWrittenOptions, code: string, codec = tokenizer) =>
      expect(
        selfWrittenTexts(engine, modelFromOnnx(tinyDecoder({ vocabulary })), codec, options),
      ).rejects.toMatchObject({ code })
    await refused({ documents: 1 }, 'self-written-prompt', byteTokenizer({ config: { eos_token: null } }))
    await refused({ documents: 1, temperature: 0 }, 'self-written-greedy')
    await refused({ documents: 0 }, 'self-written-count')
    await refused({ documents: 1, topP: 2 }, 'generate-top-p')
    await refused({ documents: 1, prompts: ['x'.repeat(30)] }, 'prompt-too-long')
  })
})

it('counts pieces that have come before', () => {
  expect(repeated([1, 2, 3])).toBe(0)
  expect(repeated([1, 2, 3, 4, 5, 6, 7])).toBe(0)
  // Pieces 1111 five times.
  expect(repeated([1, 1, 1, 1, 1, 1, 1, 1])).toBe(0.8)
  expect(repeated([1, 2, 1, 2, 1, 2, 1, 2])).toBe(0.6)
})
