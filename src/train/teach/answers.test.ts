import { expect, test } from 'vitest'
import { blobNames, blobs } from '../../../test/blobs.ts'
import { toyDecoder, toyTexts } from '../../../test/toy-language.ts'
import { engine } from '../../../test/toy-learning.ts'
import { topTokens } from '../../evaluate/index.ts'
import { mlp } from '../../model/layers/networks.ts'
import type { Model } from '../../model/model.ts'
import { present } from '../../required.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { teacherAnswers, teacherLogits } from './answers.ts'
import { placed, placedTokens, refuseOtherClasses } from './teacher.ts'
import { paddingNotes, refuseOtherTokens } from './vocabulary.ts'

const classes = blobNames.slice(0, 3)
const rows = blobs({ classes, perClass: 4, seed: 1 })
const model = (seed: number, names = classes) => mlp({ widths: [2, 5, names.length], classes: names, seed })
const asked = { temperature: 2, topTokens: 5, features: false }

const softmax = (logits: readonly number[], temperature: number): number[] => {
  const powers = logits.map((value) => Math.exp(value / temperature))
  const sum = powers.reduce((all, value) => all + value, 0)
  return powers.map((value) => value / sum)
}

/** Rows of three numbers. */
const inRows = (values: readonly number[]): number[][] =>
  Array.from({ length: values.length / 3 }, (_, row) => values.slice(3 * row, 3 * row + 3))

test('several teachers are one with the mean of their probabilities, classes matched by name', async () => {
  const shuffled = [classes[2], classes[0], classes[1]] as string[]
  const teachers = [
    { name: 'a.onnx', model: model(1) },
    { name: 'b.onnx', model: model(2, shuffled) },
  ]
  const student = { name: 'c.onnx', classes }
  const [a, b] = await Promise.all(
    teachers.map(async (teacher) => {
      const own = { name: teacher.name, classes: teacher.model.classes }
      return inRows(toNumbers(await teacherLogits(engine, placed([teacher], own), rows, 2)))
    }),
  )
  const both = inRows(toNumbers(await teacherLogits(engine, placed(teachers, student), rows, 2)))
  both.forEach((logits, row) => {
    const first = softmax(a?.[row] ?? [], 2)
    const [third = 0, one = 0, two = 0] = softmax(b?.[row] ?? [], 2)
    const mean = [one, two, third].map((share, at) => (share + (first[at] ?? 0)) / 2)
    softmax(logits, 2).forEach((share, at) => {
      expect(share).toBeCloseTo(mean[at] ?? Number.NaN, 5)
    })
  })
})

test('rows of all sources are answered one behind the other, with features where they are asked for', async () => {
  const more = blobs({ classes, perClass: 2, seed: 2 })
  const teachers = placed([{ name: 'a.onnx', model: model(1) }], { name: 'c.onnx', classes })
  const sources = [rows, more].map((dataset) => ({ name: dataset.name, dataset }))
  const found = await teacherAnswers(engine, teachers, sources, { ...asked, features: true })
  expect(found.get('all/logits')?.dims).toEqual([18, 3])
  expect(found.get('all/features')?.dims).toEqual([18, 5])
  const alone = toNumbers(await teacherLogits(engine, teachers, more, 2))
  const behind = found.get('all/logits')
  expect(behind && toNumbers(behind).slice(36)).toEqual(alone)
})

test('of texts the likeliest tokens are kept, with their log-probabilities at the temperature', async () => {
  const texts = toyTexts(1)
  const decoder = toyDecoder()
  const teachers = placed([{ name: 'gpt', model: decoder }], { name: 'small', classes: decoder.classes })
  const found = await teacherAnswers(engine, teachers, [{ name: 'new', dataset: texts }], asked)
  const fresh = await topTokens(engine, decoder, texts, { k: 5, temperature: 2 })
  expect(found.get('all/ids')).toEqual(fresh.ids)
  expect(found.get('all/shares')).toEqual(fresh.logProbabilities)
})

test('classes that are not the same are named, on both sides', () => {
  const other = { name: 'b.onnx', classes: ['amber', 'blue', 'grey'] }
  expect(() => refuseOtherClasses({ name: 'a.onnx', classes }, other)).toThrow(
    /coral.* only in a\.onnx; .*grey.* only in b\.onnx/,
  )
  expect(() =>
    refuseOtherClasses({ name: 'a.onnx', classes }, { name: 'b.onnx', classes: classes.toReversed() }),
  ).not.toThrow()
})

test('tokens that have other numbers are refused, whatever else differs is not', () => {
  const json = (tokens: readonly string[], more: object = {}) =>
    JSON.stringify({
      ...{
        model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) },
        ...more,
      },
      added_tokens: [],
    })
  const side = (name: string, text: string) => ({ name, json: text })
  expect(() =>
    refuseOtherTokens(side('a', json(['x', 'y'])), side('b', json(['x', 'y'], { version: '2' }))),
  ).not.toThrow()
  expect(() => refuseOtherTokens(side('a', json(['x', 'y'])), side('b', json(['x', 'z'])))).toThrow(
    /token 1 is "y" to the one and "z" to the other/,
  )
  expect(() => refuseOtherTokens(side('a', json(['x'])), side('b', json(['x', 'z'])))).toThrow(
    /token 1 is none/,
  )
})

/** A decoder whose logits go on behind its 13 tokens: the units there are the likeliest everywhere. */
function padded(seed: number): Model {
  const [own, wide] = [toyDecoder({ seed }), toyDecoder({ seed, vocabulary: 20 })]
  const parameters = [...wide.parameters].map(([name, tensor]): [string, Tensor] => {
    const known = own.parameters.get(name) ?? tensor
    if (known.dims.join() === tensor.dims.join()) return [name, known]
    const data = (tensor.data as Float32Array).map((value) => 10 * Math.abs(value))
    data.set(known.data as Float32Array)
    return [name, float32(tensor.dims, data)]
  })
  return { ...wide, parameters: new Map(parameters) }
}

test('teachers of texts whose logits are padded say what they would without', async () => {
  const texts = toyTexts(1)
  const sources = [{ name: 'texts', dataset: texts }]
  const answersOf = (...models: Model[]) => {
    const teachers = models.map((each, at) => ({ name: `${at}.onnx`, model: each }))
    return teacherAnswers(engine, placedTokens(teachers, 13), sources, { ...asked, topTokens: 40 })
  }
  for (const [given, wanted] of [
    [[padded(1)], [toyDecoder({ seed: 1 })]],
    [
      [padded(1), toyDecoder({ seed: 2 })],
      [toyDecoder({ seed: 1 }), toyDecoder({ seed: 2 })],
    ],
  ] as const) {
    const [found, plain] = [await answersOf(...given), await answersOf(...wanted)]
    expect(found.get('all/ids')).toEqual(plain.get('all/ids'))
    const [shares, others] = [found, plain].map((each) =>
      toNumbers(present(each.get('all/shares'), 'shares')),
    )
    for (const [at, share] of (shares ?? []).entries()) expect(share).toBeCloseTo(others?.[at] ?? 0, 4)
  }
})

test('logits behind the vocabulary are said to be left out, and too few of them are refused', () => {
  const side = (name: string, logits: number) => ({ name, logits })
  expect(paddingNotes([side('a', 50_257)], side('b', 50_257), 50_257)).toEqual([])
  expect(paddingNotes([side('a', 50_304)], side('b', 50_257), 50_257)).toEqual([
    'a gives 50,304 logits for a token, and the tokenizer has 50,257 tokens: those behind the first 50,257, which all models have, are padding and left out of what is taught.',
  ])
  expect(paddingNotes([side('a', 50_257)], side('b', 50_304), 50_257)).toEqual([
    expect.stringContaining('nothing is taught of those behind the first 50,257.'),
  ])
  expect(() => paddingNotes([side('a', 50_304)], side('b', 50_000), 50_257)).toThrow(
    expect.objectContaining({ code: 'distil-classes', message: expect.stringContaining('b gives 50,000') }),
  )
})
