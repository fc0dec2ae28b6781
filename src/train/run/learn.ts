import { count } from '../../count.ts'
import { UsageError } from '../../errors.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { initialState } from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
import { endTask } from './end-task.ts'
import type { LearnEvent } from './events.ts'
import { givenState } from './given-past.ts'
import { type LearnRun, openRun } from './learn-run.ts'
import type { LearnOptions, LearnResult } from './options.ts'
import { noRecord, spent } from './record.ts'
import { answered, type TaskScores, textsOf } from './run-reading.ts'
import { holdOut } from './stopping-rows.ts'
import type { OpenTask } from './task-run.ts'
import { passTask, trainTask } from './train-task.ts'

/**
 * Learns a stream of tasks, one after another, and reports as it goes. With a store, it goes on from the last
 * checkpoint there is; a run that was killed at any moment and resumed ends in the same bits as one that was not.
 *
 * A model that was trained before (`past`) is the first thing that the method holds: it teaches the first task, say. What it is
 * remembered by is made when the run begins.
 *
 * Class labels are scored by accuracy; for targets see {@link taskAccuracy}.
 *
 * @param open How tasks are trained; default here, by one program. Several places may do it together.
 * @throws UsageError `learn-options` for a number out of range, `model-outputs` for a model that does not fit the stream.
 * @throws TrainingError `diverged` at the step and term of the loss that is no longer finite; the last checkpoint stands.
 * @example
 * for await (const event of learn(options)) if (event.type === 'task-finished') console.log(event.accuracies)
 */
export async function* learn(given: LearnOptions, open?: OpenTask): AsyncGenerator<LearnEvent, LearnResult> {
  checkOptions(given)
  const heldOut = given.earlyStopping && holdOut(given.stream, given.earlyStopping, given.seed)
  const options = heldOut ? { ...given, stream: heldOut.stream } : given
  const { stream } = options
  const run = openRun(options, heldOut, open)
  try {
    const saved = await options.store?.load()
    let state = saved ?? (await freshState(options))
    yield {
      type: 'started',
      tasks: stream.tasks.map(({ name }) => name),
      steps: options.iterations * stream.tasks.length,
      resumed: saved !== undefined,
      ...(stream.untold && { untold: true }),
      ...trainedSteps(run),
    }
    if (state.record.initial.length === 0) state = await measureUntrained(run, state)
    while (state.position.phase !== 'done') {
      if (state.position.phase === 'train') {
        const trained = yield* (trains(run, state.position.task) ? trainTask : passTask)(run, state)
        if (trained.interrupted) return resultOf(run, trained.state)
        state = trained.state
        // What comes at a task's end may take long: stopped here, it is done when the run goes on.
        if (options.signal?.aborted) return yield* interrupt(run, state)
      }
      state = yield* endTask(run, state)
      if (options.signal?.aborted && state.position.phase !== 'done') return yield* interrupt(run, state)
      await options.store?.save(state)
      yield { type: 'checkpoint', ...where(state) }
    }
    yield { type: 'finished', record: state.record }
    return resultOf(run, state)
  } finally {
    await run.reading.dispose()
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
      `The model has ${count(model.classes.length, 'output')}, but stream "${stream.name}" needs ${stream.outputs}.`,
    )
  }
}

async function* interrupt(run: LearnRun, state: RunState): AsyncGenerator<LearnEvent, LearnResult> {
  const { store } = run.options
  await store?.save(state)
  if (store) yield { type: 'checkpoint', ...where(state) }
  yield { type: 'interrupted', ...where(state) }
  return resultOf(run, state)
}

const trains = ({ options, contextOf }: LearnRun, task: number): boolean =>
  options.method.trains?.(contextOf(task)) ?? true

/** Nothing where all tasks are trained. */
function trainedSteps(run: LearnRun): { readonly trained?: number } {
  const { tasks } = run.options.stream
  const trained = tasks.filter(({ index }) => trains(run, index))
  return trained.length === tasks.length ? {} : { trained: trained.length * run.options.iterations }
}

const where = ({ position }: RunState) => ({ task: position.task, step: position.step })

async function freshState(options: LearnOptions): Promise<RunState> {
  const { model, settings } = options
  return {
    position: { task: 0, step: 0, phase: 'train' },
    updates: 0,
    tensors: initialState(model, settings.optimiser),
    method: await givenState(options),
    samplers: {},
    record: noRecord,
    early: null,
  }
}

function resultOf({ models, options }: LearnRun, state: RunState): LearnResult {
  const { record, tensors } = state
  return {
    record,
    parameters: withoutPrefix(tensors, 'parameter/'),
    buffers: withoutPrefix(tensors, 'buffer/'),
    model: answered(options.method, models(state.position.task), tensors, state.method),
  }
}

async function measureUntrained({ reading, options }: LearnRun, state: RunState): Promise<RunState> {
  const started = performance.now()
  const scores: TaskScores[] = []
  for (const task of options.stream.tasks) scores.push(await reading.scores(task, state))
  const texts = textsOf(scores)
  const record = {
    ...state.record,
    initial: scores.map(({ accuracy }) => accuracy),
    ...(texts && { texts: { initial: texts, matrix: [] } }),
  }
  return { ...state, record: spent(record, 'evaluate', started) }
}
