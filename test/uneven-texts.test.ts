import { beforeAll, describe, expect, it } from 'vitest'
import { openReader } from '../src/evaluate/reader.ts'
import { compose } from '../src/methods/compose.ts'
import { distil } from '../src/methods/distil.ts'
import { emptyState, type Json, type MethodState } from '../src/methods/method.ts'
import { createMethod } from '../src/methods/registry.ts'
import { listStream } from '../src/tasks/list.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { learn } from '../src/train/run/learn.ts'
import { stateAtStart } from '../src/train/run/task-models.ts'
import { openTask } from '../src/train/run/task-run.ts'
import { adam, sgd } from '../src/train/step/optimisers.ts'
import type { StepSettings } from '../src/train/step/step-request.ts'
import { pastOf, updateTasks } from '../src/update/recipes/index.ts'
import { rehearse } from '../src/update/texts/rehearse.ts'
import { toyDecoder, unevenTexts } from './toy-language.ts'
import { bitsOf, engine, memoryStore, relativeError, runToEnd, toyOptions } from './toy-learning.ts'

// Rows of texts of uneven length, which steps read in a few lengths.

const vocabulary = 30
const model = toyDecoder({ vocabulary })
const [fresh, old] = [unevenTexts(2, 24, vocabulary), unevenTexts(1, 16, vocabulary)]
const method = compose(
  rehearse({ rows: old, share: 0.3 }),
  distil({ topTokens: 4, temperature: 1, distillationWeight: 0.5 }),
)
const tasks = updateTasks(
  { train: fresh, exemplars: old },
  { oldClasses: vocabulary, classes: vocabulary, batchSize: 6 },
)
const settings: StepSettings = { optimiser: adam(), clipNorm: 1 }
// Adam makes whole steps of gradients that are zero but for rounding, as those of a key's bias are.
const plain: StepSettings = { optimiser: sgd(), clipNorm: 1 }
let state: MethodState = emptyState

type Saved = {
  readonly updates: number
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly samplers: { [name: string]: Json }
}

interface Asked {
  readonly longest?: boolean
  readonly how?: StepSettings
}

async function open(from?: Saved, { longest, how = settings }: Asked = {}) {
  return openTask(
    { engine, model, method, settings: how, longest, iterations: 14, learningRate: 0.01, seed: 1 },
    tasks.now,
    from
      ? { ...from, method: state }
      : {
          updates: 0,
          tensors: stateAtStart(model, how.optimiser, new Map(), new Map()),
          method: state,
          samplers: {},
        },
  )
}

async function trained(cuts: readonly number[], asked: Asked = {}) {
  const run = await open(undefined, asked)
  const losses: number[] = []
  let from = 0
  for (const count of cuts) {
    losses.push((await run.steps(from, count)).distillation ?? Number.NaN)
    from += count
  }
  const tensors = await run.snapshot()
  const samplers = JSON.parse(JSON.stringify(run.samplers())) as { [name: string]: Json }
  const { share } = run
  await run.dispose()
  return { tensors, samplers, losses, share, updates: from }
}

beforeAll(async () => {
  const reader = openReader(engine, model, vocabulary)
  state = await pastOf(method, { engine, model, task: tasks.past, reader, seed: 1 })
  await reader.dispose()
})

describe('training on texts of uneven length', () => {
  it('comes to what it comes to where all rows are read as far as the longest', async () => {
    const short = await trained([14], { how: plain })
    const whole = await trained([14], { how: plain, longest: true })
    expect(short.share).toBeLessThan(0.75)
    for (const [name, tensor] of whole.tensors) {
      expect(relativeError(short.tensors.get(name), tensor, 0.1), name).toBeLessThan(2e-3)
    }
    expect(short.losses[0]).toBeCloseTo(whole.losses[0] ?? Number.NaN, 4)
    expect(bitsOf(short.tensors)).not.toBe(bitsOf(whole.tensors))
  })

  it('gives the same bits however calls are cut, and where it was stopped', async () => {
    const whole = await trained([14])
    const cut = await trained([1, 2, 1, 5, 5])
    expect(bitsOf(cut.tensors)).toBe(bitsOf(whole.tensors))
    expect(cut.samplers).toEqual(whole.samplers)
    for (const stop of [3, 9]) {
      const first = await trained([stop])
      const run = await open(first)
      await run.steps(stop, 14 - stop)
      expect(bitsOf(await run.snapshot())).toBe(bitsOf(whole.tensors))
      await run.dispose()
    }
  })
})

describe('a run over texts of uneven length', () => {
  const stream = listStream(
    [1, 2].map((step) => {
      const texts = unevenTexts(step, 18, vocabulary)
      return { name: `steps of ${step}`, train: texts, test: texts }
    }),
    'domain',
    'texts',
  )
  const options = () =>
    toyOptions({
      ...{
        model,
        stream,
        method: createMethod('replay+distil', { perClass: 12, oldShare: 0.3, topTokens: 4 }),
      },
      ...{ iterations: 11, batchSize: 6, settings },
    })

  it('ends in the same bits where it was stopped and gone on with', async () => {
    const { result } = await runToEnd(options())
    const store = memoryStore()
    const controller = new AbortController()
    let calls = 0
    const stepping = { ...options(), store, signal: controller.signal, stepsPerCall: 4 }
    const run = learn(stepping)
    for (;;) {
      const next = await run.next()
      if (next.done) break
      if (next.value.type === 'progress' && ++calls === 5) controller.abort()
    }
    expect(store.saves).toBeGreaterThan(0)
    const again = await runToEnd({ ...options(), store })
    expect(bitsOf(again.result.model.parameters)).toBe(bitsOf(result.model.parameters))
  })
})
