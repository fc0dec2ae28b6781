import { describe, expect, it } from 'vitest'
import { runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { toNumbers } from '../tensor/tensor.ts'
import { idleParts, idleWords } from './idle.ts'
import { createMethod, methodEntries } from './registry.ts'

const fresh = { model: false, answers: false, rows: false }
const trained = { model: true, answers: true, rows: false }

describe('one task of a new model', () => {
  /** Methods with a model for each task have to be told it. */
  const firstOf = (name: string) => {
    const stream = toyStream(['xdg', 'task-lora'].includes(name) ? 'task' : 'class')
    return { ...stream, tasks: stream.tasks.slice(0, 1) }
  }
  const learned = async (name: string, first: ReturnType<typeof firstOf>) => {
    // Few of what takes long.
    const few = name === 'ranpac' ? { randomFeatures: 20 } : {}
    const method = createMethod(name, few)
    const { result } = await runToEnd(
      toyOptions({ stream: first, model: toyModel(first), method, iterations: 6 }),
    )
    return [...result.parameters.values(), ...result.model.parameters.values()].flatMap(toNumbers)
  }
  /** To rounding: what is carried along beside the same step may change its last bits. */
  const alike = (some: readonly number[], others: readonly number[]) =>
    some.every((value, at) => Math.abs(value - (others[at] ?? Number.NaN)) < 1e-5)

  it.each(methodEntries.map(({ name, past, alone }) => [name, past, alone] as const))(
    'is plain training with %s, or it is said what else',
    async (name, past, alone) => {
      const first = firstOf(name)
      expect(alike(await learned(name, first), await learned('none', first))).toBe(alone === undefined)
      const words = idleWords(name, { ...fresh, tasks: 1 })
      expect(words).toHaveLength(past === 'nothing' ? 0 : 1)
      expect(words.join()).toContain(past === 'nothing' ? '' : (alone ?? 'plain training'))
    },
  )
})

it('says nothing of a new model that learns several tasks, nor of what holds the given one', () => {
  expect(idleWords('ewc+si', { ...fresh, tasks: 3 })).toEqual([])
  expect(idleWords('lwf+l2-sp', { ...trained, tasks: 1 })).toEqual([])
  expect(idleWords('ewc+replay', { ...trained, rows: true, tasks: 1 })).toEqual([])
  expect(idleWords('none', { ...trained, tasks: 1 })).toEqual([])
})

it('names each part that holds nothing of what the model knows, and the way out', () => {
  const [ewc, ...others] = idleWords('ewc+lwf', { ...trained, tasks: 1 })
  expect(ewc).toMatch(/^ewc holds nothing of what the model knows: .*--old.*l2-sp/)
  expect(others).toEqual([])
  expect(idleWords('replay', { ...trained, tasks: 2 }).join()).toContain('before the first task ends')
  expect(idleWords('der++', { ...trained, tasks: 1 }).join()).toContain('it only rehearses rows of that task')
  expect(idleWords('si', { ...trained, rows: true, tasks: 1 }).join()).toContain('how a model was trained')
  expect(idleWords('lwf', { ...trained, answers: false, tasks: 1 }).join()).toContain('model.head: replace')
})

it('is nothing only where no part does anything', () => {
  const nothing = (name: string) => idleParts(name, { ...trained, tasks: 1 }).nothing
  expect(nothing('ewc+replay')).toBe(true)
  expect(nothing('ewc+lwf')).toBe(false)
  expect(nothing('ewc+der++')).toBe(false)
  expect(nothing('none')).toBe(false)
  expect(idleParts('ewc', { ...trained, tasks: 2 }).nothing).toBe(false)
})
