import { createEvaluator, type Evaluator, taskAccuracy } from '../../evaluate/evaluate.ts'
import type { MethodState } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import type { Task } from '../../tasks/stream.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RunState } from './checkpoint.ts'
import type { LearnOptions } from './options.ts'
import { type TaskModels, withState } from './task-models.ts'

/** As far as a run's answers depend on it. */
export type Standing = Pick<RunState, 'position' | 'tensors' | 'method'>

/** Answers of a run's model: as its method prepares it for a task and reads it. */
export interface RunReading {
  /** How well a task's test set is answered, see {@link taskAccuracy}. */
  accuracy(task: Task, standing: Standing): Promise<number>
  /** Of the model that a task trains, as it is. */
  evaluator(index: number): Evaluator
  dispose(): Promise<void>
}

export function openReading(
  { engine, stream, method, settings }: LearnOptions,
  models: TaskModels,
): RunReading {
  const kept = new Map<Model['graph'], Evaluator>()
  // Of a method that reads the model by another graph, which may be another one each time.
  let read: { readonly graph: Model['graph']; readonly evaluator: Evaluator } | undefined
  const readerOf = async (model: Model): Promise<Evaluator> => {
    if (read?.graph === model.graph) return read.evaluator
    await read?.evaluator.dispose()
    read = { graph: model.graph, evaluator: createEvaluator(engine, model, stream.outputs) }
    return read.evaluator
  }
  const evaluatorOf = (model: Model): Evaluator => {
    const found = kept.get(model.graph) ?? createEvaluator(engine, model, stream.outputs)
    kept.set(model.graph, found)
    return found
  }
  return {
    accuracy: async (task, { position, tensors, method: state }) => {
      // Only where the task is told may its own model answer.
      const model = models(stream.scenario === 'task' ? task.index : position.task)
      const score = (evaluator: Evaluator, values: ReadonlyMap<string, Tensor>) =>
        taskAccuracy(evaluator, stream, task, values, settings.loss)
      if (!method.prepare && !method.answer) return score(evaluatorOf(model), tensors)
      const answers = answered(method, model, tensors, state)
      const own = answers.graph === model.graph
      return score(own ? evaluatorOf(model) : await readerOf(answers), stateOf(answers))
    },
    evaluator: (index) => evaluatorOf(models(index)),
    dispose: async () => {
      for (const evaluator of kept.values()) await evaluator.dispose()
      kept.clear()
      await read?.evaluator.dispose()
      read = undefined
    },
  }
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
