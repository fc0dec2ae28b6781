import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyDecoder, toyLanguage, toyTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { samples } from '../data/dataset.ts'
import { openReader } from '../evaluate/reader.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { distil } from './distil.ts'
import type { Method } from './method.ts'
import { emptyState } from './state.ts'

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
})
