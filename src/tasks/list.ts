import { type Dataset, kindOf, withLabels } from '../data/dataset.ts'
import { renumbered } from '../data/renumbered.ts'
import { DataError } from '../errors.ts'
import { largest } from '../extent.ts'
import { itemAt } from '../required.ts'
import { checkSameClasses } from './split.ts'
import { checkTasks, lazyTask, range, type Scenario, type TaskStream } from './stream.ts'

/** One task's data, as loaded: labels are indexes into its own classes. */
export interface ListedTask {
  readonly name: string
  readonly train: Dataset
  readonly test: Dataset
}

/**
 * A stream from any list of data sets.
 * - task scenario: each has output units of its own, also where names of classes are the same;
 * - class scenario: classes of the same name share an output unit; units are numbered as the names first appear;
 * - domain scenario: all have the same classes in the same order (or float targets of the same width).
 *
 * Labels of tokens are classes as those of rows are; several labels a row, and numbers, go with the domain scenario.
 *
 * @throws UsageError `task-count` for an empty list; DataError `data-mismatch` when classes, targets or inputs do not fit together.
 * @example
 * const stream = listStream([{ name: 'January', ...january }, { name: 'February', ...february }], 'domain')
 */
export function listStream(list: readonly ListedTask[], scenario: Scenario, name?: string): TaskStream {
  checkTasks(list.length)
  for (const task of list) checkTask(task, list[0] ?? task, scenario)
  const unitLists = unitsOfTasks(list, scenario)
  const classes: string[] = []
  for (const [index, units] of unitLists.entries()) {
    for (const [label, unit] of units.entries()) {
      const own = list[index]?.train.classes[label]
      if (own !== undefined)
        classes[unit] = scenario === 'task' && list.length > 1 ? `${list[index]?.name}: ${own}` : own
    }
  }
  const tasks = list.map((task, index) => {
    const units = itemAt(unitLists, index, 'units of task')
    const place = (source: Dataset) => () => {
      if (source.labels.type === 'float32') return source
      return withLabels(source, renumbered(source.labels, units), classes)
    }
    const ascending = units.toSorted((a, b) => a - b)
    return lazyTask({
      index,
      name: task.name,
      units: ascending,
      train: place(task.train),
      test: place(task.test),
    })
  })
  const names = [...new Set(list.map((task) => task.train.name))].join(', ')
  return {
    name: name ?? list.map((task) => task.name).join(', '),
    scenario,
    outputs: largest(unitLists.flat()) + 1,
    tasks,
    dataset: { name: names, synthetic: list.some((task) => task.train.synthetic || task.test.synthetic) },
  }
}

/** For each task, the output unit of each of its classes. */
function unitsOfTasks(list: readonly ListedTask[], scenario: Scenario): number[][] {
  const known = new Map<string, number>()
  let next = 0
  return list.map(({ train }) => {
    const width =
      train.labels.type === 'float32' ? itemAt(train.labels.dims, 1, 'axis') : train.classes.length
    if (scenario === 'domain') return range(0, width)
    if (scenario === 'task') {
      next += width
      return range(next - width, next)
    }
    return train.classes.map((label) => {
      const unit = known.get(label) ?? known.size
      known.set(label, unit)
      return unit
    })
  })
}

function checkTask(task: ListedTask, first: ListedTask, scenario: Scenario): void {
  checkSameClasses(task.train, task.test)
  const { labels } = task.train
  const mismatch = (what: string, expected: string, found: string) =>
    new DataError('data-mismatch', `Task '${task.name}': ${what}: expected ${expected}, found ${found}.`)
  const kind = (dataset: Dataset) =>
    `${kindOf(dataset)}, ${dataset.labels.type} [N${dataset.labels.dims.slice(1).map((dim) => `, ${dim}`)}]`
  if (kind(task.test) !== kind(task.train)) {
    throw mismatch('test labels are not like training labels', kind(task.train), kind(task.test))
  }
  const rows = (dataset: Dataset) => `${dataset.inputs.type} [N, ${dataset.inputs.dims.slice(1).join(', ')}]`
  for (const dataset of [task.train, task.test]) {
    if (rows(dataset) !== rows(first.train)) {
      throw mismatch(`inputs are not like those of task '${first.name}'`, rows(first.train), rows(dataset))
    }
  }
  if (scenario !== 'domain' && labels.type === 'float32') {
    throw mismatch(
      `the ${scenario} scenario is about classes`,
      'class labels (int32 [N])',
      `targets ${kind(task.train)}`,
    )
  }
  if (scenario === 'domain') {
    const outputs = ({ train }: ListedTask) =>
      JSON.stringify(train.classes.length > 0 ? train.classes : kind(train))
    if (outputs(task) !== outputs(first)) {
      throw mismatch(
        `the domain scenario shares outputs with task '${first.name}'`,
        outputs(first),
        outputs(task),
      )
    }
  }
}
