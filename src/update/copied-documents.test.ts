import { expect, it } from 'vitest'
import { packDocuments } from '../data/documents/index.ts'
import { randomStream } from '../tensor/random.ts'
import { copiedDocuments } from './copied-documents.ts'
import { gateTexts } from './gate/text-gate.ts'
import { parseTextScores, textScores } from './gate/text-losses.ts'

const tokenizer = { filler: 0, eos: undefined, frame: { before: [], after: [] } }
const rowsOf = (...texts: readonly (readonly number[])[]) =>
  packDocuments(
    texts.map((ids, at) => ({ place: `t${at}`, ids: Int32Array.from(ids), bytes: 3 * ids.length })),
    { name: 'texts', length: 4, vocabulary: 20, tokenizer },
  ).dataset

it('tells documents that say the same, however many rows they have', () => {
  const long = Array.from({ length: 11 }, (_, at) => at + 1)
  const dataset = rowsOf([1, 2, 3], long, [1, 2, 4], [1, 2, 3], long, [...long, 12], [1, 2, 3])
  expect([...copiedDocuments(dataset)]).toEqual([
    ['t3', 't0'],
    ['t4', 't1'],
    ['t6', 't0'],
  ])
  expect(copiedDocuments({ ...dataset, documents: undefined }).size).toBe(0)
})

const figure = (document: string, nats: number) => ({
  ...{ document, bytes: 100, tokens: 30, nats },
  ...{ loss: nats / 30, perplexity: Math.exp(nats / 30), bitsPerByte: nats / 100 / Math.LN2 },
})

/** Losses of texts, each of which stands so many times. */
const scores = (name: string, nats: readonly number[], times: number, told: boolean) =>
  textScores(
    name,
    nats.flatMap((each, text) => Array.from({ length: times }, (_, at) => figure(`${text}/${at}`, each))),
    {
      copies: new Map(
        nats.flatMap((_, text) =>
          told ? Array.from({ length: times - 1 }, (_each, at) => [`${text}/${at + 1}`, `${text}/0`]) : [],
        ),
      ),
    },
  )

it('counts a text once, so that as few bounds are wrong as without copies', () => {
  const random = randomStream(4, 'copies')
  const rounds = 150
  // Each text changes by 10 nats of 200, give or take as many: the true change is 5 %.
  const passes = (told: boolean, drawn: readonly (readonly number[])[]) =>
    drawn.filter((changes) => {
      const before = scores('old', Array<number>(changes.length).fill(200), 4, told)
      const after = scores(
        'new',
        changes.map((change) => 200 + change),
        4,
        told,
      )
      return gateTexts(before, after, { unit: 'relative', budget: 0.05 }).verdict === 'pass'
    }).length
  const drawn = Array.from({ length: rounds }, () => {
    const changes = { data: new Float32Array(12) }
    random.fillNormal(changes.data, 10, 10)
    return [...changes.data]
  })
  // At the budget a bound of 95 % lets 5 % pass; three standard errors more are 10 %.
  expect(passes(true, drawn) / rounds).toBeLessThan(0.1)
  expect(passes(false, drawn) / rounds).toBeGreaterThan(0.14)
})

it('says how many were copies, and reads them from a file of losses', () => {
  const [before, after] = [
    scores('old', [200, 210, 190, 205, 195, 200], 3, true),
    scores('new', [201, 212, 190, 206, 195, 202], 3, false),
  ]
  const asked = { unit: 'relative', budget: 0.05 } as const
  const found = gateTexts(before, after, asked)
  expect(found.documents).toBe(6)
  expect(found.tokens).toEqual({ baseline: 180, candidate: 180 })
  expect(found.warnings).toEqual([
    '12 of 18 documents are copies of others, to the last token: each text counts once, in scores and bounds.',
  ])
  const lines = before.documents.map((each) => JSON.stringify(each)).join('\n')
  expect(gateTexts(parseTextScores(lines, 'old.jsonl'), after, asked)).toMatchObject({ documents: 6 })
  expect(() => parseTextScores('{"id": "a", "bytes": 1, "tokens": 1, "bits": 1, "copyOf": []}', 'f')).toThrow(
    "field 'copyOf'",
  )
})
