import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import type { Engine, Executable } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { buildPredict, type PredictGraph, predictRows, unitOffsets } from '../model/predict.ts'
import type { Task, TaskStream } from '../tasks/stream.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { type LossOptions, lossKind } from './objective.ts'

/** Answers for data sets with whatever parameters it is given; the runtime's session is kept between calls. */
export interface Evaluator {
  /** The unit with the largest logit among `active` (default all), a row. */
  predict(
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active?: readonly number[],
  ): Promise<Int32Array>
  /** Logits [N, outputs]. */
  logits(dataset: Dataset, state: ReadonlyMap<string, Tensor>): Promise<Tensor<'float32'>>
  dispose(): Promise<void>
}

/**
 * @param state Parameters and buffers under `parameter/NAME` and `buffer/NAME`, as a training program holds them.
 * @example
 * const evaluator = createEvaluator(engine, model, 10)
 */
export function createEvaluator(engine: Engine, model: Model, outputs: number, batchSize = 500): Evaluator {
  const sessions = new Map<string, Promise<{ executable: Executable; graph: PredictGraph }>>()
  const session = (dataset: Dataset) => {
    const size = Math.min(batchSize, samples(dataset))
    const key = `${dataset.inputs.type}[${dataset.inputs.dims.slice(1)}] by ${size}, ${JSON.stringify(dataset.preprocessing)}`
    const found = sessions.get(key) ?? open(dataset, size)
    sessions.set(key, found)
    return found
  }
  const open = async (dataset: Dataset, size: number) => {
    const graph = buildPredict(model, dataset, outputs, size)
    return { executable: await engine.load(graph.bytes), graph }
  }
  const run = async (
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active: readonly number[] | undefined,
  ) => {
    const { executable, graph } = await session(dataset)
    const feeds = new Map<string, Tensor>(state)
      .set('inputs', dataset.inputs)
      .set('rows', predictRows(dataset, graph.batchSize))
      .set('offsets', unitOffsets(outputs, active))
    return executable.run(new Map([...feeds].filter(([name]) => graph.inputs.has(name))))
  }
  return {
    predict: async (dataset, state, active) => {
      const classes = (await run(dataset, state, active)).get('classes')
      return Int32Array.from(classes ? toNumbers(classes) : []).subarray(0, samples(dataset))
    },
    logits: async (dataset, state) => {
      const logits = (await run(dataset, state, undefined)).get('logits')
      const count = samples(dataset)
      const data = ((logits?.data ?? new Float32Array()) as Float32Array).slice(0, count * outputs)
      return { type: 'float32', dims: [count, outputs], data }
    },
    dispose: async () => {
      for (const opened of sessions.values()) await (await opened).executable.dispose()
      sessions.clear()
    },
  }
}

/**
 * How well a task's test set is answered, as a fraction. With class labels: the accuracy; a task-incremental stream tells the task, so
 * only its units count. With targets, by the loss that is trained:
 * - 'binary-cross-entropy': the share of single labels on the right side of probability 1/2 (a target counts as 1 above 1/2);
 * - 'mse': the share of the targets' variance that is explained, R^2 = 1 - sum (y - f)^2 / sum (y - mean y)^2 with a mean for each
 *   target, and 0 where that is negative, so that it stays a fraction: 0 is no better than always answering the mean.
 */
export async function taskAccuracy(
  evaluator: Evaluator,
  stream: TaskStream,
  task: Task,
  state: ReadonlyMap<string, Tensor>,
  loss: LossOptions = {},
): Promise<number> {
  const { test } = task
  if (test.labels.type === 'float32') {
    const logits = await evaluator.logits(test, state)
    return lossKind(loss, test.labels) === 'mse'
      ? explainedVariance(logits.data, test.labels)
      : labelAccuracy(logits.data, test.labels.data)
  }
  const labels = classLabels(test)
  const found = await evaluator.predict(test, state, stream.scenario === 'task' ? task.units : undefined)
  let right = 0
  for (const [row, label] of labels.entries()) if (found[row] === label) right++
  return right / labels.length
}

function labelAccuracy(logits: Float32Array, targets: Float32Array): number {
  let right = 0
  for (const [at, target] of targets.entries()) if ((logits[at] ?? 0) > 0 === target > 0.5) right++
  return right / targets.length
}

function explainedVariance(answers: Float32Array, { dims, data }: Tensor<'float32'>): number {
  const [rows = 0, width = 0] = dims
  const means = new Float64Array(width)
  for (const [at, target] of data.entries()) means[at % width] = (means[at % width] ?? 0) + target / rows
  let error = 0
  let variance = 0
  for (const [at, target] of data.entries()) {
    error += (target - (answers[at] ?? 0)) ** 2
    variance += (target - (means[at % width] ?? 0)) ** 2
  }
  if (variance === 0) return error === 0 ? 1 : 0
  return Math.max(0, 1 - error / variance)
}
