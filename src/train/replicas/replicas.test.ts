import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bitsOf,
  engine,
  memoryStore,
  toyData,
  toyModel,
  toyOptions,
  toyStream,
} from '../../../test/toy-learning.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import type { Method } from '../../methods/method.ts'
import { createMethod, methodEntries } from '../../methods/registry.ts'
import { itemAt, required } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { learn } from '../run/learn.ts'
import type { LearnOptions, LearnResult } from '../run/options.ts'
import { adam, sgd } from '../step/optimisers.ts'
import { averaged } from './average.ts'
import { type OuterStep, outerStep } from './outer-step.ts'
import { openReplica } from './replica.ts'
import { replicatedTask } from './replicated-task.ts'
import type { Delivery, DoRound } from './round.ts'
import { seedOf, shareOf } from './shard.ts'

const mean: OuterStep = { rate: 1, momentum: 0 }

/** Replicas one after another in this process; `lost` says which do not deliver in a round. */
function rounds(
  options: LearnOptions,
  of: number,
  step: OuterStep = mean,
  lost: (round: number, replica: number) => boolean = () => false,
): DoRound {
  const replicas = Array.from({ length: of }, (_, replica) => openReplica(options, { replica, of }))
  let count = 0
  return async (round) => {
    const at = count++
    const found: (Delivery | undefined)[] = []
    for (const [replica, each] of replicas.entries()) {
      const delivery = await each.deliver(round, { samplers: round.samplers, method: `${round.place.task}` })
      found.push(lost(at, replica) ? undefined : delivery)
    }
    return averaged(round, found, step, 8)
  }
}

async function learned(options: LearnOptions, doRound?: DoRound): Promise<LearnResult> {
  const run = learn(options, doRound && replicatedTask(doRound))
  let next = await run.next()
  while (!next.done) next = await run.next()
  return next.value
}

const bits = ({ parameters, buffers }: LearnResult): string => bitsOf(new Map([...parameters, ...buffers]))
/** The rows of a data set, each as a text. */
function textsOf({ inputs }: Dataset): string[] {
  const [rows = 0, width = 1] = inputs.dims
  return Array.from({ length: rows }, (_, row) =>
    (inputs.data as Float32Array).slice(row * width, (row + 1) * width).join(),
  )
}
const stream = toyStream('class')

describe('the share of a replica', () => {
  it('is disjoint from the others, with which it holds all rows, and one row larger at most', () => {
    const shares = [0, 1, 2].map((replica) => shareOf(stream, { replica, of: 3 }, 5))
    for (const [index, task] of stream.tasks.entries()) {
      const parts = shares.map(({ tasks }) => itemAt(tasks, index, 'task').train)
      const all = parts.flatMap((part) => textsOf(part))
      expect([...all].sort()).toEqual([...textsOf(task.train)].sort())
      expect(new Set(all).size).toBe(all.length)
      const sizes = parts.map(samples)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }
  })

  it('is the stream itself where there is one replica, which draws with the run’s own seed', () => {
    expect(shareOf(stream, { replica: 0, of: 1 }, 5)).toBe(stream)
    expect(seedOf(5, { replica: 0 })).toBe(5)
    expect(new Set([0, 1, 2, 3].map((replica) => seedOf(5, { replica }))).size).toBe(4)
  })

  it('needs a row for each', () => {
    const few = shareOf(stream, { replica: 0, of: 99 }, 5)
    expect(() => itemAt(few.tasks, 0, 'task').train).toThrow(/has 20 training rows, too few for 99 replicas/)
  })
})

describe('the step from a round’s mean', () => {
  const state = (value: number) =>
    new Map<string, Tensor>([
      ['parameter/w', float32([1], [value])],
      ['optimiser/momentum/w', float32([1], [10 * value])],
      ['buffer/seen', { type: 'int64', dims: [], data: BigInt64Array.of(7n) }],
    ])
  const at = (tensors: ReadonlyMap<string, Tensor>, name: string) =>
    Number(required(tensors, name, 'tensor').data[0])

  it('is DiLoCo’s: Nesterov momentum on the difference, worked out by hand', () => {
    // theta 5, replicas 1 and 3: d = 5 - 2 = 3. v = 0.5 * 4 + 3 = 5. theta = 5 - 0.1 (3 + 0.5 * 5) = 4.45.
    const { state: next, velocity } = outerStep(
      state(5),
      [state(1), state(3)],
      new Map([['parameter/w', float32([1], [4])]]),
      { rate: 0.1, momentum: 0.5 },
    )
    expect(at(next, 'parameter/w')).toBeCloseTo(4.45, 6)
    expect(at(velocity, 'parameter/w')).toBe(5)
    // All else that steps change is its mean; what is no float goes on alike.
    expect(at(next, 'optimiser/momentum/w')).toBe(20)
    expect(required(next, 'buffer/seen', 'tensor').data).toEqual(BigInt64Array.of(7n))
  })

  // Where a session was opened before, the thread takes numbers below these for 0.
  const normal = fc
    .float({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => value === 0 || Math.abs(value) >= 2 ** -126)

  it('with rate 1 and no momentum is the mean, of one replica to the last bit', () => {
    fc.assert(
      fc.property(normal, normal, (before, after) => {
        const { state: next, velocity } = outerStep(state(before), [state(after)], new Map(), mean)
        expect(at(next, 'parameter/w')).toBe(after)
        expect(velocity.size).toBe(0)
      }),
    )
  })
})

describe('rounds of local steps', () => {
  it('of one step of plain SGD are steps on the batches of all, to float rounding', async () => {
    // Full batches: each of two replicas has half of the rows, and one replica with all rows takes the same step.
    const rows = samples(itemAt(stream.tasks, 0, 'task').train)
    const common = { method: createMethod('none'), stream, settings: { optimiser: sgd() }, iterations: 6 }
    const joint = toyOptions({ ...common, batchSize: rows, stepsPerCall: 1 })
    const halves = toyOptions({ ...common, batchSize: rows / 2, stepsPerCall: 1 })
    const one = await learned(joint)
    const two = await learned(halves, rounds(halves, 2))
    for (const [name, tensor] of one.parameters) {
      const found = toNumbers(required(two.parameters, name, 'parameter'))
      for (const [place, value] of toNumbers(tensor).entries()) expect(found[place]).toBeCloseTo(value, 5)
    }
    // And not by standing still.
    expect(bits(two)).not.toBe(bitsOf(new Map([...halves.model.parameters, ...halves.model.buffers])))
  })

  it.each(methodEntries.map(({ name }) => name))(
    'of one replica give the bits of a plain run with %s, unless it is refused',
    async (name) => {
      const beside = name === 'bic' || name === 'logit-adjustment' ? 'replay+' : ''
      const method = createMethod(`${beside}${name}`, name === 'ranpac' ? { randomFeatures: 10 } : {})
      if (method.oneStream) return expect(method.oneStream).toMatch(/[.]$/)
      const scenario = name === 'task-lora' || name === 'xdg' ? 'task' : 'class'
      const own = toyStream(scenario)
      const options = toyOptions({
        method,
        stream: own,
        settings: { optimiser: adam() },
        iterations: 5,
        stepsPerCall: 3,
      })
      expect(bits(await learned(options, rounds(options, 1)))).toBe(bits(await learned(options)))
    },
  )

  it('survive lost replicas: the mean is over those that deliver, and which did not is on record', async () => {
    const options = toyOptions({ method: createMethod('none'), stream, iterations: 6, stepsPerCall: 3 })
    const store = memoryStore()
    const lost = (round: number, replica: number) => round === 1 && replica === 2
    const result = await learned({ ...options, store }, rounds(options, 3, mean, lost))
    expect(result.record.rounds).toEqual({
      rounds: 6,
      bytes: 48,
      missed: [{ task: 0, step: 6, replicas: [2] }],
    })
    expect(bits(result)).not.toBe(bits(await learned(options, rounds(options, 3))))
    await expect(
      learned(
        options,
        rounds(options, 2, mean, () => true),
      ),
    ).rejects.toMatchObject({
      code: 'replicas-lost',
    })
  })

  it('go on from any checkpoint to the same bits, outer momentum, early stopping and a penalty included', async () => {
    const options = toyOptions({
      ...{ method: createMethod('ewc', { lambda: 20 }), stream: toyStream('domain'), iterations: 12 },
      ...{ stepsPerCall: 3, checkpointEvery: 3, earlyStopping: { share: 0.2, every: 6, patience: 1 } },
    })
    const outer = { rate: 0.7, momentum: 0.9 }
    const whole = await learned(options, rounds(options, 2, outer))
    for (let kill = 1; kill < 12; kill += 2) {
      const store = memoryStore()
      let round = 0
      const doRound = rounds(options, 2, outer)
      const dying: DoRound = (asked) => {
        if (round++ === kill) throw new Error('killed')
        return doRound(asked)
      }
      const first = await learned({ ...options, store }, dying).catch((error: Error) => error.message)
      if (first !== 'killed') break
      const second = await learned({ ...options, store }, rounds(options, 2, outer))
      expect(bits(second)).toBe(bits(whole))
    }
    expect(withoutPrefix(whole.parameters, 'outer/').size).toBe(0)
  })

  it('let no replica see the rows of another, held-out ones neither', async () => {
    const seen: string[][] = [[], []]
    const method = createMethod('none')
    const options = toyOptions({ method, stream, iterations: 2, stepsPerCall: 2 })
    for (const replica of [0, 1]) {
      const watched: Method = {
        ...method,
        sources: (sources) => {
          for (const { dataset } of sources) itemAt(seen, replica, 'replica').push(...textsOf(dataset))
          return sources
        },
      }
      const each = openReplica(
        { ...options, method: watched, earlyStopping: { share: 0.5 } },
        { replica, of: 2 },
      )
      const doRound: DoRound = async (round) =>
        averaged(round, [await each.deliver(round, { samplers: {}, method: '' })], mean, 0)
      await learned(options, doRound)
      await each.dispose()
    }
    const [first = [], second = []] = seen.map((rows) => [...new Set(rows)])
    expect(first.filter((row) => second.includes(row))).toEqual([])
    expect(first.length + second.length).toBe(samples(toyData()) / 2)
  })
})

it('a model of another seed is another run', async () => {
  const options = toyOptions({ method: createMethod('none'), stream, iterations: 3, stepsPerCall: 3 })
  const other = { ...options, model: toyModel(stream, 9), engine }
  expect(bits(await learned(other, rounds(other, 2)))).not.toBe(
    bits(await learned(options, rounds(options, 2))),
  )
})
