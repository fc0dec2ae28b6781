import { TrainingError } from '../../errors.ts'
import { type Evaluator, taskAccuracy } from '../../evaluate/evaluate.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { initialState } from '../step/index.ts'
import type { RunState } from './checkpoint.ts'
import { type HeldOut, openWatch, type Watch } from './early-stopping.ts'
import type { LearnEvent } from './events.ts'
import type { LearnOptions } from './options.ts'
import { spent } from './record.ts'
import { openTask, type TaskRun } from './task-run.ts'

/** Trains the task at hand from where `start` stands to its end, or until the signal stops it. */
export async function* trainTask(
  options: LearnOptions,
  evaluator: Evaluator,
  start: RunState,
  heldOut: HeldOut | undefined,
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
  let run: TaskRun | undefined
  let watch: Watch | undefined
  try {
    run = await openTask(options, task, state)
    if (heldOut) {
      const loss = options.settings.loss ?? {}
      watch = await openWatch({ engine: options.engine, evaluator, heldOut, loss }, task, state)
    }
    let { step } = state.position
    let ended = step >= iterations
    while (!ended) {
      const began = performance.now()
      const count = Math.min(nextStop(options, step, watch?.every) - step, options.stepsPerCall ?? 50)
      const losses = await run.steps(step, count)
      step += count
      ended = step >= iterations
      state = {
        ...state,
        position: { ...state.position, step },
        updates: run.updates(),
        record: spent(state.record, 'train', opened),
      }
      const stepsPerSecond = (count * 1000) / (performance.now() - began)
      yield { type: 'progress', task: index, step, of: iterations, losses, stepsPerSecond }
      opened = performance.now()
      if (watch && (ended || atMultiple(step, watch.every))) {
        const { updates } = state
        const stop = await watch.look({ step, updates, tensors: run.tensors(), snapshot: run.snapshot })
        state = { ...state, record: spent(state.record, 'evaluate', opened) }
        opened = performance.now()
        if (stop && !ended) {
          ended = true
          yield { type: 'stopped-early', task: index, step, best: watch.best()?.loss ?? Number.NaN }
        }
      }
      if (ended) break
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
        state = captured(state, run, watch)
        await store?.save(state)
        if (store) yield { type: 'checkpoint', task: index, step }
      }
      if (signal?.aborted) {
        yield { type: 'interrupted', task: index, step }
        return { state, interrupted: true }
      }
      opened = performance.now()
    }
    return { state: endOfTask(captured(state, run, undefined), watch), interrupted: false }
  } finally {
    await run?.dispose()
    await watch?.dispose()
  }
}

/** The state with copies of everything that the run holds. */
function captured(state: RunState, run: TaskRun, watch: Watch | undefined): RunState {
  const tensors = run.snapshot()
  checkFinite(tensors, state)
  const saved = watch?.saved()
  return {
    ...state,
    tensors: new Map([...tensors, ...(saved?.tensors ?? [])]),
    samplers: run.samplers(),
    early: saved?.early ?? null,
  }
}

/** With early stopping the task ends as it was when the held-out loss was lowest. */
function endOfTask(state: RunState, watch: Watch | undefined): RunState {
  const best = watch?.best()
  const position = { ...state.position, phase: 'consolidate' as const }
  return best ? { ...state, position, tensors: best.tensors, updates: best.updates } : { ...state, position }
}

/** A loss is measured before its step's update, so the last update could go wrong unseen. */
function checkFinite(tensors: ReadonlyMap<string, Tensor>, { position }: RunState): void {
  for (const [name, { type, data }] of tensors) {
    if (type !== 'float32' && type !== 'float64') continue
    if ((data as Float32Array).every((value) => Number.isFinite(value))) continue
    throw new TrainingError(
      'diverged',
      `Training diverged: ${name} is no longer finite after step ${position.step} of task ${position.task}. ` +
        'The last checkpoint stands. Lower the learning rate, or, where a penalty is large, use its proximal step (--ewc-step proximal).',
    )
  }
}

const atMultiple = (step: number, every: number | undefined): boolean =>
  every !== undefined && step % every === 0

/** The next step at which something else than training is due. */
function nextStop(
  { iterations, evaluateEvery, checkpointEvery }: LearnOptions,
  step: number,
  lookEvery: number | undefined,
): number {
  const after = (every: number | undefined) =>
    every === undefined ? iterations : (Math.floor(step / every) + 1) * every
  return Math.min(iterations, after(evaluateEvery), after(checkpointEvery), after(lookEvery))
}

function withFreshOptimiser(state: RunState, { model, settings }: LearnOptions): RunState {
  const zero = [...initialState(model, settings.optimiser)].filter(([name]) => name.startsWith('optimiser/'))
  return { ...state, updates: 0, tensors: new Map([...state.tensors, ...zero]) }
}

/** Accuracies of the tasks seen so far; null for those to come. */
async function measure(
  { stream, settings }: LearnOptions,
  evaluator: Evaluator,
  tensors: ReadonlyMap<string, Tensor>,
  upTo: number,
): Promise<(number | null)[]> {
  const accuracies: (number | null)[] = []
  for (const task of stream.tasks) {
    accuracies.push(
      task.index <= upTo ? await taskAccuracy(evaluator, stream, task, tensors, settings.loss) : null,
    )
  }
  return accuracies
}
