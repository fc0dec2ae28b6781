import { describe, expect, it } from 'vitest'
import { agem } from '../src/methods/a-gem.ts'
import { bic } from '../src/methods/bic.ts'
import { ranpac, ridgeHead } from '../src/methods/closed-form-heads.ts'
import { compose } from '../src/methods/compose.ts'
import { der } from '../src/methods/der.ts'
import { distil } from '../src/methods/distil.ts'
import { erAce } from '../src/methods/er-ace.ts'
import { ewc } from '../src/methods/ewc.ts'
import { ewcKfac } from '../src/methods/ewc-kfac.ts'
import { gdumb } from '../src/methods/gdumb.ts'
import { gem } from '../src/methods/gem.ts'
import { icarl } from '../src/methods/icarl.ts'
import { joint } from '../src/methods/joint.ts'
import { l2sp } from '../src/methods/l2-sp.ts'
import { lessForget } from '../src/methods/less-forget.ts'
import { logitAdjustment } from '../src/methods/logit-adjustment.ts'
import { lpft } from '../src/methods/lp-ft.ts'
import { lwf } from '../src/methods/lwf.ts'
import { mas } from '../src/methods/mas.ts'
import { emptyState, type Method, type MethodState } from '../src/methods/method.ts'
import { nearestMean } from '../src/methods/nearest-mean.ts'
import { none } from '../src/methods/none.ts'
import { replay } from '../src/methods/replay.ts'
import { sam } from '../src/methods/sam.ts'
import { si } from '../src/methods/si.ts'
import { taskLora } from '../src/methods/task-lora.ts'
import { weightAligning } from '../src/methods/weight-aligning.ts'
import { ema, swa } from '../src/methods/weight-averaging.ts'
import { xdg } from '../src/methods/xdg.ts'
import type { Model } from '../src/model/model.ts'
import type { Scenario } from '../src/tasks/stream.ts'
import type { RunState } from '../src/train/run/checkpoint.ts'
import { learn } from '../src/train/run/learn.ts'
import type { LearnOptions } from '../src/train/run/options.ts'
import { adam, rmsprop, sgd } from '../src/train/step/optimisers.ts'
import { endOfTask } from './method-contexts.ts'
import { bitsOf, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from './toy-learning.ts'

// Methods in real runs: what every method has to hold, and what they do to learning.

const methods: readonly (readonly [name: string, make: () => Method])[] = [
  ['none', () => none()],
  ['joint', () => joint()],
  ['ewc', () => ewc({ lambda: 20 })],
  [
    'ewc, sampled, on some samples, proximal',
    () => ewc({ lambda: 20, fisher: 'sampled', samples: 7, step: 'proximal' }),
  ],
  ['online ewc', () => ewc({ lambda: 20, online: true, gamma: 0.9 })],
  ['ewc by kronecker factors', () => ewcKfac({ lambda: 20, fisherSamples: 7 })],
  ['lwf', () => lwf()],
  ['replay', () => replay({ perClass: 3 })],
  ['reservoir', () => replay({ capacity: 9 })],
  [
    'most interfered of a reservoir',
    () => replay({ capacity: 9, batchSize: 3, retrieval: 'interfered', candidates: 7 }),
  ],
  ['moving average and replay', () => compose(ema({ decay: 0.8 }), replay({ perClass: 3 }))],
  ['probed, mean of the last steps, and ewc', () => compose(lpft(), swa(), ewc({ lambda: 20 }))],
  ['si', () => si({ strength: 0.1 })],
  ['l2-sp', () => l2sp({ lambda: 0.1 })],
  ['a-gem', () => agem({ perClass: 3 })],
  ['der++', () => der({ capacity: 9, alpha: 0.3, beta: 0.7, replayBatch: 5 })],
  ['mas and er-ace', () => compose(mas({ strength: 0.1 }), erAce({ capacity: 9, replayBatch: 5 }))],
  ['gdumb', () => gdumb({ capacity: 9 })],
  ['icarl and ewc', () => compose(icarl({ capacity: 12 }), ewc({ lambda: 20 }))],
  ['weight aligning, replay and distil', () => compose(weightAligning(), replay({ perClass: 3 }), distil())],
  ['replay, bic and distil', () => compose(replay({ perClass: 3 }), bic({ heldOutPerClass: 2 }), distil())],
  ['logit adjustment and replay', () => compose(logitAdjustment(), replay({ perClass: 3 }))],
  ['gem', () => gem({ perClass: 3, replayBatch: 6 })],
  ['less-forget', () => lessForget()],
  [
    'sam, less-forget and reservoir',
    () => compose(sam(), lessForget({ normalised: true }), replay({ capacity: 9 })),
  ],
  ['nearest mean', () => nearestMean()],
  ['ridge', () => ridgeHead()],
  ['ranpac', () => ranpac({ randomFeatures: 10 })],
  ['distil and reservoir', () => compose(distil(), replay({ capacity: 9 }))],
  [
    'si, der++ and nearest mean',
    () => compose(si(), der({ capacity: 9 }), nearestMean(), l2sp({ lambda: 0.1 })),
  ],
  ['a-gem and ewc', () => compose(agem({ perClass: 3 }), ewc({ lambda: 20 }))],
  ['ewc and replay', () => compose(ewc({ lambda: 20 }), replay({ perClass: 3 }))],
  ['gates and si', () => compose(xdg({ gated: 0.5 }), si({ strength: 0.1 }))],
  ['low-rank updates a task', () => taskLora({ adapterRank: 2 })],
  ['lwf and reservoir', () => compose(lwf(), replay({ capacity: 9 }))],
]
const scenarios: readonly Scenario[] = ['task', 'domain', 'class']
/** Of those that are for one scenario, or are hardest in it. */
const onlyIn: ReadonlyMap<string, Scenario> = new Map([
  ['icarl and ewc', 'class'],
  // Where new rows have no answers of their own, though the reservoir holds some.
  ['distil and reservoir', 'domain'],
  ['weight aligning, replay and distil', 'class'],
  ['replay, bic and distil', 'class'],
  ['gates and si', 'task'],
  ['low-rank updates a task', 'task'],
])

const everything = async (options: LearnOptions) => {
  const store = memoryStore()
  const { result } = await runToEnd({ ...options, store })
  const state = await store.load()
  if (!state) throw new Error('no checkpoint')
  return { bits: allBits(state), result }
}

/** Parameters, optimiser and memory of the method, as bits. */
const allBits = ({ tensors, method, updates }: RunState): string =>
  [bitsOf(tensors), bitsOf(method.tensors), JSON.stringify(method.values), updates].join('\n\n')

describe.each(methods)('%s', (name, make) => {
  const only = onlyIn.get(name)
  // Scenarios and optimisers take turns over the methods, so that all meet.
  const at = methods.findIndex(([other]) => other === name)

  it('does not depend on the steps a call', async () => {
    const stream = toyStream(only ?? scenarios[(at + 2) % 3] ?? 'task')
    const runs = []
    for (const stepsPerCall of [1, 7, 50]) {
      runs.push(await everything(toyOptions({ stream, method: make(), stepsPerCall, iterations: 10 })))
    }
    const [first, ...others] = runs
    for (const other of others) {
      expect(other.bits === first?.bits).toBe(true)
      expect(other.result.record.matrix).toEqual(first?.result.record.matrix)
    }
  })

  it('goes on from any checkpoint to the same bits', async () => {
    const scenario = only ?? scenarios[at % 3] ?? 'class'
    const optimiser = [adam(), rmsprop({ momentum: 0.5 }), sgd({ momentum: 0.9, nesterov: true })][
      (at + 1) % 3
    ]
    const settings = { optimiser: optimiser ?? adam() }
    const stream = toyStream(scenario)
    const options = { stream, settings, learningRate: 0.01, checkpointEvery: 5, stepsPerCall: 3 }
    const whole = await everything(toyOptions({ ...options, method: make() }))
    for (const stop of [2, 9, 17, 23]) {
      const store = memoryStore()
      // Stopped as if the process had died: whatever came after the last checkpoint is lost.
      const killed = learn(toyOptions({ ...options, method: make(), store }))
      let progress = 0
      for await (const event of killed) if (event.type === 'progress' && ++progress === stop) break
      const { result } = await runToEnd(toyOptions({ ...options, method: make(), store }))
      const state = await store.load()
      expect(state && allBits(state) === whole.bits, `stopped at call ${stop}`).toBe(true)
      expect(result.record.matrix).toEqual(whole.result.record.matrix)
    }
  })
})

describe('ewc', () => {
  it('of lambda 0 is plain training, bit for bit', async () => {
    const stream = toyStream('class')
    const plain = (await runToEnd(toyOptions({ stream, method: none() }))).result
    for (const step of ['explicit', 'proximal'] as const) {
      const { result } = await runToEnd(toyOptions({ stream, method: ewc({ lambda: 0, step }) }))
      expect(bitsOf(result.parameters) === bitsOf(plain.parameters)).toBe(true)
    }
  })

  it('has a penalty that is not there in the first task, 0 at the anchor, and above 0 after a move', async () => {
    for (const step of ['explicit', 'proximal'] as const) {
      const method = ewc({ lambda: 1, step })
      const { events } = await runToEnd(toyOptions({ stream: toyStream('class'), method, stepsPerCall: 1 }))
      const penalties = [0, 1].map((task) =>
        events.flatMap((event) =>
          event.type === 'progress' && event.task === task ? [event.losses.penalty] : [],
        ),
      )
      expect(penalties[0]?.every((value) => value === undefined)).toBe(true)
      const [first, ...later] = penalties[1] ?? []
      expect(first).toBe(0)
      expect(later).toHaveLength(19)
      expect(later.every((value) => value !== undefined && value > 0)).toBe(true)
    }
  })

  it('changes what is learned, and keeps more of the old task', async () => {
    const stream = toyStream('task', { perClass: 40 })
    const run = (method: Method) => runToEnd(toyOptions({ stream, method, iterations: 100 }))
    const plain = await run(none())
    const held = await run(ewc({ lambda: 200 }))
    expect(bitsOf(held.result.parameters) === bitsOf(plain.result.parameters)).toBe(false)
    const old = ({ result }: typeof plain) => result.record.matrix.at(-1)?.[0] ?? 0
    expect(old(held)).toBeGreaterThanOrEqual(old(plain))
  })

  it('with an enormous lambda diverges explicitly and says where; the proximal step stays', async () => {
    const stream = toyStream('class')
    const explicit = runToEnd(toyOptions({ stream, method: ewc({ lambda: 1e12 }), stepsPerCall: 1 }))
    await expect(explicit).rejects.toThrow(
      expect.objectContaining({
        code: 'diverged',
        message: expect.stringMatching(
          /the term "(task|penalty)" of the loss is \S+ at step \d+ of task 1.*proximal/s,
        ),
      }),
    )
    const method = ewc({ lambda: 1e12, step: 'proximal' })
    const { result } = await runToEnd(toyOptions({ stream, method }))
    for (const { data } of result.parameters.values()) {
      expect((data as Float32Array).every((value) => Number.isFinite(value))).toBe(true)
    }
  })

  it.each([1, 20])('holds two tensors a parameter after %i tasks', async (tasks) => {
    const { state, model } = await consolidated(tasks)
    const names = [...model.parameters.keys()].flatMap((name) => [`anchor/${name}`, `importance/${name}`])
    expect([...state.tensors.keys()].sort()).toEqual(names.sort())
    for (const [name, { dims }] of model.parameters)
      expect(state.tensors.get(`anchor/${name}`)?.dims).toEqual(dims)
  })
})

async function consolidated(times: number): Promise<{ state: MethodState; model: Model }> {
  const stream = toyStream('domain')
  const model = toyModel(stream)
  let state = emptyState
  for (let index = 0; index < times; index++) {
    const found = await ewc().consolidate?.(state, endOfTask(stream, index % 3, { model }))
    state = found?.state ?? state
  }
  return { state, model }
}

describe('what keeps old tasks', () => {
  it.each([
    ['joint', joint()],
    ['replay', replay({ perClass: 10 })],
    ['reservoir', replay({ capacity: 60 })],
  ] as const)('%s does, class-incremental, where plain training forgets', async (_, method) => {
    const stream = toyStream('class', { perClass: 40 })
    const run = async (used: Method) => {
      const { result } = await runToEnd(toyOptions({ stream, method: used, iterations: 150 }))
      return result.record.matrix.at(-1)?.[0] ?? 0
    }
    expect(await run(none())).toBeLessThan(0.2)
    expect(await run(method)).toBeGreaterThan(0.5)
  })
})
