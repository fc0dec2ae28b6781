import { describe, expect, it } from 'vitest'
import { bigramModel, bigramVocabulary } from '../../../test/bigram-model.ts'
import { byteTokenizer } from '../../../test/byte-tokenizer.ts'
import { type DecoderForm, tinyDecoder } from '../../../test/tiny-decoder.ts'
import type { AnswerProbe, ChoiceProbe, Probe } from '../../data/probes/index.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { plainNode } from '../../onnx/graph.ts'
import { float32 } from '../../tensor/tensor.ts'
import { gateProbes } from '../../update/gate/index.ts'
import { openDecoder } from '../generate/index.ts'
import { answerProbes } from './answer-probes.ts'
import { probePredictions, probeScores } from './probe-scores.ts'
import { continuationOf } from './probe-tokens.ts'

const engine = ortNode({ threads: 1 })
const tokenizer = byteTokenizer()
const vocabulary = bigramVocabulary
const byte = (letter: string): number => itemOf(tokenizer.ids(letter))
const itemOf = (ids: readonly number[]): number => ids[0] ?? Number.NaN

const choice = (
  prompt: string,
  choices: readonly string[],
  right = 0,
  rest: Partial<ChoiceProbe> = {},
): ChoiceProbe => ({
  ...{ kind: 'choice', id: prompt, place: `probes.jsonl, ${prompt}`, delimiter: ' ', prompt, choices, right },
  ...rest,
})
const exact = (prompt: string, answer: string): AnswerProbe => ({
  ...{ kind: 'answer', id: prompt, place: `probes.jsonl, ${prompt}`, delimiter: ' ', prompt, answer },
})
const setOf = (...probes: Probe[]) => ({ name: 'probes.jsonl', probes })

const bigrams = (pairs: Readonly<Record<string, number>>) => modelFromOnnx(bigramModel(pairs))

/** ln of the share of a token whose logit is this, beside others of 0. */
const ln = (logit: number): number => logit - Math.log(Math.exp(logit) + vocabulary - 1)
const even = -Math.log(vocabulary)

describe('a prompt that ends with a line', () => {
  it('keeps it where an answer is written: what asks a chat model to answer ends so, and the model never learned to write that', async () => {
    // Behind q it would write b, and a and b behind the line's end.
    const model = bigrams({ qb: 9, '\na': 9, ab: 9 })
    const [answer] = await answerProbes(engine, model, tokenizer, setOf(exact('q\n', 'ab')))
    expect(answer).toMatchObject({ right: true, written: 'ab' })
    expect(continuationOf(exact('q\n', 'ab'), 'ab', tokenizer)).toMatchObject({ from: 2 })
    // A space before a word is the word's, and choices are scored as the harness scores them.
    expect(continuationOf(exact('q\n ', 'ab'), 'ab', tokenizer)).toMatchObject({ from: 2 })
    expect(continuationOf(exact('q ', 'ab'), 'ab', tokenizer)).toMatchObject({ from: 1 })
    expect(continuationOf(choice('q\n', ['ab', 'c']), 'ab', tokenizer)).toMatchObject({ from: 1 })
  })
})

describe('log-likelihoods of choices', () => {
  it('are the sums over their tokens behind the prompt, as worked out by hand', async () => {
    // Of "q ab": " " behind q, a behind the space, b behind a. A row with one logit of 3 gives others 1 / (e^3 + n - 1).
    const model = bigrams({ ' a': 3, ab: 1 })
    const [answer] = await answerProbes(engine, model, tokenizer, setOf(choice('q', ['ab', 'c'])))
    const other = -Math.log(Math.exp(3) + vocabulary - 1)
    expect(answer).toMatchObject({
      logLikelihoods: [expect.closeTo(even + ln(3) + ln(1), 4), expect.closeTo(even + other, 4)],
    })
  })

  it('are divided by UTF-8 bytes, and not by characters', async () => {
    const model = bigrams({ ' a': -2, ab: -2, ba: -2 })
    const [answer] = await answerProbes(engine, model, tokenizer, setOf(choice('q', ['éééé', 'abababab'])))
    const beside = -Math.log(Math.exp(-2) + vocabulary - 1)
    // Nine tokens, all about even; one and eight of logit -2. By bytes -6.3 beside -8.3; by characters it would be -12.5.
    expect(answer).toMatchObject({
      logLikelihoods: [expect.closeTo(8 * even + beside, 3), expect.closeTo(even + 8 * ln(-2), 3)],
      chosenByBytes: 0,
    })
  })

  it('differ between sum and bytes where a long choice is likely for its length', async () => {
    const model = bigrams({ ' a': 6, ab: 4, ba: 4 })
    const answers = await answerProbes(engine, model, tokenizer, setOf(choice('q', ['c', 'abababababab'], 1)))
    expect(answers).toMatchObject([{ chosen: 0, chosenByBytes: 1 }])
    expect(probeScores(answers).choices).toMatchObject({
      probes: 1,
      sum: { right: 0, accuracy: 0 },
      bytes: { right: 1, accuracy: 1 },
      chance: 0.5,
    })
  })

  it('are those that a decoder gives token by token, for rows of all lengths in one call', async () => {
    const model = modelFromOnnx(tinyDecoder({ vocabulary }))
    const probes = [
      choice('a', ['b', 'some thing']),
      choice('abcdefgh', ['x', 'yz', ' no']),
      choice('k: ', ['v', 'w w w w w w']),
      choice('', ['abc', 'd']),
    ]
    const answers = await answerProbes(engine, model, tokenizer, setOf(...probes))
    const decoder = await openDecoder(engine, model)
    try {
      for (const [at, probe] of probes.entries()) {
        const expected: number[] = []
        for (const text of probe.choices) expected.push(await stepByStep(decoder, probe, text))
        expect(answers[at]).toMatchObject({
          logLikelihoods: expected.map((value) => expect.closeTo(value, 3)),
        })
      }
    } finally {
      await decoder.dispose()
    }
  })

  it.each<[string, DecoderForm]>([
    ['of a fixed length', { fixed: ['rows', 20] }],
    ['of one row of a fixed length', { fixed: [1, 20] }],
    ['with a cache', { cache: 'past' }],
    ['with a cache in branches', { cache: 'merged' }],
  ])('are the same for a file %s', async (_, form) => {
    const set = setOf(choice('abc', ['x', 'yz w']), choice('a b c d e f', ['x', 'y']), exact('ab', 'cde'))
    const answersOf = (shape: DecoderForm) =>
      answerProbes(engine, modelFromOnnx(tinyDecoder({ vocabulary, ...shape })), tokenizer, set)
    const [plain, other] = [await answersOf({}), await answersOf(form)]
    const numbers = (answers: typeof plain) =>
      answers.map((answer) => ('written' in answer ? answer.written : answer.logLikelihoods))
    expect(numbers(other)).toEqual(
      numbers(plain).map((value) =>
        typeof value === 'string' ? value : value.map((one) => expect.closeTo(one, 3)),
      ),
    )
  })

  async function stepByStep(decoder: Awaited<ReturnType<typeof openDecoder>>, probe: Probe, text: string) {
    const { ids, from } = continuationOf(probe, text, tokenizer)
    const decoding = decoder.begin()
    let sum = 0
    for (let at = 0; at + 1 < ids.length; at++) {
      const { data } = await decoding.read([ids.slice(at, at + 1)])
      const all = data.reduce((total, value) => total + Math.exp(value), 0)
      if (at + 1 >= from) sum += (data[ids[at + 1] ?? -1] ?? Number.NaN) - Math.log(all)
    }
    return sum
  }
})

describe('what follows a prompt', () => {
  const text = (ids: readonly number[]) => tokenizer.decode(ids)
  it.each<[string, string, string, Partial<ChoiceProbe>]>([
    ['2 + 2 =', '4', ' 4', {}],
    ['2 + 2 = ', '4', ' 4', {}],
    ['2 + 2 =', ' 4', ' 4', {}],
    ['2 + 2 =\n', '4', '\n4', {}],
    ['2 + 2 =', '4', '4', { delimiter: '' }],
    ['2 + 2 =', '4', '\n4', { delimiter: '\n' }],
  ])('%j and %j is %j', (prompt, answer, expected, rest) => {
    const { ids, from } = continuationOf(choice(prompt, [answer, 'x'], 0, rest), answer, tokenizer)
    expect([text(ids.slice(0, from)), text(ids.slice(from))]).toEqual(['2 + 2 =', expected])
  })

  it('begins at the first token that the prompt alone does not have', () => {
    // "ab" is one token, so "a" alone is not among those of "abc".
    const merging = byteTokenizer({ merges: ['a b'] })
    const { ids, from } = continuationOf(choice('xa', ['bc', 'd'], 0, { delimiter: '' }), 'bc', merging)
    expect(merging.decode(ids.slice(from))).toBe('abc')
  })

  it('has the token that ends texts before it where the prompt is empty and nothing begins texts', () => {
    expect(continuationOf(choice('', ['a', 'b']), 'a', tokenizer)).toEqual({ ids: [0, byte('a')], from: 1 })
    const none = byteTokenizer({ config: { eos_token: null } })
    expect(() => continuationOf(choice('', ['a', 'b']), 'a', none)).toThrow(/prompt is empty/)
  })
})

describe('exact answers', () => {
  it('are written greedily, up to the length of the answer', async () => {
    const model = bigrams({ '= ': 9, ' 4': 9, '42': 9 })
    const answers = await answerProbes(
      engine,
      model,
      tokenizer,
      setOf(exact('a =', '4'), exact('b =', '42'), exact('c =', '7'), choice('d =', ['4', '7'])),
    )
    expect(answers).toMatchObject([
      { written: '4', right: true },
      { written: '42', right: true },
      { written: '4', right: false },
      { chosen: 0 },
    ])
    expect(probeScores(answers)).toMatchObject({
      choices: { probes: 1, sum: { right: 1 } },
      answers: { probes: 3, right: 2, accuracy: 2 / 3, interval: { lower: expect.closeTo(0.2077, 3) } },
    })
  })
})

describe('predictions', () => {
  it('are what gate reads', async () => {
    const letters = 'abcdefghij'.split('')
    const set = setOf(...letters.map((letter, at) => choice(letter, ['x', 'y'], at % 2)))
    const answersOf = async (pairs: Record<string, number>) =>
      answerProbes(engine, bigrams(pairs), tokenizer, set)
    const [old, next] = [await answersOf({ ' x': 2 }), await answersOf({ ' y': 2 })]
    const before = probePredictions(old, { name: 'old' })
    expect(before.predictions[1]).toEqual({
      id: 'b',
      label: 'y',
      pred: 'x',
      probe: 'choice',
      probs: {
        x: expect.closeTo(Math.exp(2) / (1 + Math.exp(2)), 5),
        y: expect.closeTo(1 / (1 + Math.exp(2)), 5),
      },
    })
    expect(before.locate?.(1)).toBe('probes.jsonl, b')
    expect(() => gateProbes(before, probePredictions(next, { name: 'new' }), { maxDrop: 0.01 })).not.toThrow()
  })
})

describe('what no answer can be had to', () => {
  const decoder = modelFromOnnx(tinyDecoder({ vocabulary }))
  const asked = (probe: Probe, model = decoder, codec = tokenizer) =>
    answerProbes(engine, model, codec, setOf(probe), { name: 'model.onnx' })

  it('is refused with the place: a prompt longer than the context', async () => {
    // 24 positions: a prompt of 23 bytes, a space and a letter, of which the letter is not read.
    await expect(asked(choice('p'.repeat(23), ['a', 'b']))).resolves.toHaveLength(1)
    for (const probe of [choice('p'.repeat(24), ['a', 'b']), exact('p'.repeat(24), 'a')]) {
      await expect(asked(probe)).rejects.toMatchObject({
        code: 'probe-too-long',
        message: expect.stringMatching(
          /^probes\.jsonl, p+: the prompt has 24 tokens .* 2, .*model\.onnx reads 24/,
        ),
      })
    }
  })

  it('is refused: a tokenizer of another model, an encoder, a classifier', async () => {
    const few = modelFromOnnx(tinyDecoder())
    await expect(asked(choice('p', ['a', 'b']), few)).rejects.toMatchObject({ code: 'token-out-of-range' })
    const encoder = modelFromOnnx(tinyDecoder({ vocabulary, causal: false }))
    await expect(asked(choice('pqrst', ['ab', 'b']), encoder)).rejects.toMatchObject({
      code: 'model-looks-ahead',
    })
    await expect(asked(exact('p', 'a'), encoder)).rejects.toMatchObject({ code: 'generate-not-decoder' })
    const dims = ['batch', 4]
    const classifier = modelFromOnnx(
      encodeGraph({
        name: 'classifier',
        inputs: [{ name: 'x', type: 'float32', dims }],
        outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 2] }],
        initializers: new Map([['w', float32([4, 2], new Float32Array(8).fill(1))]]),
        nodes: [plainNode('MatMul', ['x', 'w'], 'logits')],
      }),
    )
    await expect(asked(choice('p', ['a', 'b']), classifier)).rejects.toMatchObject({
      code: 'generate-not-decoder',
    })
  })
})
