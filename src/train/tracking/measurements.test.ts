import { expect, it } from 'vitest'
import type { UpdateEvent } from '../../update/update-types.ts'
import type { LearnEvent } from '../run/events.ts'
import { learnMeasurements, type TrialEvent, updateMeasurements } from './measurements.ts'
import { flatSettings } from './settings.ts'
import { type Measurement, type TrackedEnd, track, trackers } from './tracker.ts'

async function* events(): AsyncGenerator<LearnEvent, string> {
  yield { type: 'started', tasks: ['0/1', '2/3'], steps: 200, resumed: false }
  yield { type: 'progress', task: 0, step: 50, of: 100, losses: { task: 1, ewc: 0.5 }, stepsPerSecond: 10 }
  yield { type: 'evaluated', task: 0, step: 50, accuracies: [0.5, null] }
  yield { type: 'task-finished', task: 0, accuracies: [0.75, 0.25] }
  yield { type: 'progress', task: 1, step: 50, of: 100, losses: { task: 2 }, stepsPerSecond: 20 }
  const texts = [
    { perplexity: 4, bitsPerByte: 1.5 },
    { perplexity: 2, bitsPerByte: null },
  ]
  yield { type: 'task-finished', task: 1, accuracies: [0.5, 1], texts }
  return 'done'
}

function recorder() {
  const logged: Measurement[] = []
  const ends: TrackedEnd[] = []
  const close = async (end: TrackedEnd) => {
    ends.push(end)
    return `${ends.length} missing`
  }
  return { logged, ends, tracker: { log: (given: Measurement) => void logged.push(given), close } }
}

it('logs losses and accuracies of a run over all its tasks, and passes every event and the result on', async () => {
  const { logged, tracker } = recorder()
  const followed = track(events(), tracker, learnMeasurements())
  const types: string[] = []
  let next = await followed.next()
  while (!next.done) {
    types.push(next.value.type)
    next = await followed.next()
  }
  expect(next.value).toBe('done')
  expect(types).toEqual(['started', 'progress', 'evaluated', 'task-finished', 'progress', 'task-finished'])
  expect(logged).toEqual([
    { step: 50, numbers: { 'loss/task': 1, 'loss/ewc': 0.5, 'steps-per-second': 10 } },
    { step: 50, numbers: { 'accuracy/0/1': 0.5, 'accuracy/mean': 0.5 } },
    { step: 100, numbers: { 'accuracy/0/1': 0.75, 'accuracy/2/3': 0.25, 'accuracy/mean': 0.75 } },
    { step: 150, numbers: { 'loss/task': 2, 'steps-per-second': 20 } },
    {
      step: 200,
      numbers: {
        ...{ 'accuracy/0/1': 0.5, 'accuracy/2/3': 1, 'accuracy/mean': 0.75 },
        'bits-per-byte/0/1': 1.5,
      },
    },
  ])
})

it('ends the run that it follows when nobody listens any more', async () => {
  let ended = false
  async function* endless(): AsyncGenerator<number, undefined> {
    try {
      for (let step = 0; ; step++) yield step
    } finally {
      ended = true
    }
  }
  const { tracker } = recorder()
  for await (const step of track(endless(), tracker, () => undefined)) if (step === 2) break
  expect(ended).toBe(true)
})

it('logs the losses of an update by trial and the points of its path by percent', () => {
  const given = [
    { type: 'progress', trial: 1, step: 25, of: 100, loss: 0.5 },
    {
      type: 'point',
      trial: 0,
      point: { alpha: 0.7, old: 0.9, new: 0.8, drop: Number.NaN, upper: Number.NaN },
    },
  ] as const satisfies readonly TrialEvent[]
  expect(given.map((event) => updateMeasurements(event))).toEqual([
    { step: 25, numbers: { 'trial-2/loss': 0.5 } },
    { step: 70, numbers: { 'trial-1/old': 0.9, 'trial-1/new': 0.8 } },
  ])
  // The events of an update are what this takes.
  const takes: (event: UpdateEvent) => Measurement | undefined = updateMeasurements
  expect(takes).toBe(updateMeasurements)
})

it('closes several trackers and gathers what they miss', async () => {
  const [first, second] = [recorder(), recorder()]
  const both = trackers([first.tracker, second.tracker])
  both.log({ step: 1, numbers: { loss: 1 } })
  expect(await both.close('failed')).toBe('1 missing\n1 missing')
  expect([first.logged, second.ends]).toEqual([[{ step: 1, numbers: { loss: 1 } }], ['failed']])
  expect(await trackers([]).close('finished')).toBeUndefined()
})

it('flattens settings to texts by path', () => {
  const settings = {
    name: 'a',
    stream: { scenario: 'class', seeds: [1, 2] },
    none: undefined,
    parts: [{ a: null }],
  }
  expect(flatSettings(settings)).toEqual({
    name: 'a',
    'stream.scenario': 'class',
    'stream.seeds': '1,2',
    'parts.0.a': 'null',
  })
})
