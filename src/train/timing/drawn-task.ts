import { createDataset, type Dataset, samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/index.ts'
import { none } from '../../methods/none.ts'
import { emptyState } from '../../methods/state.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32 } from '../../tensor/tensor.ts'
import { openTask, type TaskRun } from '../run/index.ts'
import { initialState, type Optimiser } from '../step/index.ts'

const CLASSES = 10

/** Rows of random numbers from 0 to 1, float32 [rows, features], each of one of ten classes. */
export function drawnRows(rows: number, features: number): Dataset {
  const random = randomStream(0, 'drawn rows')
  const inputs = float32([rows, features])
  random.fillUniform(inputs.data, 0, 1)
  const data = Int32Array.from({ length: rows }, () => random.integer(CLASSES))
  return createDataset({
    ...{ name: 'drawn', inputs, labels: { type: 'int32', dims: [rows], data } },
    classes: Array.from({ length: CLASSES }, (_, unit) => String(unit)),
  })
}

/** What is timed. */
export interface TimedTask {
  readonly model: Model
  /** Of ten classes. */
  readonly train: Dataset
  readonly batchSize: number
  readonly optimiser: Optimiser
}

/** Plain training of a model on one task from its start, to be timed: of the steps that it may take there is no end. */
export function openTimed(
  engine: Engine,
  { model, train, batchSize, optimiser }: TimedTask,
): Promise<TaskRun> {
  return openTask(
    {
      ...{ engine, model, method: none(), settings: { optimiser } },
      ...{ iterations: 1_000_000, learningRate: 1e-4, seed: 0 },
    },
    {
      ...{ scenario: 'domain', index: 0, outputs: CLASSES, active: undefined, train, batchSize },
      units: [Array.from({ length: CLASSES }, (_, unit) => unit)],
      seen: () => ({ dataset: train, tasks: new Int32Array(samples(train)) }),
    },
    { updates: 0, method: emptyState, samplers: {}, tensors: initialState(model, optimiser) },
  )
}
