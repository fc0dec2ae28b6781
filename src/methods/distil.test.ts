import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyDecoder, toyLanguage, toyTexts } from '../../test/toy-language.ts'
import { engine, relativeError, runToEnd, toyOptions } from '../../test/toy-learning.ts'
import { type Dataset, ignoredLabel, samples } from '../data/dataset.ts'
import { openReader } from '../evaluate/reader.ts'
import { topTokens } from '../evaluate/top-tokens.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { compose } from './compose.ts'
import { distil } from './distil.ts'
import { lwf } from './lwf.ts'
import type { Method } from './method.ts'
import { replay } from './replay.ts'
import { emptyState } from './state.ts'
import { temperatureFor } from './temperature.ts'

const vocabulary = 300
const model = toyDecoder({ vocabulary })
const stream = toyLanguage([1, 2], 12, vocabulary)
const past = { units: Array.from({ length: vocabulary }, (_, unit) => unit) }

/** What the step reads of the old answers, in the second task, with `old` beside the new rows where it is given. */
async function remembered(method: Method, old?: ReturnType<typeof toyTexts>) {
  const state = await rememberedBy(method, emptyState, endOfTask(stream, 0, { model }))
  const task = taskContext(stream, 1, 4, past)
  const fresh = { name: 'new', dataset: task.train, tasks: 1, size: 4, weight: 1 }
  const sources = old ? [fresh, { name: 'replay', dataset: old, tasks: 0, size: 4, weight: 1 }] : [fresh]
  const reader = openReader(engine, model, vocabulary)
  const inputs = await method.inputs?.(state, { ...task, sources, reader })
  await reader.dispose()
  return inputs ?? new Map<string, Tensor>()
}

const bytesOf = (inputs: ReadonlyMap<string, Tensor>): number =>
  [...inputs.values()].reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0)

describe('old answers on texts', () => {
  it('are a few likeliest tokens a place, however large the vocabulary is', async () => {
    const places = samples(toyTexts(2)) * 8
    expect(bytesOf(await remembered(distil()))).toBeLessThan((places * vocabulary * 4) / 2)
  })

  it('are those of rows that are distilled on, and no others', async () => {
    const old = toyTexts(3, 2, vocabulary)
    const places = samples(old) * 8
    expect(bytesOf(await remembered(distil(), old))).toBeLessThanOrEqual(places * vocabulary * 4)
  })

  it('are taught where tokens count: at first the loss is the entropy of what is kept', async () => {
    const [temperature, topTokens, old] = [1.5, 20, toyTexts(3, 6, vocabulary)]
    const settings = { temperature, topTokens, distillationWeight: 1 }
    const alone = await firstLoss(distil(settings))
    expect(alone).toBeCloseTo(await entropy(toyTexts(2, 12, vocabulary), temperature, topTokens), 4)
    const method = compose(replay({ perClass: 6, batchSize: 6 }), distil(settings))
    const beside = await firstLoss(method, old)
    expect(beside).toBeCloseTo(await entropy(old, temperature, topTokens), 4)
    expect(Math.abs(alone - beside)).toBeGreaterThan(1e-3)
  })

  it('are the teacher’s of lwf where the vocabulary is kept whole', async () => {
    const given = { model, past, stream: one, iterations: 4, batchSize: 4, learningRate: 0.1 }
    const [kept, asked] = await Promise.all(
      [distil({ temperature: 2, topTokens: vocabulary }), lwf({ temperature: 2, weight: 4 })].map((method) =>
        runToEnd(toyOptions({ ...given, method })),
      ),
    )
    for (const [name, tensor] of kept?.result.parameters ?? []) {
      expect(relativeError(asked?.result.parameters.get(name), tensor)).toBeLessThan(1e-4)
    }
  })

  it('are asked for at temperature 1 where none is said, for lwf, too, and at 2 of what is no text', async () => {
    const given = { model, past, stream: one, iterations: 2, batchSize: 4, learningRate: 0.1 }
    const trained = async (method: Method) =>
      (await runToEnd(toyOptions({ ...given, method }))).result.parameters
    expect(await trained(distil({ topTokens: 5 }))).toEqual(
      await trained(distil({ temperature: 1, topTokens: 5 })),
    )
    expect(await trained(lwf({ weight: 4 }))).toEqual(await trained(lwf({ weight: 4, temperature: 1 })))
    expect(await trained(lwf({ weight: 4 }))).not.toEqual(await trained(lwf({ weight: 4, temperature: 2 })))
    const { train } = itemAt(one.tasks, 0, 'task')
    expect(temperatureFor(undefined, train)).toBe(1)
    expect(temperatureFor(3, train)).toBe(3)
    expect(temperatureFor(undefined, { ...train, classes: train.classes.map((name) => `B-${name}`) })).toBe(2)
    const labels = { type: 'int32', dims: [1], data: Int32Array.of(0) } as const
    expect(temperatureFor(undefined, { ...train, kind: undefined, labels })).toBe(2)
  })

  it('are refused where they take more memory than there is', async () => {
    const { train } = itemAt(one.tasks, 0, 'task')
    const row = train.inputs.dims.slice(1)
    // Row numbers alone say how many there are.
    const many = { ...train, inputs: { ...train.inputs, dims: [2 ** 24, ...row] } } as Dataset
    await expect(remembered(distil(), many)).rejects.toMatchObject({ code: 'distil-answers' })
  })
})

const one = toyLanguage([2], 12, vocabulary)

/** The distillation's share of the loss in the first step, on all new rows at once. */
async function firstLoss(method: Method, old?: Dataset): Promise<number> {
  const given = { model, past: { ...past, train: old }, stream: one, iterations: 1, batchSize: 12 }
  const { events } = await runToEnd(toyOptions({ ...given, method }))
  const [loss] = events.flatMap((event) => (event.type === 'progress' ? [event.losses.distillation] : []))
  return loss ?? Number.NaN
}

/** T^2 times the mean entropy of the k likeliest tokens and the rest, over the tokens that count. */
async function entropy(rows: Dataset, temperature: number, k: number): Promise<number> {
  const { logProbabilities } = await topTokens(engine, model, rows, { k, temperature })
  const each = [...(rows.labels.data as Int32Array)].flatMap((label, place) => {
    const logs = logProbabilities.data.subarray(place * k, (place + 1) * k)
    const rest = 1 - logs.reduce((sum, log) => sum + Math.exp(log), 0)
    const inside = logs.reduce((sum, log) => sum - Math.exp(log) * log, 0)
    return label === ignoredLabel ? [] : [inside - rest * Math.log(rest)]
  })
  return (temperature ** 2 * each.reduce((sum, value) => sum + value, 0)) / each.length
}
