import { describe, expect, it } from 'vitest'
import { samples } from '../src/data/dataset.ts'
import { whyBorders } from '../src/methods/borders.ts'
import { compose } from '../src/methods/compose.ts'
import { der } from '../src/methods/der.ts'
import { erAce } from '../src/methods/er-ace.ts'
import { gdumb } from '../src/methods/gdumb.ts'
import { joint } from '../src/methods/joint.ts'
import type { Method } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import { createMethod, methodEntries } from '../src/methods/registry.ts'
import { replay } from '../src/methods/replay.ts'
import { sam } from '../src/methods/sam.ts'
import { untoldStream } from '../src/tasks/untold.ts'
import { learn } from '../src/train/run/learn.ts'
import type { LearnOptions } from '../src/train/run/options.ts'
import { bitsOf, memoryStore, runToEnd, toyOptions, toyStream } from './toy-learning.ts'

// Methods on streams whose borders nobody is told.

const ITERATIONS = 10
const BATCH = 8

const options = (method: Method, width: number, more: Partial<LearnOptions> = {}): LearnOptions => {
  const stream = toyStream('class')
  const counts = stream.tasks.map(({ train }) => samples(train))
  const piece = ITERATIONS * BATCH
  return toyOptions({
    ...{ method, iterations: ITERATIONS, batchSize: BATCH, seed: 5, ...more },
    stream: untoldStream(stream, {
      ...{ width, shape: 'linear', counts, draws: counts.map(() => piece), piece, seed: 5 },
    }),
  })
}

const end = async (asked: LearnOptions) => {
  const { result, events } = await runToEnd(asked)
  return { bits: bitsOf(result.parameters), record: result.record, events }
}

const learners: readonly (readonly [string, () => Method])[] = [
  ['none', () => none()],
  ['joint', () => joint()],
  ['reservoir-replay', () => replay({ capacity: 9 })],
  ['der++', () => der({ capacity: 9 })],
  ['sam and er-ace', () => compose(sam(), erAce({ capacity: 9 }))],
  ['gdumb', () => gdumb({ capacity: 9 })],
]

describe('a stream whose borders nobody is told', () => {
  it.each(learners)('is gone on with to the same bits from any checkpoint by %s', async (_name, make) => {
    const { bits, record } = await end(options(make(), 0.6))
    for (const stop of [2, 7]) {
      const store = memoryStore()
      const asked = () => options(make(), 0.6, { store, checkpointEvery: 4, stepsPerCall: 3 })
      let calls = 0
      for await (const event of learn(asked())) if (event.type === 'progress' && ++calls === stop) break
      const again = await end(asked())
      expect(again.bits === bits, `stopped at call ${stop}`).toBe(true)
      expect(again.record.matrix).toEqual(record.matrix)
    }
  })

  it('teaches otherwise the wider its borders are', async () => {
    const [sharp, fuzzy] = [await end(options(none(), 0)), await end(options(none(), 1))]
    expect(fuzzy.bits).not.toBe(sharp.bits)
  })

  it('is measured at fixed intervals, on the tasks that have begun', async () => {
    const { record, events } = await end(options(none(), 0.5, { evaluateEvery: 5 }))
    expect(
      record.curve.map(({ step, accuracies }) => [step, accuracies.filter((a) => a !== null).length]),
    ).toEqual([
      [5, 1],
      [10, 1],
      [15, 2],
      [20, 2],
      [25, 3],
      [30, 3],
    ])
    expect(events[0]).toMatchObject({ untold: true })
    expect(events.flatMap((event) => (event.type === 'task-finished' ? [event.seen] : []))).toEqual([1, 2, 3])
  })
})

describe('methods', () => {
  it.each(methodEntries.map(({ name }) => name))('%s learns without borders, or says why not', (name) => {
    const method = createMethod(name)
    const reason = whyBorders(method)
    if (reason === undefined) return expect(method.prepare).toBeUndefined()
    expect(method.needsBorders, 'declared, not guessed').toBe(reason)
    expect(reason).toMatch(/^[A-Z].*[.] A memory .*reservoir-replay.*[.]$/)
  })

  it('refuse as compositions what one of them refuses', () => {
    expect(whyBorders(createMethod('reservoir-replay+ewc'))).toMatch(/estimates what weights/)
    expect(whyBorders(createMethod('sam+der'))).toBeUndefined()
  })

  it('that say nothing and remember something at a task’s end are refused', () => {
    const consolidate = async (state: Parameters<NonNullable<Method['consolidate']>>[0]) => ({ state })
    expect(whyBorders({ name: 'mine', settings: {}, consolidate })).toMatch(/^It goes by where tasks end/)
    expect(whyBorders({ name: 'mine', settings: {} })).toBeUndefined()
  })
})
