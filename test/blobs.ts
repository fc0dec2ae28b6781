import { createDataset, type Dataset, withLabels } from '../src/data/dataset.ts'
import type { Engine } from '../src/engine/engine.ts'
import { none } from '../src/methods/none.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'

/** Where each class lies in the plane: on a circle, in this order. */
export const blobNames = ['amber', 'blue', 'coral', 'denim', 'ebony', 'fern']

export interface BlobOptions {
  readonly classes: readonly string[]
  readonly perClass: number
  readonly seed: number
  /** Standard deviation of a class; the circle's radius is 3. Default 0.5. */
  readonly spread?: number
  /** Turns the circle, in places. Default 0. */
  readonly turn?: number
}

/** Points in the plane, normally distributed around a place for each class: learned within a second. */
export function blobs({ classes, perClass, seed, spread = 0.5, turn = 0 }: BlobOptions): Dataset {
  const random = randomStream(seed, 'blobs')
  const labels = classes.flatMap((_, label) => new Array<number>(perClass).fill(label))
  const points = labels.flatMap((label) => {
    const angle = ((blobNames.indexOf(classes[label] ?? '') + turn) * Math.PI) / 3
    return [3 * Math.cos(angle) + spread * random.normal(), 3 * Math.sin(angle) + spread * random.normal()]
  })
  return createDataset({
    name: classes.join('-'),
    inputs: float32([labels.length, 2], points),
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes,
  })
}

/** The same rows under a wider list of classes that has these in it. */
export function among(dataset: Dataset, classes: readonly string[]): Dataset {
  const data = Int32Array.from(dataset.labels.data, (label) => classes.indexOf(dataset.classes[label] ?? ''))
  return withLabels(dataset, { type: 'int32', dims: [data.length], data }, classes)
}

/** A small network that has learned these classes. */
export async function blobModel(engine: Engine, classes: readonly string[], seed = 1): Promise<Model> {
  const model = mlp({ widths: [2, 32, 32, classes.length], classes: [...classes], seed })
  const { parameters } = await fineTune({
    engine,
    model,
    train: blobs({ classes, perClass: 100, seed }),
    method: none(),
    settings: { optimiser: adam() },
    iterations: 200,
    batchSize: 32,
    learningRate: 1e-2,
    seed,
  })
  return { ...model, parameters }
}

/** Comma-separated rows with a header, as `x,y,label`. */
export const blobCsv = (dataset: Dataset): string =>
  [
    'x,y,label',
    ...Array.from(dataset.labels.data, (label, row) => {
      const [x, y] = [dataset.inputs.data[2 * row], dataset.inputs.data[2 * row + 1]]
      return `${x},${y},${dataset.classes[label]}`
    }),
    '',
  ].join('\n')
