import { type Dataset, kindOf, samples } from '../data/dataset.ts'
import { rowsWithin } from '../data/row-chunks.ts'
import { readToLabels } from '../data/row-lengths.ts'
import { concatenateRows, takeRows } from '../data/rows.ts'
import { gatheredFeeds, inMemory } from '../data/spilled-rows.ts'
import type { Engine, Executable } from '../engine/engine.ts'
import { type Pace, paced, paceOn } from '../engine/pace.ts'
import { type LossOptions, lossKind } from '../model/losses/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { spanned } from '../spans.ts'
import type { Task, TaskStream } from '../tasks/stream.ts'
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts'
import { buildPredict, type PredictGraph, predictRows, unitOffsets } from './predict.ts'
import { putRows, rowsTogether } from './rows-together.ts'
import {
  explainedVariance,
  labelAccuracy,
  labelMacroF1,
  macroF1,
  refuseScore,
  rightAnswers,
  subsetAccuracy,
} from './scores.ts'

/** Logits of one batch at most, 16 MiB: with a class a word of a vocabulary and a row of many tokens these get large. */
export const MOST_LOGITS = 2 ** 22

/**
 * Values that one batch leaves between ops, 512 MiB: a batch of large images through a deep model takes many seconds, in
 * which no signal is heard, and more memory than there is.
 */
export const MOST_ACTIVATIONS = 2 ** 27

/** Logits that one call hands back at most, 64 MiB: activations at a cut may have thousands of values a row. */
const MOST_ANSWERS = 2 ** 24

/** Bytes of rows that one call reads at most, 64 MiB: those that lie on disk are fetched for it. */
const MOST_ROWS = 2 ** 26

interface Session {
  readonly executable: Executable
  readonly graph: PredictGraph
  readonly pace: Pace
}

/** Answers for data sets with whatever parameters it is given; the runtime's session is kept between calls. */
export interface Evaluator {
  /**
   * The unit with the largest logit among `active` (default all), a row, or a token where tokens are labelled; 0 where a causal model need
   * not read, behind a row's last label.
   */
  predict(
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active?: readonly number[],
  ): Promise<Int32Array>
  /**
   * The same, handed out as they come: those of some rows, as far as these are read. Rows of texts come by their lengths.
   *
   * @param take Gets classes [rows, T] or [rows], and which rows these are.
   */
  eachPrediction(
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active: readonly number[] | undefined,
    take: (classes: Int32Array<ArrayBuffer>, rows: Int32Array) => void,
  ): Promise<void>
  /** Logits [N, outputs], or [N, T, outputs]. */
  logits(dataset: Dataset, state: ReadonlyMap<string, Tensor>): Promise<Tensor<'float32'>>
  /** The same, handed out as they come: [rows, ...] from a row of the data set on. */
  eachLogits(
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    take: (logits: Tensor<'float32'>, from: number) => void,
  ): Promise<void>
  dispose(): Promise<void>
}

/**
 * @param state Parameters and buffers under `parameter/NAME` and `buffer/NAME`, as a training program holds them.
 * @example
 * const evaluator = createEvaluator(engine, model, 10)
 */
export function createEvaluator(engine: Engine, model: Model, outputs: number, batchSize = 500): Evaluator {
  const sessions = new Map<string, Promise<Session>>()
  const session = (dataset: Dataset) => {
    const positions = dataset.labels.type === 'int32' ? (dataset.labels.dims[1] ?? 1) : 1
    const roomFor = Math.max(1, Math.floor(MOST_LOGITS / (positions * outputs)))
    const size = Math.min(batchSize, samples(dataset), roomFor)
    const key = `${dataset.inputs.type}[${dataset.inputs.dims.slice(1)}] by ${size}, ${JSON.stringify(dataset.preprocessing)}`
    const found = sessions.get(key) ?? open(dataset, size)
    sessions.set(key, found)
    return found
  }
  const open = async (dataset: Dataset, size: number) => {
    const build = (rows: number) =>
      spanned('build forward pass', () => buildPredict(model, dataset, outputs, rows, engine.flat))
    const asked = build(size)
    const fits = Math.max(1, Math.floor((size * MOST_ACTIVATIONS) / asked.activations))
    const graph = fits < size ? build(fits) : asked
    const most = Math.min(
      Math.floor(MOST_ANSWERS / graph.answers),
      Math.floor(rowsWithin(dataset.inputs, MOST_ROWS) / size),
    )
    return { executable: await engine.load(graph), graph, pace: paceOn(engine, Math.max(1, most)) }
  }
  type Take = (answer: ReadonlyMap<string, Tensor>, from: number) => void
  const run = (
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active: readonly number[] | undefined,
    take: Take,
  ) => spanned('evaluate', () => answered(dataset, state, active, take), { rows: samples(dataset) })
  const answered = async (
    dataset: Dataset,
    state: ReadonlyMap<string, Tensor>,
    active: readonly number[] | undefined,
    take: Take,
  ) => {
    const { executable, graph, pace } = await session(dataset)
    const rows = predictRows(dataset, graph.batchSize)
    const [batches = 0, size = 1] = rows.dims
    const given = new Map<string, Tensor>(state).set('offsets', unitOffsets(outputs, active))
    const feeds = new Map([...given].filter(([name]) => graph.inputs.has(name)))
    await paced(
      batches,
      async (from, count) => {
        const data = rows.data.subarray(from * size, (from + count) * size)
        const asked = gatheredFeeds(dataset, { type: 'int32', dims: [count, size], data }, engine.flat)
        for (const [name, tensor] of asked) if (graph.inputs.has(name)) feeds.set(name, tensor)
        take(await executable.run(feeds), from * size)
      },
      pace,
    )
  }
  const eachLogits: Evaluator['eachLogits'] = (dataset, state, take) =>
    run(dataset, state, undefined, (answer, from) => {
      const { dims, data } = required(answer, 'logits', 'output') as Tensor<'float32'>
      const row = dims.slice(2)
      // The last row fills up the last batch.
      const count = Math.min(data.length / sizeOf(row), samples(dataset) - from)
      take(float32([count, ...row], data.subarray(0, count * sizeOf(row))), from)
    })
  const eachPrediction: Evaluator['eachPrediction'] = async (dataset, state, active, take) => {
    for (const { rows, dataset: own } of rowsTogether(model, dataset)) {
      await run(own, state, active, (answer, from) => {
        const { dims, data } = required(answer, 'classes', 'output')
        const positions = sizeOf(dims.slice(2))
        // The last row fills up the last batch.
        const places = rows.subarray(from, from + data.length / positions)
        const classes = Int32Array.from(data as BigInt64Array | Int32Array, Number)
        take(classes.subarray(0, places.length * positions), places)
      })
    }
  }
  return {
    predict: async (dataset, state, active) => {
      let classes = new Int32Array()
      await eachPrediction(dataset, state, active, (own, rows) => {
        const width = readToLabels(dataset)
          ? itemAt(dataset.labels.dims, 1, 'axis')
          : own.length / rows.length
        if (classes.length === 0) classes = new Int32Array(samples(dataset) * width)
        putRows(classes, width, rows, own)
      })
      return classes
    },
    eachPrediction,
    logits: async (dataset, state) => {
      const parts: Tensor<'float32'>[] = []
      await eachLogits(dataset, state, (logits) => parts.push(logits))
      return concatenateRows(parts)
    },
    eachLogits,
    dispose: async () => {
      for (const opened of sessions.values()) await (await opened).executable.dispose()
      sessions.clear()
    },
  }
}

/**
 * How well a task's test set is answered, as a fraction: see {@link LossOptions.score}. A task-incremental stream tells the task, so only
 * its units count. Of several labels a row, each is right on its side of probability 1/2.
 *
 * @throws UsageError `score-kind` for a score that such labels have not.
 */
export async function taskAccuracy(
  evaluator: Evaluator,
  stream: TaskStream,
  task: Task,
  state: ReadonlyMap<string, Tensor>,
  loss: LossOptions = {},
): Promise<number> {
  const { test } = task
  const { labels } = test
  const { score = 'accuracy' } = loss
  if (labels.type === 'float32') {
    const kind = lossKind(loss, test)
    if (kind === 'mse' && score !== 'accuracy') refuseScore(score, kindOf(test))
    const { data } = await evaluator.logits(test, state)
    if (kind === 'mse') return explainedVariance(data, labels)
    if (score === 'subset') return subsetAccuracy(data, labels)
    return score === 'macro-f1' ? labelMacroF1(data, labels) : labelAccuracy(data, labels.data)
  }
  if (score === 'subset') refuseScore(score, kindOf(test))
  const active = stream.scenario === 'task' ? task.units : undefined
  if (score === 'macro-f1')
    return macroF1(await evaluator.predict(test, state, active), inMemory(labels).data)
  let [right, counting] = [0, 0]
  await evaluator.eachPrediction(test, state, active, (classes, rows) => {
    const own = rightAnswers(classes, labelsOf(labels, rows, classes.length / rows.length))
    right += own.right
    counting += own.counting
  })
  return counting === 0 ? 0 : right / counting
}

/** The labels of some rows, as many of each as were read: none counts behind. */
function labelsOf(labels: Tensor<'int32'>, rows: Int32Array, read: number): Int32Array {
  const { dims, data } = takeRows(labels, rows)
  const [, width = 1] = dims
  return width === read ? data : data.filter((_, at) => at % width < read)
}
