import { concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { type OpenReader, openReader, type Reader, rememberingReader } from '../../evaluate/reader.ts'
import { emptyState, type Method, type MethodState, type TaskContext } from '../../methods/method.ts'
import type { Model } from '../../model/model.ts'
import { range } from '../../tasks/stream.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** New rows, and what there is of the old. Labels are units of the model: old classes first. */
export interface Lesson {
  readonly train: Dataset
  readonly exemplars?: Dataset | undefined
  readonly unlabelled?: Dataset | undefined
}

/**
 * The two tasks of an update: what the model learned elsewhere, of which `train` holds the rows that are left, and what it learns
 * here.
 */
export function updateTasks(
  { train, exemplars, unlabelled }: Lesson,
  { oldClasses, classes, batchSize }: { oldClasses: number; classes: number; batchSize: number },
): { readonly past: TaskContext; readonly now: TaskContext } {
  const added = classes > oldClasses
  const old = exemplars ?? subset(train, new Int32Array())
  const common = {
    scenario: added ? ('class' as const) : ('domain' as const),
    outputs: classes,
    units: [range(0, oldClasses), added ? range(oldClasses, classes) : range(0, classes)],
    batchSize,
  }
  const tasks = [old, train].flatMap((dataset, index) => new Array<number>(samples(dataset)).fill(index))
  return {
    past: {
      ...common,
      index: 0,
      // The softmax that it was trained with knew nothing of classes to come.
      active: added ? range(0, oldClasses) : undefined,
      train: old,
      seen: () => ({ dataset: old, tasks: new Int32Array(samples(old)) }),
    },
    now: {
      ...common,
      index: 1,
      active: undefined,
      train,
      seen: () => ({
        dataset: samples(old) > 0 ? concatenate([old, train]) : train,
        tasks: Int32Array.from(tasks),
      }),
      ...(unlabelled && samples(unlabelled) > 0 ? { unlabelled } : {}),
    },
  }
}

export interface PastOptions {
  readonly engine: Engine
  /** As it trains: what the method remembers goes by the names of its parameters. */
  readonly model: Model
  readonly task: TaskContext
  readonly reader: Reader
  /** The Fisher's diagonal by parameter, where it is known. */
  readonly fisher?: ReadonlyMap<string, Tensor<'float32'>> | undefined
  readonly seed: number
}

/** What a method remembers of a model that was trained elsewhere. */
export async function pastOf(method: Method, options: PastOptions): Promise<MethodState> {
  const { engine, model, task, reader, fisher, seed } = options
  const { parameters, buffers } = model
  const found = await method.consolidate?.(emptyState, {
    ...{ ...task, engine, model, parameters, buffers, reader, fisher, trace: undefined },
    random: (name) => randomStream(seed, `update/${name}`),
  })
  return found?.state ?? emptyState
}

/** Answers of the old model, each asked for once. To be closed. */
export function openPastReader(engine: Engine, model: Model, outputs: number): OpenReader {
  const reader = openReader(engine, model, outputs)
  return { ...rememberingReader(reader), dispose: () => reader.dispose() }
}
