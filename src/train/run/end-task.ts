import { copyTensor } from '../../engine/program.ts'
import { TrainingError } from '../../errors.ts'
import { openReader, readingAs } from '../../evaluate/reader.ts'
import { textRates } from '../../measure/text-scores.ts'
import type { Consolidated, TaskContext, Trace } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import { spanned } from '../../spans.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RunState } from './checkpoint.ts'
import type { LearnEvent } from './events.ts'
import type { LearnRun } from './learn-run.ts'
import type { LearnOptions } from './options.ts'
import { spent } from './record.ts'
import { type TaskScores, textsOf } from './run-reading.ts'
import { tasksSeen } from './seen.ts'
import { taskSources } from './task-run.ts'

/** The end of a task: the method remembers what it will, and all tasks are measured. */
export async function* endTask(run: LearnRun, start: RunState): AsyncGenerator<LearnEvent, RunState> {
  const { options, contextOf, models } = run
  const { task: index } = start.position
  let state = start
  if (options.method.consolidate) {
    const began = performance.now()
    const context = contextOf(index)
    const now = state
    const found = await spanned('end of task', () => consolidated(options, models(index), context, now))
    state = {
      ...state,
      method: found.state,
      tensors: withParameters(state.tensors, found),
      record: spent(state.record, 'consolidate', began),
    }
    yield { type: 'consolidated', task: index, seconds: (performance.now() - began) / 1000 }
  }
  return yield* measured(run, state)
}

/** What a method makes of a task that has been trained. */
export async function consolidated(
  options: Pick<LearnOptions, 'engine' | 'method' | 'seed'>,
  model: Model,
  task: TaskContext,
  state: Pick<RunState, 'tensors' | 'method' | 'samplers'>,
): Promise<Consolidated> {
  const { engine, method, seed } = options
  if (!method.consolidate) return { state: state.method }
  const parameters = copies(state.tensors, 'parameter/')
  const buffers = copies(state.tensors, 'buffer/')
  const trace: Trace = {
    sources: () => taskSources(method, state.method, task),
    samplers: state.samplers,
    slots: copies(state.tensors, 'slot/'),
  }
  const reader = openReader(engine, model, task.outputs)
  const left = new Map([...parameters, ...buffers])
  try {
    return await method.consolidate(state.method, {
      ...{ ...task, train: task.train, engine, model, parameters, buffers, trace },
      // Read as training left it, where nothing else is said.
      reader: readingAs(reader, left),
      random: (name) => randomStream(seed, `consolidate/${task.index}/${name}`),
    })
  } finally {
    await reader.dispose()
  }
}

const copies = (tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> =>
  new Map([...withoutPrefix(tensors, prefix)].map(([name, tensor]) => [name, copyTensor(tensor)]))

/** The state with the parameters and buffers that a method gave, and without its slots: these are of one task. */
function withParameters(
  tensors: ReadonlyMap<string, Tensor>,
  { parameters = new Map(), buffers = new Map() }: Consolidated,
): ReadonlyMap<string, Tensor> {
  const next = new Map([...tensors].filter(([name]) => !name.startsWith('slot/')))
  const given = (prefix: string, values: ReadonlyMap<string, Tensor>) =>
    [...values].map(([name, tensor]) => [prefix, name, tensor] as const)
  for (const [prefix, name, tensor] of [...given('parameter', parameters), ...given('buffer', buffers)]) {
    const held = next.get(`${prefix}/${name}`)
    if (held?.dims.join() !== tensor.dims.join()) {
      throw new TrainingError(
        'consolidate-parameters',
        `The method gave "${name}" [${tensor.dims.join(', ')}] at a task's end, but ${held ? `the ${prefix} is [${held.dims.join(', ')}]` : `the model has no such ${prefix}`}.`,
      )
    }
    next.set(`${prefix}/${name}`, tensor)
  }
  return next
}

async function* measured(
  { options, reading }: LearnRun,
  state: RunState,
): AsyncGenerator<LearnEvent, RunState> {
  const { stream, iterations } = options
  const { task: index } = state.position
  const began = performance.now()
  const scores: TaskScores[] = []
  const seen = tasksSeen(options, { task: index, step: iterations })
  for (const other of stream.tasks) {
    if (options.evaluateFuture === false && other.index >= seen) break
    scores.push(await reading.scores(other, state))
  }
  const accuracies = scores.map(({ accuracy }) => accuracy)
  const losses = textsOf(scores)
  const point = {
    step: (index + 1) * iterations,
    task: index,
    accuracies: stream.tasks.map((_, at) => (at < seen ? (accuracies[at] ?? null) : null)),
  }
  // A run that was begun by a Holdfast that did not measure them goes on without.
  const { texts: known } = state.record
  const record = {
    ...state.record,
    matrix: [...state.record.matrix, accuracies],
    curve: [...state.record.curve, point],
    ...(losses && known && { texts: { ...known, matrix: [...known.matrix, losses] } }),
  }
  const last = index + 1 >= stream.tasks.length
  yield {
    ...{ type: 'task-finished', task: index, accuracies },
    ...(losses && { texts: losses.map(textRates) }),
    ...(stream.untold && { seen }),
  }
  return {
    ...state,
    samplers: {},
    record: spent(record, 'evaluate', began),
    position: last
      ? { task: index, step: iterations, phase: 'done' }
      : { task: index + 1, step: 0, phase: 'train' },
  }
}
