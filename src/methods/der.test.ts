import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { engine, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { openReader } from '../evaluate/reader.ts'
import type { Model } from '../model/model.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { type DerOptions, der } from './der.ts'
import { rowsOf } from './exemplars.ts'
import { emptyState } from './method.ts'
import { type ReservoirState, readReservoir } from './reservoir.ts'

const CAPACITY = 6
const BATCH = 4
const STEPS = 15
const stream = toyStream('class')
const trainOf = (task: number) => stream.tasks[task]?.train as NonNullable<(typeof stream.tasks)[0]>['train']

interface Step {
  readonly task: number
  readonly state: RunState
  readonly losses: Readonly<Record<string, number>>
}

/** Every step of a run, with the state after it. */
async function run(options: DerOptions): Promise<{ steps: Step[]; model: Model }> {
  const states: RunState[] = []
  const given = toyOptions({
    stream,
    method: der({ capacity: CAPACITY, ...options }),
    settings: { optimiser: sgd() },
    ...{ iterations: STEPS, batchSize: BATCH, stepsPerCall: 1, checkpointEvery: 1 },
    store: { ...memoryStore(), save: async (state) => void states.push(state) },
  })
  const { events } = await runToEnd(given)
  const progress = events.flatMap((event) => (event.type === 'progress' ? [event] : []))
  const steps = progress.map(({ task, losses }, at) => ({ task, losses, state: states[at] as RunState }))
  return { steps, model: given.model }
}

const tensorOf = (map: ReadonlyMap<string, Tensor>, name: string): Tensor => {
  const found = map.get(name)
  if (!found) throw new Error(`no ${name}`)
  return found
}
const rowOf = (tensor: Tensor, row: number): number[] => {
  const width = tensor.dims[1] ?? 0
  return toNumbers(tensor).slice(row * width, (row + 1) * width)
}
const reservoirOf = ({ samplers }: RunState): ReservoirState => readReservoir(samplers.replay)

/** The model's logits for rows of a task, with the parameters of a state. */
async function logitsOf(model: Model, state: RunState | undefined, task: number, rows: readonly number[]) {
  const reader = openReader(engine, model, stream.outputs)
  const weights = state ? withoutPrefix(state.tensors, 'parameter/') : model.parameters
  const found = await reader.logits(rowsOf(trainOf(task), Int32Array.from(rows)), weights)
  await reader.dispose()
  return found
}

describe('the logits beside the memory', () => {
  it('are those that the model gave when the row was taken in, and are kept while it is', async () => {
    const { steps, model } = await run({ alpha: 0.5, beta: 0.5 })
    // Within the first task: a slot's logits come from the parameters before the step that filled it.
    let known: { row: number; logits: number[] }[] = []
    let replaced = 0
    for (const [at, { state }] of steps.slice(0, STEPS - 1).entries()) {
      const { slots } = reservoirOf(state)
      const table = tensorOf(state.tensors, 'slot/logits')
      const before = await logitsOf(model, steps[at - 1]?.state, 0, slots)
      known = slots.map((row, slot) => {
        const held = rowOf(table, slot)
        if (known[slot]?.row === row && known[slot]?.logits.join() === held.join())
          return { row, logits: held }
        if (known[slot]) replaced++
        rowOf(before, slot).forEach((value, unit) => {
          expect(held[unit]).toBeCloseTo(value, 5)
        })
        return { row, logits: held }
      })
    }
    expect(known).toHaveLength(CAPACITY)
    expect(replaced).toBeGreaterThan(2)
  })

  it('go with their rows into the next task', async () => {
    const { steps } = await run({ alpha: 0.5, beta: 0.5 })
    const [last, end] = [steps[STEPS - 2]?.state, steps[STEPS - 1]?.state] as [RunState, RunState]
    const rows = tensorOf(end.method.tensors, 'memory/inputs')
    const logits = tensorOf(end.method.tensors, 'memory/logits')
    expect(rows.dims[0]).toBe(CAPACITY)
    // All but what the last step took in stood in the table before it.
    const before = reservoirOf(last).slots.map((row, slot) => ({
      inputs: rowOf(trainOf(0).inputs, row).join(),
      logits: rowOf(tensorOf(last.tensors, 'slot/logits'), slot).join(),
    }))
    const after = Array.from({ length: CAPACITY }, (_, row) => ({
      inputs: rowOf(rows, row).join(),
      logits: rowOf(logits, row).join(),
    }))
    const kept = after.filter((one) => before.some((other) => other.logits === one.logits))
    expect(kept.length).toBeGreaterThanOrEqual(CAPACITY - BATCH)
    for (const one of kept) expect(before).toContainEqual(one)
  })
})

describe('the loss', () => {
  it('is alpha MSE on one draw and beta cross-entropy on another, nothing before there is a memory', async () => {
    const { steps, model } = await run({ alpha: 0.25, beta: 2, replayBatch: 200 })
    expect(steps[0]?.losses).toMatchObject({ der: 0, replay: 0 })
    // 200 draws from six slots come near the mean over the slots.
    const at = 9
    const before = steps[at - 1]?.state as RunState
    const { slots } = reservoirOf(before)
    const now = await logitsOf(model, before, 0, slots)
    const table = tensorOf(before.tensors, 'slot/logits')
    const labels = toNumbers(trainOf(0).labels)
    let [squares, entropy] = [0, 0]
    slots.forEach((row, slot) => {
      const [found, stored] = [rowOf(now, slot), rowOf(table, slot)]
      squares += found.reduce((sum, value, unit) => sum + (value - (stored[unit] ?? 0)) ** 2, 0) / 6
      const total = Math.log(found.reduce((sum, value) => sum + Math.exp(value), 0))
      entropy += total - (found[labels[row] ?? 0] ?? 0)
    })
    const { losses } = steps[at] as Step
    expect(losses.der).toBeGreaterThan(0)
    expect(Math.abs((losses.der ?? 0) / ((0.25 * squares) / CAPACITY) - 1)).toBeLessThan(0.4)
    expect(Math.abs((losses.replay ?? 0) / ((2 * entropy) / CAPACITY) - 1)).toBeLessThan(0.4)
  })

  it('without alpha and beta is that of plain training', async () => {
    const { steps } = await run({ alpha: 0, beta: 0 })
    for (const { losses } of steps) expect(losses.der).toBe(0)
  })
})

describe('der', () => {
  it('is one draw by the logits alone', async () => {
    // One row is remembered, so every draw is that row.
    const found = await run({ alpha: 0.25, beta: 0, capacity: 1, replayBatch: 3 })
    for (const { losses } of found.steps) expect(Object.keys(losses)).toEqual(['task', 'der'])
    const [before, step] = [found.steps[STEPS - 1]?.state, found.steps[STEPS]] as [RunState, Step]
    const memory = { ...trainOf(0), inputs: tensorOf(before.method.tensors, 'memory/inputs') }
    const reader = openReader(engine, found.model, stream.outputs)
    const labels = tensorOf(before.method.tensors, 'memory/labels') as Tensor<'int32'>
    const weights = withoutPrefix(before.tensors, 'parameter/')
    const now = rowOf(await reader.logits({ ...memory, labels }, weights), 0)
    await reader.dispose()
    const stored = rowOf(tensorOf(before.method.tensors, 'memory/logits'), 0)
    const squares = now.reduce((sum, value, unit) => sum + (value - (stored[unit] ?? 0)) ** 2, 0)
    expect(step.losses.der).toBeGreaterThan(0)
    expect(step.losses.der).toBeCloseTo((0.25 * squares) / stored.length, 5)
  })

  it('is called by its own name, and der++ by its', () => {
    expect([der({ beta: 0 }).name, der().name]).toEqual(['der', 'der++'])
  })
})

it('fills its memory from old rows where the old was learned elsewhere, with what the model says of them', async () => {
  const model = toyModel(stream)
  const context = endOfTask(stream, 0, { model, trace: undefined })
  const { state } = (await der({ capacity: CAPACITY }).consolidate?.(emptyState, context)) ?? {
    state: emptyState,
  }
  const rows = { ...trainOf(0), inputs: tensorOf(state.tensors, 'memory/inputs') }
  const labels = tensorOf(state.tensors, 'memory/labels') as Tensor<'int32'>
  expect(toNumbers(await context.reader.logits({ ...rows, labels }))).toEqual(
    toNumbers(tensorOf(state.tensors, 'memory/logits')),
  )
  expect(readReservoir(state.values.reservoir)).toMatchObject({ sampling: { capacity: CAPACITY, seen: 20 } })
})
