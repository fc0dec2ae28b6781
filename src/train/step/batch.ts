import type { GraphBuilder } from '../../autodiff/builder.ts'
import type { BatchSource, TaskContext } from '../../methods/method.ts'
import type { Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/**
 * Which classes take part, a row: those of its task in the task scenario, all elsewhere (undefined). Where each source is of
 * one task the mask is known while the graph is built.
 */
export function classMask(
  step: GraphBuilder,
  { task, sources }: { readonly task: TaskContext; readonly sources: readonly BatchSource[] },
  outer: { readonly masks: Value; readonly tasks: Value },
  chosen: Value,
): Value | undefined {
  if (task.scenario !== 'task') return undefined
  const tasks = sources.map((source) => source.tasks)
  if (!tasks.every((index) => typeof index === 'number')) {
    return step.op('Gather', [outer.masks, step.op('Gather', [outer.tasks, chosen])])
  }
  const masks = taskMasks(task)
  const same = tasks.every((index) => index === tasks[0])
  const rows = sources.flatMap((source, at) =>
    new Array<number>(same ? (at === 0 ? 1 : 0) : source.size).fill(itemAt(tasks, at, 'task of source')),
  )
  const values = rows.flatMap((index) => [
    ...masks.data.subarray(index * task.outputs, (index + 1) * task.outputs),
  ])
  return step.constant(float32([rows.length, task.outputs], values))
}

/** 1 for the output units of each task, a row a task. */
export function taskMasks({ units, outputs }: Pick<TaskContext, 'units' | 'outputs'>): Tensor<'float32'> {
  const masks = float32([units.length, outputs])
  units.forEach((own, index) => {
    for (const unit of own) masks.data[index * outputs + unit] = 1
  })
  return masks
}

/** Rows in a batch. */
export const batchWidth = (sources: readonly BatchSource[]): number =>
  sources.reduce((sum, { size }) => sum + size, 0)

/** Whether every row counts the same: each source's share of the loss is its share of the rows. */
export function evenWeights(sources: readonly BatchSource[]): boolean {
  const rows = batchWidth(sources)
  return sources.every(({ size, weight }) => weight * rows === size)
}

/**
 * The factor of each row's loss, [rows, 1]. The loss is a mean over all rows of the batch, so a part of `size` rows that
 * carries the share `weight` gets weight * rows / size.
 */
export function rowWeights(sources: readonly BatchSource[]): Tensor<'float32'> {
  const width = batchWidth(sources)
  return float32(
    [width, 1],
    sources.flatMap(({ size, weight }) => new Array<number>(size).fill((weight * width) / size)),
  )
}
