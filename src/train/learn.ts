import type { Engine } from '../engine/engine.ts'
import { copyTensor } from '../engine/program.ts'
import { TrainingError } from '../errors.ts'
import { emptyState, type Method } from '../methods/method.ts'
import type { Model } from '../model/model.ts'
import type { TaskStream } from '../tasks/stream.ts'
import { randomStream } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { RunRecord, RunState } from './checkpoint.ts'
import { createEvaluator, type Evaluator, taskAccuracy } from './evaluate.ts'
import type { LearnEvent } from './events.ts'
import type { Schedule } from './schedules.ts'
import { initialState, type StepSettings } from './step.ts'
import { openTask } from './task-run.ts'

/** Where checkpoints go. A save replaces the one before; nothing is lost if the process dies in the middle of it. */
export interface CheckpointStore {
  save(state: RunState): Promise<void>
  load(): Promise<RunState | undefined>
}

export interface EarlyStopping {
  /** Rows held out from each task's training data to measure the loss on, a share in 0..1. Default 0.1. */
  readonly share?: number
  /** Steps between looks. Default 100. */
  readonly every?: number
  /** Looks without improvement before the task is ended. Default 5. */
  readonly patience?: number
}

export interface LearnOptions {
  readonly engine: Engine
  readonly model: Model
  readonly stream: TaskStream
  readonly method: Method
  readonly settings: StepSettings
  /** Steps a task. */
  readonly iterations: number
  /** Rows of new data a step. */
  readonly batchSize: number
  readonly learningRate: number
  /** Factor of the learning rate by step within a task. Default constant. */
  readonly schedule?: Schedule
  readonly seed: number
  /** Whether the optimiser starts anew with each task. Default false: its state is carried on. */
  readonly resetOptimiser?: boolean
  /** Steps a call of the runtime; speed only, the result does not depend on it. Default 50. */
  readonly stepsPerCall?: number
  /** Steps between measurements of all tasks seen so far, within a task. Default none. */
  readonly evaluateEvery?: number
  /** Accuracy of future tasks too after each task, as forward transfer needs. Default true. */
  readonly evaluateFuture?: boolean
  readonly store?: CheckpointStore
  /** Steps between checkpoints within a task; one is always written at a task's end. Default none. */
  readonly checkpointEvery?: number
  /** Stops cleanly after the step at hand, with a checkpoint where there is a store. */
  readonly signal?: AbortSignal
  readonly earlyStopping?: EarlyStopping
}

/** What a finished run leaves. */
export interface LearnResult {
  readonly record: RunRecord
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
}

const noRecord: RunRecord = {
  initial: [],
  matrix: [],
  curve: [],
  seconds: { train: 0, consolidate: 0, evaluate: 0 },
}

/**
 * Learns a stream of tasks, one after another, and reports as it goes. With a store, it goes on from the last
 * checkpoint there is; a run that was killed at any moment and resumed ends in the same bits as one that was not.
 *
 * @throws TrainingError `diverged` at the step and term of the loss that is no longer finite; the last checkpoint stands.
 * @example
 * for await (const event of learn(options)) if (event.type === 'task-finished') console.log(event.accuracies)
 */
export async function* learn(options: LearnOptions): AsyncGenerator<LearnEvent, LearnResult> {
  const { engine, model, stream, method } = options
  const evaluator = createEvaluator(engine, model, stream.outputs)
  try {
    const saved = await options.store?.load()
    let state = saved ?? freshState(options)
    yield {
      type: 'started',
      tasks: stream.tasks.map(({ name }) => name),
      steps: options.iterations * stream.tasks.length,
      resumed: saved !== undefined,
    }
    if (state.record.initial.length === 0) state = await measureUntrained(state, stream, evaluator)
    while (state.position.phase !== 'done') {
      if (state.position.phase === 'train') {
        const trained = yield* trainTask(options, evaluator, state)
        if (trained.interrupted) return resultOf(trained.state)
        state = trained.state
      }
      state = yield* consolidate(options, method, evaluator, state)
      await options.store?.save(state)
      yield { type: 'checkpoint', ...where(state) }
    }
    yield { type: 'finished', record: state.record }
    return resultOf(state)
  } finally {
    await evaluator.dispose()
  }
}

const where = ({ position }: RunState) => ({ task: position.task, step: position.step })

function freshState({ model, settings }: LearnOptions): RunState {
  return {
    position: { task: 0, step: 0, phase: 'train' },
    updates: 0,
    tensors: initialState(model, settings.optimiser),
    method: emptyState,
    samplers: {},
    record: noRecord,
    early: null,
  }
}

function resultOf(state: RunState): LearnResult {
  const under = (prefix: string) =>
    new Map(
      [...state.tensors].flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
      ),
    )
  return { record: state.record, parameters: under('parameter/'), buffers: under('buffer/') }
}

async function measureUntrained(
  state: RunState,
  stream: TaskStream,
  evaluator: Evaluator,
): Promise<RunState> {
  const started = performance.now()
  const initial: number[] = []
  for (const task of stream.tasks) initial.push(await taskAccuracy(evaluator, stream, task, state.tensors))
  return { ...state, record: spent({ ...state.record, initial }, 'evaluate', started) }
}

/** The record with the time since `started` added to one of its clocks. */
function spent(record: RunRecord, clock: keyof RunRecord['seconds'], started: number): RunRecord {
  const seconds = record.seconds[clock] + (performance.now() - started) / 1000
  return { ...record, seconds: { ...record.seconds, [clock]: seconds } }
}

async function* trainTask(
  options: LearnOptions,
  evaluator: Evaluator,
  start: RunState,
): AsyncGenerator<LearnEvent, { state: RunState; interrupted: boolean }> {
  const { stream, store, signal, iterations } = options
  const { task: index } = start.position
  const task = stream.tasks[index]
  if (!task) throw new TrainingError('no-such-task', `The stream "${stream.name}" has no task ${index}.`)
  if (start.position.step === 0) yield { type: 'task-started', task: index, name: task.name }
  let state =
    start.position.step === 0 && index > 0 && options.resetOptimiser
      ? withFreshOptimiser(start, options)
      : start
  let opened = performance.now()
  const run = await openTask(options, task, state)
  try {
    let { step } = state.position
    while (step < iterations) {
      const began = performance.now()
      const count = Math.min(nextStop(options, step) - step, options.stepsPerCall ?? 50)
      const losses = await run.steps(step, count)
      step += count
      const boundary =
        atMultiple(step, options.evaluateEvery) ||
        atMultiple(step, options.checkpointEvery) ||
        signal?.aborted
      state = {
        ...state,
        position: { ...state.position, step },
        updates: run.updates(),
        record: spent(state.record, 'train', opened),
      }
      yield {
        type: 'progress',
        task: index,
        step,
        of: iterations,
        losses,
        stepsPerSecond: (count * 1000) / (performance.now() - began),
      }
      opened = performance.now()
      if (!boundary || step >= iterations) continue
      if (atMultiple(step, options.evaluateEvery)) {
        const accuracies = await measure(options, evaluator, run.tensors(), index)
        const point = { step: index * iterations + step, task: index, accuracies }
        state = {
          ...state,
          record: spent({ ...state.record, curve: [...state.record.curve, point] }, 'evaluate', opened),
        }
        yield { type: 'evaluated', task: index, step, accuracies }
      }
      if (atMultiple(step, options.checkpointEvery) || signal?.aborted) {
        state = { ...state, tensors: run.snapshot(), samplers: run.samplers() }
        await store?.save(state)
        if (store) yield { type: 'checkpoint', ...where(state) }
      }
      if (signal?.aborted) {
        yield { type: 'interrupted', ...where(state) }
        return { state, interrupted: true }
      }
      opened = performance.now()
    }
    state = {
      ...state,
      tensors: run.snapshot(),
      samplers: run.samplers(),
      position: { task: index, step, phase: 'consolidate' },
    }
    return { state, interrupted: false }
  } finally {
    await run.dispose()
  }
}

const atMultiple = (step: number, every: number | undefined): boolean =>
  every !== undefined && step % every === 0

/** The next step at which something else than training is due. */
function nextStop({ iterations, evaluateEvery, checkpointEvery }: LearnOptions, step: number): number {
  const after = (every: number | undefined) =>
    every === undefined ? iterations : (Math.floor(step / every) + 1) * every
  return Math.min(iterations, after(evaluateEvery), after(checkpointEvery))
}

function withFreshOptimiser(state: RunState, { model, settings }: LearnOptions): RunState {
  const zero = [...initialState(model, settings.optimiser)].filter(([name]) => name.startsWith('optimiser/'))
  return { ...state, updates: 0, tensors: new Map([...state.tensors, ...zero]) }
}

/** Accuracies of the tasks seen so far; null for those to come. */
async function measure(
  { stream }: LearnOptions,
  evaluator: Evaluator,
  tensors: ReadonlyMap<string, Tensor>,
  upTo: number,
): Promise<(number | null)[]> {
  const accuracies: (number | null)[] = []
  for (const task of stream.tasks) {
    accuracies.push(task.index <= upTo ? await taskAccuracy(evaluator, stream, task, tensors) : null)
  }
  return accuracies
}

async function* consolidate(
  options: LearnOptions,
  method: Method,
  evaluator: Evaluator,
  start: RunState,
): AsyncGenerator<LearnEvent, RunState> {
  const { stream, engine, model, seed } = options
  const { task: index } = start.position
  const task = stream.tasks[index]
  if (!task) throw new TrainingError('no-such-task', `The stream "${stream.name}" has no task ${index}.`)
  let state = start
  if (method.consolidate) {
    const began = performance.now()
    const { parameters, buffers } = resultOf(state)
    const remembered = await method.consolidate(state.method, {
      stream,
      index,
      train: task.train,
      batchSize: options.batchSize,
      engine,
      model,
      parameters: copies(parameters),
      buffers: copies(buffers),
      random: (name) => randomStream(seed, `consolidate/${index}/${name}`),
      samplers: state.samplers,
    })
    state = { ...state, method: remembered, record: spent(state.record, 'consolidate', began) }
    yield { type: 'consolidated', task: index, seconds: (performance.now() - began) / 1000 }
  }
  const began = performance.now()
  const accuracies: number[] = []
  for (const other of stream.tasks) {
    const needed = options.evaluateFuture !== false || other.index <= index
    accuracies.push(needed ? await taskAccuracy(evaluator, stream, other, state.tensors) : 0)
  }
  const point = {
    step: (index + 1) * options.iterations,
    task: index,
    accuracies: accuracies.map((value, at) => (at <= index ? value : null)),
  }
  const record = {
    ...state.record,
    matrix: [...state.record.matrix, accuracies],
    curve: [...state.record.curve, point],
  }
  const last = index + 1 >= stream.tasks.length
  yield { type: 'task-finished', task: index, accuracies }
  return {
    ...state,
    samplers: {},
    record: spent(record, 'evaluate', began),
    position: last
      ? { task: index, step: options.iterations, phase: 'done' }
      : { task: index + 1, step: 0, phase: 'train' },
  }
}

const copies = (tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...tensors].map(([name, tensor]) => [name, copyTensor(tensor)]))
