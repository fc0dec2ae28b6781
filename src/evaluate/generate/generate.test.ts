import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type DecoderForm, decoderSizes, tinyDecoder } from '../../../test/tiny-decoder.ts'
import { engine } from '../../../test/toy-learning.ts'
import { withLora } from '../../model/adapters/index.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { mlp, transformerEncoder } from '../../model/layers/index.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { openDecoder } from './decoder.ts'
import { continued, type GenerateOptions, type GenerationEnd, generate } from './generate.ts'

const modelOf = (form: DecoderForm = {}): Model => modelFromOnnx(tinyDecoder(form))

async function written(
  model: Model,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Promise<{ tokens: number[]; scores: number[]; end: GenerationEnd }> {
  const generation = generate(engine, model, prompt, options)
  const [tokens, scores]: [number[], number[]] = [[], []]
  for (;;) {
    const next = await generation.next()
    if (next.done) return { tokens, scores, end: next.value }
    tokens.push(next.value.token)
    scores.push(next.value.logProbability)
  }
}

describe('a text', () => {
  const prompt = [3, 1, 4]
  const forms: readonly DecoderForm[] = [
    { cache: 'past' },
    { cache: 'merged' },
    { cache: 'past', positionIds: false, tokenTypes: false },
    { fixed: ['batch', decoderSizes.positions] },
    { fixed: [1, 'length'] },
    { fixed: [3, decoderSizes.positions] },
  ]

  it('is the same, and as likely, with and without a cache, in every form of file', async () => {
    for (const sampling of [{}, { temperature: 1.5, seed: 7 }]) {
      const plain = await written(modelOf(), prompt, { maxTokens: 12, ...sampling })
      expect(plain.tokens).toHaveLength(12)
      for (const form of forms) {
        const other = await written(modelOf(form), prompt, { maxTokens: 12, ...sampling })
        expect(other.tokens, JSON.stringify(form)).toEqual(plain.tokens)
        for (const [at, score] of plain.scores.entries()) expect(other.scores[at]).toBeCloseTo(score, 4)
      }
    }
  })

  it('is the same where a cache that is there is not used', async () => {
    const model = modelOf({ cache: 'merged' })
    const asked = { maxTokens: 12, temperature: 2, seed: 3 }
    expect(await written(model, prompt, { ...asked, cache: false })).toMatchObject({
      tokens: (await written(model, prompt, asked)).tokens,
    })
  })

  it('reads tokens once where there is a cache', async () => {
    const cached = await openDecoder(engine, modelOf({ cache: 'past' }))
    const plain = await openDecoder(engine, modelOf())
    expect([cached.cached, plain.cached]).toEqual([true, false])
    const [a, b] = [cached.begin(), plain.begin()]
    const rows = [
      [1, 2, 3],
      [9, 8, 7],
    ]
    for (const tokens of [
      rows,
      [[4], [4]],
      [
        [5, 6],
        [0, 1],
      ],
    ]) {
      const [one, other] = [await a.read(tokens), await b.read(tokens)]
      expect(one.dims).toEqual([2, decoderSizes.vocabulary])
      for (const [at, value] of other.data.entries()) expect(one.data[at]).toBeCloseTo(value, 4)
    }
    await cached.dispose()
    await plain.dispose()
  })

  it('is written with low-rank updates where the model has some', async () => {
    const lora = withLora(modelOf({ cache: 'merged' }), { rank: 2 })
    const noise = randomStream(5, 'updates')
    const parameters = new Map(
      [...lora.model.parameters].map(([name, { dims, data }]): [string, Tensor] => {
        const values = float32(dims, new Float32Array(data.length))
        noise.fillNormal(values.data, 0, 0.5)
        return [name, values]
      }),
    )
    const model = { ...lora.model, parameters }
    const cached = await written(model, prompt, { maxTokens: 8, temperature: 1 })
    const plain = await written(model, prompt, { maxTokens: 8, temperature: 1, cache: false })
    const before = await written(modelOf(), prompt, { maxTokens: 8, temperature: 1 })
    expect(cached.tokens).toEqual(plain.tokens)
    expect(cached.scores).not.toEqual(before.scores)
  })

  it('of a decoder of onnxruntime-genai is the same with and without its cache', async () => {
    const model = modelFromOnnx(new Uint8Array(readFileSync('test/fixtures/genai/decoder.onnx')))
    const asked = { maxTokens: 8, temperature: 1, seed: 2 }
    const cached = await written(model, [5, 6, 7], asked)
    const plain = await written(model, [5, 6, 7], { ...asked, cache: false })
    expect(cached.tokens).toHaveLength(8)
    expect(plain.tokens).toEqual(cached.tokens)
  })
})

describe('a text ends', () => {
  it('before a token that stops it', async () => {
    const { tokens } = await written(modelOf(), [3, 1, 4], { maxTokens: 6, temperature: 3, seed: 1 })
    const stop = tokens[3] ?? -1
    const found = await written(modelOf(), [3, 1, 4], {
      ...{ maxTokens: 6, temperature: 3, seed: 1, stopTokens: [stop] },
    })
    expect(found.end).toBe('stop')
    expect(found.tokens).toEqual(tokens.slice(0, tokens.indexOf(stop)))
  })

  it('with as many tokens as were asked for, or as the model reads', async () => {
    expect((await written(modelOf(), [1], { maxTokens: 2 })).end).toBe('length')
    const full = await written(modelOf(), [1, 2], { maxTokens: 9, context: 4 })
    // The last one is read by nobody.
    expect([full.end, full.tokens.length]).toEqual(['context', 3])
    const places = await written(modelOf(), [1, 2], { maxTokens: 30 })
    expect([places.end, places.tokens.length]).toEqual(['context', decoderSizes.positions - 1])
    const fixed = await written(modelOf({ fixed: [1, 5] }), [1, 2], { maxTokens: 9 })
    expect([fixed.end, fixed.tokens.length]).toEqual(['context', 4])
  })

  it('when the caller says so', async () => {
    const controller = new AbortController()
    const decoder = await openDecoder(engine, modelOf())
    const generation = continued(decoder, [1], { signal: controller.signal })
    await generation.next()
    controller.abort()
    expect(await generation.next()).toEqual({ done: true, value: 'aborted' })
    await decoder.dispose()
  })
})

describe('no text is written', () => {
  const refused = (model: Model, prompt: number[], options: GenerateOptions, code: string, text: RegExp) =>
    expect(written(model, prompt, { name: 'm.onnx', ...options })).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    )

  it('by an encoder, a classifier, or a model of numbers', async () => {
    await refused(
      modelOf({ causal: false }),
      [1],
      {},
      'generate-not-decoder',
      /^m\.onnx: .* changes with the tokens behind it, as in an encoder\. .* causal language model\.$/,
    )
    const classifier = transformerEncoder({
      ...{ vocabulary: 11, tokens: 5, feedForward: 8, width: 8, heads: 2, layers: 1, classes: 3 },
    })
    await refused(classifier, [1], {}, 'generate-not-decoder', /one answer for a whole text/)
    await refused(mlp({ widths: [3, 4, 2] }), [1], {}, 'generate-not-decoder', /and no token ids/)
    const hidden = modelFromOnnx(tinyDecoder(), { output: 'ln_f' })
    await refused(
      hidden,
      [1],
      {},
      'generate-not-decoder',
      /gives 8 numbers for a token, and the model knows 13 tokens/,
    )
  })

  it('from a prompt that is empty, too long, or of another vocabulary', async () => {
    const model = modelOf({ fixed: [1, 4] })
    await refused(model, [], {}, 'generate-prompt', /no tokens/)
    await refused(model, [1, 13], {}, 'generate-prompt', /token 13 at place 1 .* 0 to 12/)
    await refused(model, [1, 2, 3, 4, 5], {}, 'prompt-too-long', /has 5 tokens, but m\.onnx reads 4/)
  })

  it('by odds that are none', async () => {
    const model = modelOf()
    await refused(model, [1], { temperature: -1 }, 'generate-temperature', /-1 was given/)
    await refused(model, [1], { topK: 0 }, 'generate-top-k', /0 was given/)
    await refused(model, [1], { topP: 1.5 }, 'generate-top-p', /1\.5 was given/)
  })
})
