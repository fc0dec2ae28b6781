import { copyTensor } from '../../engine/program.ts'
import { TrainingError, UsageError } from '../../errors.ts'
import { createEvaluator, type Evaluator, taskAccuracy } from '../../evaluate/evaluate.ts'
import { emptyState, type Method } from '../../methods/method.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { initialState } from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
import { holdOut } from './early-stopping.ts'
import type { LearnEvent } from './events.ts'
import type { LearnOptions, LearnResult } from './options.ts'
import { noRecord, spent } from './record.ts'
import { trainTask } from './train-task.ts'

/**
 * Learns a stream of tasks, one after another, and reports as it goes. With a store, it goes on from the last
 * checkpoint there is; a run that was killed at any moment and resumed ends in the same bits as one that was not.
 *
 * Class labels are scored by accuracy; for targets see {@link taskAccuracy}.
 *
 * @throws UsageError `learn-options` for a number out of range, `model-outputs` for a model that does not fit the stream.
 * @throws TrainingError `diverged` at the step and term of the loss that is no longer finite; the last checkpoint stands.
 * @example
 * for await (const event of learn(options)) if (event.type === 'task-finished') console.log(event.accuracies)
 */
export async function* learn(given: LearnOptions): AsyncGenerator<LearnEvent, LearnResult> {
  checkOptions(given)
  const heldOut = given.earlyStopping && holdOut(given.stream, given.earlyStopping, given.seed)
  const options = heldOut ? { ...given, stream: heldOut.stream } : given
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
    if (state.record.initial.length === 0) state = await measureUntrained(state, options, evaluator)
    while (state.position.phase !== 'done') {
      if (state.position.phase === 'train') {
        const trained = yield* trainTask(options, evaluator, state, heldOut)
        if (trained.interrupted) return resultOf(trained.state)
        state = trained.state
        // What comes at a task's end may take long: stopped here, it is done when the run goes on.
        if (options.signal?.aborted) return yield* interrupt(options, state)
      }
      state = yield* consolidate(options, method, evaluator, state)
      if (options.signal?.aborted && state.position.phase !== 'done') return yield* interrupt(options, state)
      await options.store?.save(state)
      yield { type: 'checkpoint', ...where(state) }
    }
    yield { type: 'finished', record: state.record }
    return resultOf(state)
  } finally {
    await evaluator.dispose()
  }
}

function checkOptions(options: LearnOptions): void {
  for (const name of [
    'iterations',
    'batchSize',
    'stepsPerCall',
    'evaluateEvery',
    'checkpointEvery',
  ] as const) {
    const value = options[name]
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue
    throw new UsageError('learn-options', `${name} must be a whole number from 1 on; ${value} was given.`)
  }
  if (!(options.learningRate >= 0 && Number.isFinite(options.learningRate))) {
    throw new UsageError(
      'learn-options',
      `learningRate must be a number, 0 or more; ${options.learningRate} was given.`,
    )
  }
  const { model, stream } = options
  if (model.classes.length > 0 && model.classes.length !== stream.outputs) {
    throw new UsageError(
      'model-outputs',
      `The model has ${model.classes.length} outputs, but stream "${stream.name}" needs ${stream.outputs}.`,
    )
  }
}

async function* interrupt({ store }: LearnOptions, state: RunState): AsyncGenerator<LearnEvent, LearnResult> {
  await store?.save(state)
  if (store) yield { type: 'checkpoint', ...where(state) }
  yield { type: 'interrupted', ...where(state) }
  return resultOf(state)
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
  const { record, tensors } = state
  return {
    record,
    parameters: withoutPrefix(tensors, 'parameter/'),
    buffers: withoutPrefix(tensors, 'buffer/'),
  }
}

async function measureUntrained(
  state: RunState,
  { stream, settings }: LearnOptions,
  evaluator: Evaluator,
): Promise<RunState> {
  const started = performance.now()
  const initial: number[] = []
  for (const task of stream.tasks) {
    initial.push(await taskAccuracy(evaluator, stream, task, state.tensors, settings.loss))
  }
  return { ...state, record: spent({ ...state.record, initial }, 'evaluate', started) }
}

async function* consolidate(
  options: LearnOptions,
  method: Method,
  evaluator: Evaluator,
  start: RunState,
): AsyncGenerator<LearnEvent, RunState> {
  const { stream, engine, model, seed, settings } = options
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
    if (options.evaluateFuture === false && other.index > index) break
    accuracies.push(await taskAccuracy(evaluator, stream, other, state.tensors, settings.loss))
  }
  const point = {
    step: (index + 1) * options.iterations,
    task: index,
    accuracies: stream.tasks.map((_, at) => (at <= index ? (accuracies[at] ?? null) : null)),
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
