import { count } from '../count.ts'
import { classLabels, type Dataset, withLabels } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { sizeOf } from '../tensor/tensor.ts'
import { padImages, permutePixels, rotateImages } from './images.ts'
import { checkSameClasses } from './split.ts'
import { checkTasks, lazyTask, range, type Scenario, type TaskStream } from './stream.ts'

export interface PermutedOptions {
  /** Default 10. */
  readonly tasks?: number | undefined
  /** Of the permutations; default 0. */
  readonly seed?: number | undefined
  /** Default 'domain'. */
  readonly scenario?: Scenario | undefined
  /** Pads the images to this many pixels a side before permuting, 32 in the protocol; default: no padding. */
  readonly padTo?: number | undefined
  /** Leaves the first task's images as they are; default true. */
  readonly keepFirst?: boolean | undefined
}

/**
 * The same images in every task, under another random permutation of the pixels each ("permuted MNIST"). Task t's permutation
 * depends on the seed and t alone, so that a longer stream begins with the tasks of a shorter one.
 *
 * In the domain scenario all tasks share the outputs; in the others every task has outputs of its own.
 *
 * @throws DataError `data-not-images`, `image-size`, `data-mismatch`; UsageError `task-count`.
 * @example
 * const stream = permutedStream(mnist.train, mnist.test, { tasks: 10, seed: 1, padTo: 32 })
 */
export function permutedStream(train: Dataset, test: Dataset, options: PermutedOptions = {}): TaskStream {
  const { tasks = 10, seed = 0, scenario = 'domain', padTo, keepFirst = true } = options
  const prepare = (dataset: Dataset) => (padTo === undefined ? dataset : padImages(dataset, padTo))
  const values =
    padTo === undefined
      ? sizeOf(train.inputs.dims.slice(1))
      : sizeOf(train.inputs.dims.slice(1, -2)) * padTo ** 2
  return variantStream(train, test, {
    kind: 'permuted',
    scenario,
    names: range(0, checkTasks(tasks)).map((task) =>
      task === 0 && keepFirst ? 'original' : `permutation ${task}`,
    ),
    vary: (dataset, task) => {
      if (task === 0 && keepFirst) return prepare(dataset)
      return permutePixels(prepare(dataset), randomStream(seed, `permutation ${task}`).permutation(values))
    },
  })
}

export interface RotatedOptions {
  /** Default 20, or the number of `angles`. */
  readonly tasks?: number | undefined
  /** Of the random angles, uniform in [0, 180) degrees; default 0. */
  readonly seed?: number | undefined
  /** The angle of each task in degrees, anticlockwise; instead of random ones. */
  readonly angles?: readonly number[] | undefined
  /** Default 'domain'. */
  readonly scenario?: Scenario | undefined
}

/**
 * The same images in every task, turned by another angle each ("rotated MNIST").
 *
 * @throws DataError `data-not-images`, `data-mismatch`; UsageError `task-count`, `angles`.
 * @example
 * const stream = rotatedStream(mnist.train, mnist.test, { angles: [0, 45, 90] })
 */
export function rotatedStream(train: Dataset, test: Dataset, options: RotatedOptions = {}): TaskStream {
  const { seed = 0, scenario = 'domain' } = options
  const tasks = checkTasks(options.tasks ?? options.angles?.length ?? 20)
  if (options.angles && (options.angles.length !== tasks || !options.angles.every(Number.isFinite))) {
    throw new UsageError(
      'angles',
      `Each of ${count(tasks, 'task')} needs an angle in degrees, but these were given: ${options.angles.join(', ')}.`,
    )
  }
  const angles =
    options.angles ?? range(0, tasks).map((task) => 180 * randomStream(seed, `rotation ${task}`).uniform())
  return variantStream(train, test, {
    kind: 'rotated',
    scenario,
    names: angles.map((angle) => `${Number(angle.toFixed(1))} degrees`),
    vary: (dataset, task) => rotateImages(dataset, itemAt(angles, task, 'angle of task')),
  })
}

interface Variants {
  readonly kind: string
  readonly scenario: Scenario
  readonly names: readonly string[]
  readonly vary: (dataset: Dataset, task: number) => Dataset
}

function variantStream(train: Dataset, test: Dataset, { kind, scenario, names, vary }: Variants): TaskStream {
  checkSameClasses(train, test)
  const count = train.classes.length
  const shared = scenario === 'domain'
  const classes = shared
    ? train.classes
    : names.flatMap((name) => train.classes.map((label) => `${name}: ${label}`))
  const tasks = names.map((name, index) => {
    const start = shared ? 0 : index * count
    const make = (source: Dataset, part: string) => () => {
      const varied = { ...vary(source, index), name: `${source.name}, ${part}, ${name}` }
      if (shared) return varied
      const data = classLabels(source).map((label) => label + start)
      return withLabels(varied, { type: 'int32', dims: [data.length], data }, classes)
    }
    const units = range(start, start + count)
    return lazyTask({
      index,
      name,
      units,
      train: make(train, 'training data'),
      test: make(test, 'test data'),
    })
  })
  return {
    name: `${kind} ${train.name}`,
    scenario,
    outputs: classes.length,
    tasks,
    dataset: { name: train.name, synthetic: train.synthetic || test.synthetic },
  }
}
