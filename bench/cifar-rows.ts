import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { classLabels, type Dataset, subset, withLabels } from '../src/data/dataset.ts'
import { readNpy } from '../src/tensor/npy.ts'
import type { Tensor } from '../src/tensor/tensor.ts'

/** Classes of CIFAR-10, by label. */
export const cifarClasses = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer'],
  ...['dog', 'frog', 'horse', 'ship', 'truck'],
]

/** Of the 5,000 training images a class, those that the network of bench/reference/cifar-resnet.py was trained on; the others are held out. */
export const TRAINED_PER_CLASS = 4500

/** A split as bench/cifar-arrays.ts wrote it. */
export async function readCifar(arrays: string, split: 'train' | 'test'): Promise<Dataset> {
  const tensor = async (what: string) => readNpy(await readFile(join(arrays, `${split}-${what}.npy`)))
  return {
    name: `cifar10 ${split}`,
    inputs: await tensor('images'),
    labels: (await tensor('labels')) as Tensor<'int32'>,
    classes: cifarClasses,
    preprocessing: { scale: 1 / 255, mean: 0, std: 1 },
    synthetic: false,
  }
}

/** Rows of these classes, from the `from`th to the `to`th of each, under a list of classes. */
export function cifarRows(
  dataset: Dataset,
  wanted: readonly string[],
  classes: readonly string[],
  from = 0,
  to = 1e9,
): Dataset {
  const counts = new Map<string, number>()
  const chosen: number[] = []
  for (const [row, label] of classLabels(dataset).entries()) {
    const name = String(cifarClasses[label])
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    if (wanted.includes(name) && count >= from && count < to) chosen.push(row)
  }
  const part = subset(dataset, Int32Array.from(chosen))
  const data = classLabels(part).map((label) => classes.indexOf(String(cifarClasses[label])))
  return withLabels(part, { type: 'int32', dims: [data.length], data }, classes)
}

/** What an update of a network of eight classes by the other two has: rows under all ten classes, old ones first. */
export interface CifarUpdate {
  readonly classes: readonly string[]
  /** Those that are new. */
  readonly added: readonly string[]
  /** Old images that the network was trained on. */
  readonly old: Dataset
  readonly train: Dataset
  readonly heldOut: Dataset
  readonly oldHeldOut: Dataset
  readonly known: (dataset: Dataset, from?: number, to?: number) => Dataset
  readonly fresh: (dataset: Dataset, from?: number, to?: number) => Dataset
}

/** New classes have `newRows` images each to train on and 100 to compare candidates on. */
export function cifarUpdate(old: readonly string[], train: Dataset, newRows = 500): CifarUpdate {
  const added = cifarClasses.filter((name) => !old.includes(name))
  const classes = [...old, ...added]
  const known = (dataset: Dataset, from?: number, to?: number) => cifarRows(dataset, old, classes, from, to)
  const fresh = (dataset: Dataset, from?: number, to?: number) => cifarRows(dataset, added, classes, from, to)
  return {
    ...{ classes, added, known, fresh },
    old: known(train, 0, TRAINED_PER_CLASS),
    train: fresh(train, 0, newRows),
    heldOut: fresh(train, TRAINED_PER_CLASS, TRAINED_PER_CLASS + 100),
    oldHeldOut: known(train, TRAINED_PER_CLASS),
  }
}
