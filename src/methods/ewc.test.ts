import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { engine, toyStream } from '../../test/toy-learning.ts'
import { randomStream } from '../tensor/random.ts'
import { float32 } from '../tensor/tensor.ts'
import { type EwcOptions, ewc } from './ewc.ts'
import { fisherDiagonal } from './fisher/fisher.ts'
import { type ConsolidateContext, emptyState, type MethodState, type OpeningContext } from './method.ts'

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

describe('online', () => {
  /** One parameter, whose Fisher at each task's end is given. */
  const ends = async (gamma: number) => {
    const method = ewc({ online: true, lambda: 10, gamma })
    const one = (value: number) => new Map([['w', float32([1], [value])]])
    let state: MethodState = emptyState
    for (const [at, fisher] of [2, 3].entries()) {
      const context = { ...contextOf('class'), parameters: one(at + 1), fisher: one(fisher) }
      state = (await method.consolidate?.(state, context))?.state ?? state
    }
    return { state, inputs: await method.inputs?.(state, {} as OpeningContext) }
  }

  it('fades old tasks by gamma at a task’s end, and once more in the penalty (Schwarz et al. 2018, eq. 9)', async () => {
    const { state, inputs } = await ends(0.5)
    // F = 0.5 * 2 + 3, and the next task is held by lambda gamma F at the latest anchor.
    expect(state.tensors.get('importance/w')).toEqual(float32([1], [4]))
    expect(inputs?.get('penalty/w')).toEqual(float32([1], [10 * 0.5 * 4]))
    expect(inputs?.get('anchor/w')).toEqual(float32([1], [2]))
  })

  it('holds nothing with gamma 0, and the sum of all with gamma 1', async () => {
    expect((await ends(0)).inputs).toEqual(new Map())
    expect((await ends(1)).inputs?.get('penalty/w')).toEqual(float32([1], [50]))
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
