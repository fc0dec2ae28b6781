import { beforeAll, describe, expect, it } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import { decoderSizes } from '../../../test/tiny-decoder.ts'
import {
  byHeart,
  knownData,
  wanderingTexts as texts,
  wanderingData,
  wanderingDecoder,
  wanderingRows,
} from '../../../test/wandering-texts.ts'
import { packDocuments, type TokenDocument } from '../../data/documents/index.ts'
import { rowLosses, topTokens, withWeights } from '../../evaluate/index.ts'
import { documentLosses, totalLoss } from '../../measure/text-scores.ts'
import { mergeLora } from '../../model/adapters/index.ts'
import type { Model } from '../../model/model.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { TextUpdateOptions, TextUpdateResult } from './text-update-types.ts'
import { openTextUpdate, updateTexts } from './update-texts.ts'

const { vocabulary } = decoderSizes
const { rows } = wanderingRows

let model: Model
beforeAll(async () => {
  model = await wanderingDecoder(engine)
})

const data = wanderingData
/** One rung, trained shortly. */
const short = { rungs: ['whole'], epochs: 2 } as const
const options = {
  ...{ engine, rows, data, seed: 1, batchSize: 8, learningRate: 5e-3, epochs: 5 },
  budget: { unit: 'relative', maxChange: 0.05 },
} as const
const update = (more: Partial<TextUpdateOptions> = {}) => updateTexts({ ...options, model, ...more })

const lossOn = async (
  of: Model,
  documents: readonly TokenDocument[],
  weights?: TextUpdateResult['parameters'],
) => {
  const { dataset } = packDocuments(documents, { ...rows, name: 'measured', vocabulary })
  return totalLoss(documentLosses(await rowLosses(engine, of, dataset, weights))).nats
}

describe('the update of a language model', () => {
  it('learns new texts and proves on others that old ones cost no more than the budget', async () => {
    const events: string[] = []
    const result = await update({ onEvent: ({ type }) => events.push(type) })
    const { status, learned, chosen, old, trials, documents } = result
    expect(status).toBe('met')
    expect(learned).toBe(true)
    expect(old?.claims[0]?.upper).toBeLessThanOrEqual(0.05)
    expect(result.new.after).toBeLessThan(0.9 * result.new.before)
    expect(trials.map(({ settings }) => settings.rung)).toEqual(['low-rank updates', 'everything'])
    expect(documents).toMatchObject({ train: 60, check: 20, heldOut: 60 })
    expect(documents.rehearsed + documents.order).toBe(60)
    // What is claimed is what the weights do.
    const after = await lossOn(model, data.heldOut, result.parameters)
    const before = await lossOn(model, data.heldOut)
    expect(after / before - 1).toBeCloseTo(old?.claims[0]?.change ?? Number.NaN, 6)
    expect(chosen?.tested).toBe(trials.reduce((sum, { curve }) => sum + curve.length, 0))
    expect(new Set(events)).toEqual(new Set(['trial', 'progress', 'point', 'measuring']))
  })

  it('rehearses without the old shares what the model knows by heart, and has held-out texts order', async () => {
    const known = await byHeart(engine, model)
    const about = { model: known, data: knownData, epochs: 2 }
    const opened = await openTextUpdate({ ...options, ...about })
    const { byHeart: told, counts } = opened.parts
    await opened.dispose()
    expect(told?.rehearsed).toBeLessThan((told?.heldOut ?? 0) / 3)
    const { trials, documents } = await update(about)
    expect(trials.map(({ method }) => method)).toEqual(['replay by LoRA', 'replay'])
    expect(documents).toEqual(counts)
    expect(documents.rehearsed).toBe(12)
    // A quarter of those held out, or a few more, order and prove nothing.
    expect(documents.order).toBeGreaterThanOrEqual(15)
    expect(documents.order).toBeLessThan(24)
    expect(documents.order + documents.heldOut).toBe(60)
    // What is asked for stays, and what is not known by heart is rehearsed with the shares.
    const asked = await update({ ...about, ...short, method: 'replay+distil' })
    expect(asked.trials.map(({ method }) => method)).toEqual(['replay+distil'])
    const other = await update({ ...about, ...short, data })
    expect(other.trials.map(({ method }) => method)).toEqual(['replay+distil'])
  })

  it('does not open a rung for which there is plainly no time', async () => {
    const counting = () => {
      let loads = 0
      const load: typeof engine.load = (graph, options) => {
        loads += 1
        return engine.load(graph, options)
      }
      return { engine: { ...engine, load }, loads: () => loads }
    }
    const [one, both] = [counting(), counting()]
    await update({ engine: one.engine, rungs: ['low-rank'] })
    const { stopped, trials } = await update({ engine: both.engine, time: 1e-3 })
    expect(trials).toHaveLength(1)
    expect(stopped).toMatchObject({ rung: 'everything' })
    expect(stopped?.seconds).toBeGreaterThan(1e-3)
    expect(both.loads()).toBe(one.loads())
  })

  it('lets a larger budget through no less', async () => {
    const gains: number[] = []
    for (const maxChange of [0.01, 0.3]) {
      const found = await update({ budget: { unit: 'relative', maxChange }, ...short })
      gains.push(found.status === 'met' ? -found.new.change : 0)
    }
    expect(gains).toEqual([...gains].sort((a, b) => a - b))
    expect(gains.at(-1)).toBeGreaterThan(0.2)
  })

  it('takes budgets in bits per byte and as a ratio of perplexities', async () => {
    const [bits, ratio] = [
      await update({ budget: { unit: 'bits', maxChange: 0.02 }, ...short }),
      await update({ budget: { unit: 'perplexity', maxChange: 1.05 }, ...short }),
    ]
    expect(bits.status).toBe('met')
    expect(bits.old?.claims[0]).toMatchObject({ unit: 'bits', budget: 0.02 })
    expect(ratio.status).toBe('met')
    expect(ratio.old?.claims[0]?.upper).toBeLessThanOrEqual(1.05)
  })

  it('gives a low-rank update whose merged weights are those that were proved', async () => {
    const result = await update({ lora: { rank: 4 }, epochs: 2 })
    const { adapters, chosen } = result
    expect(chosen?.method).toBe('replay+distil by LoRA')
    expect(adapters?.lora.rank).toBe(4)
    if (!adapters) throw new Error('no adapters')
    const merged = await mergeLora(engine, model, adapters.lora, adapters.parameters)
    expect(merged.size).toBeGreaterThan(0)
    for (const [name, tensor] of merged) expect(result.parameters.get(name)).toEqual(tensor)
    // Embedding, head and norms stay as they are.
    for (const [name, { data: own }] of model.parameters) {
      if (!merged.has(name)) expect(result.parameters.get(name)?.data).toEqual(own)
    }
  })

  it('proves weights as their file gives them back', async () => {
    const stored = (weights: ReadonlyMap<string, Tensor>) =>
      new Map(
        [...weights].map(([name, tensor]): [string, Tensor] => [
          name,
          tensor.type === 'float32'
            ? float32(
                tensor.dims,
                Array.from(tensor.data as Float32Array, (value) => Math.round(value * 64) / 64),
              )
            : tensor,
        ]),
      )
    const coarse = withWeights(model, stored(model.parameters))
    const result = await update({ model: coarse, stored, ...short })
    expect(result.status).toBe('met')
    for (const { data: values } of result.parameters.values()) {
      expect([...values].every((value) => Number.isInteger(Number(value) * 64))).toBe(true)
    }
    const change =
      (await lossOn(coarse, data.heldOut, result.parameters)) / (await lossOn(coarse, data.heldOut)) - 1
    expect(change).toBeCloseTo(result.old?.claims[0]?.change ?? Number.NaN, 6)
  })

  it('says that nothing is proved without old texts, and goes half of the way', async () => {
    const { train, check } = data
    const result = await update({ data: { train, check }, epochs: 2 })
    expect(result).toMatchObject({ status: 'inconclusive', old: null, learned: true })
    expect(result.trials).toHaveLength(1)
    expect(result.chosen?.alpha).toBeGreaterThanOrEqual(0.5)
    expect(result.chosen?.alpha).toBeLessThan(0.6)
    expect(result.chosen?.method).toBe('lwf by LoRA')
  })

  it('keeps the model where new texts are those that it knows', async () => {
    const known = await update({
      data: { ...data, train: texts(1, 20, 'other'), check: texts(1, 20, 'check') },
      ...{ learningRate: 0.3, epochs: 3, rungs: ['whole'], replayShare: 0 },
    })
    expect(known).toMatchObject({ status: 'nothing-to-gain', chosen: null, learned: false })
    expect(known.parameters.get('wte.weight')).toBe(model.parameters.get('wte.weight'))
    expect(known.old?.claims[0]).toMatchObject({ change: 0, verdict: 'pass' })
  })

  it('uses answers that are kept as those that it would ask for', async () => {
    const { dataset } = packDocuments(data.exemplars, { ...rows, name: 'old', vocabulary })
    const { ids, logProbabilities } = await topTokens(engine, model, dataset, { k: 5 })
    const places = [...dataset.labels.data.keys()].filter((place) => (dataset.labels.data[place] ?? -1) >= 0)
    const taken = <T extends Int32Array | Float32Array>(values: T) =>
      places.flatMap((place) => [...values.subarray(5 * place, 5 * place + 5)])
    const answers = {
      ids: { type: 'int32' as const, dims: [places.length, 5], data: Int32Array.from(taken(ids.data)) },
      logProbabilities: float32([places.length, 5], taken(logProbabilities.data)),
    }
    const how = { rungs: ['whole' as const], epochs: 1, methodOptions: { topTokens: 5 } }
    const [kept, asked] = [await update({ ...how, data: { ...data, answers } }), await update(how)]
    // So twice the same update is the same bits, too.
    expect(kept.parameters).toEqual(asked.parameters)
  })

  it('composes with methods that hold weights, on all weights', async () => {
    const how = { rungs: ['whole' as const], epochs: 2, method: 'replay+l2-sp' }
    const loose = await update({ ...how, methodOptions: { lambda: 0 } })
    const held = await update({ ...how, methodOptions: { lambda: 300 } })
    expect(held.chosen?.method ?? 'replay+l2-sp').toBe('replay+l2-sp')
    const end = ({ trials }: TextUpdateResult) => trials[0]?.looks.at(-1)?.gain ?? Number.NaN
    expect(end(held)).toBeLessThan(0.5 * end(loose))
  })

  it('refuses what does not go with texts, naming the way out', async () => {
    await expect(update({ data: { ...data, train: [] } })).rejects.toMatchObject({ code: 'update-data' })
    await expect(update({ method: 'der++' })).rejects.toMatchObject({ code: 'method-texts' })
    await expect(update({ method: 'si' })).rejects.toMatchObject({ code: 'method-past' })
    await expect(update({ method: 'l2-sp' })).rejects.toMatchObject({ code: 'method-lora' })
    await expect(
      update({ data: { train: data.train, check: data.check }, method: 'replay' }),
    ).rejects.toMatchObject({
      code: 'method-old-data',
    })
    await expect(update({ budget: { unit: 'perplexity', maxChange: 0.5 } })).rejects.toMatchObject({
      code: 'budget-range',
    })
    const sure = { unit: 'relative' as const, maxChange: 0.02, confidence: 0.9999 }
    await expect(update({ budget: sure })).rejects.toMatchObject({ code: 'confidence-range' })
    await expect(update({ replayShare: 1 })).rejects.toMatchObject({ code: 'replay-share' })
    await expect(update({ rungs: [] })).rejects.toMatchObject({ code: 'rungs-empty' })
  })

  it('stops when it is asked to', async () => {
    const signal = AbortSignal.abort()
    await expect(update({ signal })).rejects.toMatchObject({ code: 'interrupted' })
  })

  it('is refused before anything is measured where memory has no room for its first rung', async () => {
    const events: string[] = []
    const memory = { whole: 2 ** 20, free: 2 ** 20 }
    await expect(
      update({ ...short, batchSize: 1, memory, onEvent: ({ type }) => events.push(type) }),
    ).rejects.toMatchObject({ code: 'update-memory' })
    expect(events).toEqual([])
  })
})
