import { itemAt } from '../../required.ts'
import type { Task } from '../../tasks/stream.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RunState } from './checkpoint.ts'
import { diverged } from './diverged.ts'
import { openWatch, type Watch } from './early-stopping.ts'
import type { LearnEvent } from './events.ts'
import type { LearnRun } from './learn-run.ts'
import type { LearnOptions } from './options.ts'
import { spent, withRound } from './record.ts'
import type { Standing } from './run-reading.ts'
import { tasksSeen } from './seen.ts'
import { stateAtStart, withState } from './task-models.ts'
import type { TaskRun } from './task-run.ts'
import { trainSteps } from './train-steps.ts'

/** Trains the task at hand from where `start` stands to its end, or until the signal stops it. */
export async function* trainTask(
  run: LearnRun,
  start: RunState,
): AsyncGenerator<LearnEvent, { state: RunState; interrupted: boolean }> {
  const { options } = run
  const { stream, store, signal, iterations } = options
  const { task: index } = start.position
  const task = itemAt(stream.tasks, index, `task of the stream "${stream.name}"`)
  if (start.position.step === 0) yield { type: 'task-started', task: index, name: task.name }
  let state = start.position.step === 0 ? begun(run, start) : start
  let opened = performance.now()
  let training: TaskRun | undefined
  let watch: Watch | undefined
  try {
    training = await run.openTask({ ...options, model: run.models(index) }, run.contextOf(index), state)
    watch = await watched(run, task, state)
    let ended = state.position.step >= iterations
    const calls = trainSteps(training, {
      from: state.position.step,
      iterations,
      stepsPerCall: options.stepsPerCall,
      nextStop: (step) => nextStop(options, step, watch?.every),
    })
    for await (const { step, losses, stepsPerSecond } of calls) {
      ended = step >= iterations
      state = {
        ...state,
        position: { ...state.position, step },
        updates: training.updates(),
        record: withRound(spent(state.record, 'train', opened), training.exchanged?.(), {
          task: index,
          step,
        }),
      }
      yield { type: 'progress', task: index, step, of: iterations, losses, stepsPerSecond }
      opened = performance.now()
      if (watch && (ended || atMultiple(step, watch.every))) {
        const { updates } = state
        const stop = await watch.look({
          step,
          updates,
          tensors: await training.tensors(),
          snapshot: training.snapshot,
        })
        state = { ...state, record: spent(state.record, 'evaluate', opened) }
        opened = performance.now()
        if (stop && !ended) {
          ended = true
          yield { type: 'stopped-early', task: index, step, best: watch.best()?.loss ?? Number.NaN }
        }
      }
      if (ended) break
      if (atMultiple(step, options.evaluateEvery)) {
        const accuracies = await measure(run, { ...state, tensors: await training.tensors() })
        const point = { step: index * iterations + step, task: index, accuracies }
        state = {
          ...state,
          record: spent({ ...state.record, curve: [...state.record.curve, point] }, 'evaluate', opened),
        }
        yield { type: 'evaluated', task: index, step, accuracies }
      }
      if (atMultiple(step, options.checkpointEvery) || signal?.aborted) {
        state = captured(state, training, await training.snapshot(), watch)
        await store?.save(state)
        if (store) yield { type: 'checkpoint', task: index, step }
      }
      if (signal?.aborted) {
        yield { type: 'interrupted', task: index, step }
        return { state, interrupted: true }
      }
      opened = performance.now()
    }
    // No step writes over them any more.
    const last = captured(state, training, await training.tensors(), undefined)
    return { state: endOfTask(last, watch), interrupted: false }
  } finally {
    await training?.dispose()
    await watch?.dispose()
  }
}

/** A task that its method does not train: it begins, and is at its end. */
export async function* passTask(
  run: LearnRun,
  start: RunState,
): AsyncGenerator<LearnEvent, { state: RunState; interrupted: boolean }> {
  const { stream } = run.options
  const { task: index } = start.position
  const { name } = itemAt(stream.tasks, index, `task of the stream "${stream.name}"`)
  yield { type: 'task-started', task: index, name }
  const state = begun(run, start)
  return {
    state: { ...state, position: { ...state.position, phase: 'consolidate' } },
    interrupted: false,
  }
}

/** The state with everything that the run holds. */
function captured(
  state: RunState,
  run: TaskRun,
  tensors: ReadonlyMap<string, Tensor>,
  watch: Watch | undefined,
): RunState {
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
    throw diverged(`${name} is no longer finite after step ${position.step} of task ${position.task}`)
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

/** The state in which the task's first step is done. */
function begun({ options, models, contextOf }: LearnRun, state: RunState): RunState {
  const { method, settings, resetOptimiser } = options
  const { task } = state.position
  const model = models(task)
  const fresh = task > 0 && resetOptimiser
  const tensors = fresh
    ? new Map([...state.tensors].filter(([name]) => !name.startsWith('optimiser/')))
    : state.tensors
  const slots = method.slots?.(withState(model, tensors), state.method, contextOf(task)) ?? new Map()
  return {
    ...state,
    ...(fresh ? { updates: 0 } : {}),
    tensors: stateAtStart(model, settings.optimiser, tensors, slots),
  }
}

async function watched(
  { options, reading, heldOut }: LearnRun,
  task: Task,
  state: RunState,
): Promise<Watch | undefined> {
  if (!heldOut) return undefined
  const { engine, settings } = options
  const evaluator = reading.evaluator(task.index)
  return openWatch({ engine, evaluator, heldOut, loss: settings.loss ?? {} }, task, state)
}

/** Accuracies of the tasks seen so far; null for those to come. */
async function measure({ options, reading }: LearnRun, standing: Standing): Promise<(number | null)[]> {
  const accuracies: (number | null)[] = []
  const seen = tasksSeen(options, standing.position)
  for (const task of options.stream.tasks) {
    accuracies.push(task.index < seen ? (await reading.scores(task, standing)).accuracy : null)
  }
  return accuracies
}
