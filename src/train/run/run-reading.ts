import { type Dataset, samples } from '../../data/dataset.ts'
import { createEvaluator, type Evaluator, taskAccuracy } from '../../evaluate/evaluate.ts'
import { type OpenTokenScores, openTokenScores, type TokenScores } from '../../evaluate/token-scores.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { MethodState } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import { spanned } from '../../spans.ts'
import type { Task, TaskStream } from '../../tasks/stream.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RunState } from './checkpoint.ts'
import type { LearnOptions } from './options.ts'
import { heldWeights, type TaskModels, withState } from './task-models.ts'

/** As far as a run's answers depend on it. */
export type Standing = Pick<RunState, 'position' | 'tensors' | 'method'>

/** How a task's test set is answered. */
export interface TaskScores {
  /** See {@link taskAccuracy}. */
  readonly accuracy: number
  /** What it costs a language model. */
  readonly text?: TextLoss | undefined
}

/** The losses of language models; undefined for what is none. */
export function textsOf(scores: readonly TaskScores[]): readonly TextLoss[] | undefined {
  const texts = scores.flatMap(({ text }) => text ?? [])
  return texts.length === scores.length ? texts : undefined
}

/** Answers of a run's model: as its method prepares it for a task and reads it. */
export interface RunReading {
  scores(task: Task, standing: Standing): Promise<TaskScores>
  /** Of the model that a task trains, as it is. */
  evaluator(index: number): Evaluator
  dispose(): Promise<void>
}

export function openReading(
  { engine, stream, method, settings }: LearnOptions,
  models: TaskModels,
): RunReading {
  const kept = new Map<Model['graph'], ModelReading>()
  // Of a method that reads the model by another graph, which may be another one each time.
  let read: ModelReading | undefined
  const open = (model: Model): ModelReading => {
    const evaluator = createEvaluator(engine, model, stream.outputs)
    const texts = openTexts(stream, (dataset) => openTokenScores(engine, model, dataset))
    return { graph: model.graph, evaluator, texts, dispose: () => disposeOf(evaluator, texts) }
  }
  const readerOf = async (model: Model): Promise<ModelReading> => {
    if (read?.graph === model.graph) return read
    await read?.dispose()
    read = open(model)
    return read
  }
  const readingOf = (model: Model): ModelReading => {
    const found = kept.get(model.graph) ?? open(model)
    kept.set(model.graph, found)
    return found
  }
  const scored = async (
    { evaluator, texts }: ModelReading,
    task: Task,
    values: ReadonlyMap<string, Tensor>,
  ): Promise<TaskScores> => {
    const { test } = task
    const accuracy = () => taskAccuracy(evaluator, stream, task, values, settings.loss)
    if (!test.causal || stream.scenario === 'task') return { accuracy: await accuracy() }
    const { right, ...text } = await texts.of(test, values)
    const plain = (settings.loss?.score ?? 'accuracy') === 'accuracy'
    return { accuracy: plain ? right / Math.max(1, text.tokens) : await accuracy(), text }
  }
  return {
    scores: async (task, { position, tensors, method: state }) => {
      // Only where the task is told may its own model answer.
      const model = models(stream.scenario === 'task' ? task.index : position.task)
      if (!method.prepare && !method.answer) return scored(readingOf(model), task, tensors)
      const answers = answered(method, model, tensors, state)
      const own = answers.graph === model.graph
      return scored(own ? readingOf(model) : await readerOf(answers), task, stateOf(answers))
    },
    evaluator: (index) => readingOf(models(index)).evaluator,
    dispose: async () => {
      for (const reading of kept.values()) await reading.dispose()
      kept.clear()
      await read?.dispose()
      read = undefined
    },
  }
}

/** How a graph is asked, with whatever parameters. */
interface ModelReading {
  readonly graph: Model['graph']
  readonly evaluator: Evaluator
  readonly texts: Texts
  dispose(): Promise<void>
}

/** Scores of rows of next tokens; a session is kept for rows of each form. */
interface Texts {
  of(test: Dataset, state: ReadonlyMap<string, Tensor>): Promise<TokenScores>
  dispose(): Promise<void>
}

function openTexts({ tasks }: TaskStream, open: (dataset: Dataset) => OpenTokenScores): Texts {
  const forms = new Map<string, OpenTokenScores>()
  return {
    of: (test, state) => {
      const form = formOf(test)
      const scores = forms.get(form) ?? open(largestOf(test, tasks))
      forms.set(form, scores)
      return spanned('evaluate', () => scores.of(test, heldWeights(state)), { rows: samples(test) })
    },
    dispose: async () => {
      for (const scores of forms.values()) await scores.dispose()
      forms.clear()
    },
  }
}

/** What test sets that one session reads have in common. */
const formOf = ({ inputs, preprocessing, classes }: Dataset): string =>
  JSON.stringify([inputs.type, inputs.dims.slice(1), classes.length, preprocessing])

/** Of the tasks' test sets of one form that with most rows: a session takes as many at a time as the set that it is opened with has. */
function largestOf(test: Dataset, tasks: readonly Task[]): Dataset {
  const form = formOf(test)
  return tasks
    .map((task) => task.test)
    .filter((other) => formOf(other) === form)
    .reduce((most, other) => (samples(other) > samples(most) ? other : most), test)
}

async function disposeOf(...open: readonly { dispose(): Promise<void> }[]): Promise<void> {
  for (const each of open) await each.dispose()
}

/** The model as it is read at inference. */
export function answered(
  { answer }: LearnOptions['method'],
  model: Model,
  tensors: ReadonlyMap<string, Tensor>,
  state: MethodState,
): Model {
  const trained = withState(model, tensors)
  return answer?.(trained, state) ?? trained
}

const stateOf = ({ parameters, buffers }: Model): Map<string, Tensor> =>
  new Map([
    ...[...parameters].map(([name, tensor]) => [`parameter/${name}`, tensor] as const),
    ...[...buffers].map(([name, tensor]) => [`buffer/${name}`, tensor] as const),
  ])
