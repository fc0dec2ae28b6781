import { count } from '../count.ts'
import { classLabels, type Dataset, rowsOfClasses, subset, withLabels } from '../data/dataset.ts'
import { DataError, didYouMean, UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { lazyTask, range, type Scenario, type TaskStream } from './stream.ts'

export interface SplitOptions {
  readonly scenario: Scenario
  /** Classes in each task, in order; has to divide their number. Default 2. */
  readonly classesPerTask?: number | undefined
  /** Instead of `classesPerTask`: the classes of each task, by index or by name. Classes that are in no group are left out. */
  readonly groups?: readonly (readonly (number | string)[])[] | undefined
  /** A seed for the order in which `groups` are learned; 0 (the default) leaves the order given. */
  readonly groupOrderSeed?: number | undefined
  /** A seed for the order of the classes before they are split; 0 (the default) leaves the natural order. Not with `groups`. */
  readonly permuteClasses?: number | undefined
  /**
   * For a model that knows the classes already, in the class scenario: the data's own classes by index, which `groups` and the division
   * count in, and how many units the model has. Each class then keeps its index as its unit.
   */
  readonly known?: { readonly classes: readonly number[]; readonly units: number } | undefined
}

/**
 * The classes of one data set, divided over tasks ("split MNIST").
 *
 * Output units are numbered in the order of the tasks: in the task and class scenarios task t of c classes each has units
 * t c to t c + c - 1; in the domain scenario every task has units 0 to c - 1, the first, second, ... class of the group.
 *
 * @throws UsageError `split-classes` when the classes cannot be divided so; DataError `data-mismatch` when training and test data
 * have other classes, `task-empty` when a task has no sample.
 * @example
 * const stream = splitStream(mnist.train, mnist.test, { scenario: 'class', classesPerTask: 2, permuteClasses: 1 })
 */
export function splitStream(train: Dataset, test: Dataset, options: SplitOptions): TaskStream {
  checkSameClasses(train, test)
  const { scenario } = options
  const known = scenario === 'class' ? options.known : undefined
  const own = known?.classes ?? range(0, train.classes.length)
  const names = own.map((index) => train.classes[index] ?? String(index))
  const places = options.groups ? grouped(options.groups, names, options) : divide(own.length, options)
  checkGroups(places, own.length, scenario)
  const groups = places.map((group) => group.map((place) => itemAt(own, place, 'class')))
  const order = groups.flat()
  const shared = scenario === 'domain'
  const perTask = itemAt(groups, 0, 'task').length
  const className = (index: number) => train.classes[index] ?? String(index)
  const classes = shared
    ? range(0, perTask).map((unit) =>
        groups.map((group) => className(itemAt(group, unit, 'class'))).join('|'),
      )
    : known
      ? train.classes.slice(0, known.units)
      : order.map(className)
  let next = 0
  const tasks = groups.map((group, index) => {
    const start = shared ? 0 : next
    next += group.length
    const unitOf = new Map(group.map((label, position) => [label, known ? label : start + position]))
    const name = group.map(className).join(', ')
    const make = (source: Dataset, part: string) => () =>
      selectClasses(source, unitOf, classes, `${source.name}, ${part} of ${name}`)
    return lazyTask({
      index,
      name,
      units: [...unitOf.values()].sort((a, b) => a - b),
      train: make(train, 'training data'),
      test: make(test, 'test data'),
    })
  })
  return {
    name: `split ${train.name}`,
    scenario,
    outputs: classes.length,
    tasks,
    dataset: { name: train.name, synthetic: train.synthetic || test.synthetic },
  }
}

/** The places of the classes of each group, in the order learned. */
function grouped(
  groups: readonly (readonly (number | string)[])[],
  names: readonly string[],
  { groupOrderSeed = 0 }: SplitOptions,
): number[][] {
  const known = new Map(names.map((name, place) => [name, place]))
  const placed = groups.map((group, task) =>
    group.map((given) => {
      if (typeof given === 'number') return given
      const place = known.get(given)
      if (place !== undefined) return place
      throw new UsageError(
        'split-classes',
        `Group ${task} asks for the class "${given}", which the data do not have.${didYouMean(given, names)}`,
      )
    }),
  )
  return groupOrderSeed === 0 ? placed : [...randomStream(groupOrderSeed, 'group order').shuffle(placed)]
}

function divide(classes: number, { classesPerTask = 2, permuteClasses = 0 }: SplitOptions): number[][] {
  if (
    !Number.isInteger(classesPerTask) ||
    classesPerTask < 1 ||
    classes % classesPerTask !== 0 ||
    classes === 0
  ) {
    throw new UsageError(
      'split-classes',
      `${count(classes, 'class')} cannot be divided into tasks of ${classesPerTask}; give a divisor of ${classes}, or list the groups.`,
    )
  }
  const order =
    permuteClasses === 0
      ? range(0, classes)
      : Array.from(randomStream(permuteClasses, 'class order').permutation(classes))
  return range(0, classes / classesPerTask).map((task) =>
    order.slice(task * classesPerTask, (task + 1) * classesPerTask),
  )
}

function checkGroups(groups: readonly (readonly number[])[], classes: number, scenario: Scenario): void {
  const seen = new Set<number>()
  for (const [task, group] of groups.entries()) {
    if (group.length === 0)
      throw new UsageError('split-classes', `Group ${task} has no classes; each task needs at least one.`)
    for (const label of group) {
      if (!Number.isInteger(label) || label < 0 || label >= classes) {
        throw new UsageError(
          'split-classes',
          `Group ${task} asks for class ${label}, but there are classes 0 to ${classes - 1}.`,
        )
      }
      if (seen.has(label))
        throw new UsageError(
          'split-classes',
          `Class ${label} is in more than one place of the groups; it can be in one.`,
        )
      seen.add(label)
    }
    if (scenario === 'domain' && group.length !== groups[0]?.length) {
      throw new UsageError(
        'split-classes',
        `In the domain scenario all tasks share the outputs, so all groups need the same size, but group 0 has ${count(itemAt(groups, 0, 'group').length, 'class')} and group ${task} has ${group.length}.`,
      )
    }
  }
  if (groups.length === 0)
    throw new UsageError('split-classes', 'The list of groups is empty; a stream needs at least one task.')
}

function selectClasses(
  source: Dataset,
  unitOf: ReadonlyMap<number, number>,
  classes: readonly string[],
  name: string,
): Dataset {
  const rows = rowsOfClasses(source, [...unitOf.keys()])
  if (rows.length === 0) {
    throw new DataError(
      'task-empty',
      `${name}: there is no sample of these classes; leave them out of the groups.`,
    )
  }
  const selected = subset(source, rows, name)
  const data = classLabels(selected).map((label) => unitOf.get(label) ?? -1)
  return withLabels(selected, { type: 'int32', dims: [data.length], data }, classes)
}

/** @throws DataError `data-mismatch`. */
export function checkSameClasses(train: Dataset, test: Dataset): void {
  if (JSON.stringify(train.classes) !== JSON.stringify(test.classes)) {
    throw new DataError(
      'data-mismatch',
      `The training data '${train.name}' have classes ${train.classes.join(', ')}, but the test data '${test.name}' have ${test.classes.join(', ')}; load both under one list of classes.`,
    )
  }
}
