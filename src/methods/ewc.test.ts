import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { engine, toyStream } from '../../test/toy-learning.ts'
import { randomStream } from '../tensor/random.ts'
import { type EwcOptions, ewc } from './ewc.ts'
import { fisherDiagonal } from './fisher/fisher.ts'
import { type ConsolidateContext, emptyState } from './method.ts'

const contextOf = (scenario: 'task' | 'class', index = 1): ConsolidateContext =>
  endOfTask(toyStream(scenario), index, { random: (name) => randomStream(4, name) })

const consolidated = async (options: EwcOptions, context: ConsolidateContext) => {
  const state = (await ewc(options).consolidate?.(emptyState, context))?.state
  if (!state) throw new Error('nothing remembered')
  return state
}

describe('consolidating', () => {
  it.each([
    ['task', [2, 3]],
    ['class', undefined],
  ] as const)(
    '%s-incremental takes the Fisher over the classes that the loss goes over',
    async (scenario, units) => {
      const context = contextOf(scenario)
      const state = await consolidated({}, context)
      const { diagonal } = await fisherDiagonal({
        ...{ engine, model: context.model, parameters: context.parameters, dataset: context.train },
        ...{ units, random: randomStream(0, 'unused') },
      })
      for (const [name, tensor] of diagonal) {
        expect(state.tensors.get(`importance/${name}`)).toEqual(tensor)
        expect(state.tensors.get(`anchor/${name}`)).toEqual(context.parameters.get(name))
      }
    },
  )

  it('takes all samples where a task has fewer than asked for', async () => {
    const context = contextOf('class')
    const order = { random: (name: string) => randomStream(4, name) }
    const many = await consolidated({ samples: 1000 }, { ...context, ...order })
    const all = await consolidated({}, { ...context, ...order })
    for (const [key, { data }] of all.tensors) {
      const found = many.tensors.get(key)?.data as Float32Array
      ;(data as Float32Array).forEach((value, at) => {
        expect(found[at]).toBeCloseTo(value, 5)
      })
    }
  })
})

describe('settings', () => {
  it('are told in full', () => {
    expect(ewc().settings).toEqual({
      lambda: 1000,
      fisher: null,
      samples: null,
      online: false,
      gamma: 1,
      step: 'explicit',
      fisherBatch: 128,
    })
    expect(ewc({ online: true }).name).toBe('online-ewc')
  })

  it.each([
    [{ lambda: -1 }, 'ewc-lambda'],
    [{ lambda: Number.NaN }, 'ewc-lambda'],
    [{ gamma: 1.5 }, 'ewc-gamma'],
    [{ samples: 0 }, 'ewc-samples'],
    [{ fisherBatch: 0 }, 'ewc-samples'],
  ] as const)('%o is refused', (options, code) => {
    expect(() => ewc(options)).toThrow(expect.objectContaining({ code }))
  })
})
