import { samples } from '../data/dataset.ts'
import { jointUpTo } from '../tasks/stream.ts'
import type { Method } from './method.ts'

/**
 * Multi-task learning (Caruana 1997): batches are drawn from the data of all tasks so far. It needs all old data, and
 * is the upper bound that methods are measured against.
 *
 * @example
 * const method = joint()
 */
export function joint(): Method {
  return {
    name: 'joint',
    settings: {},
    sources: (sources, _state, { stream, index }) =>
      sources.map((source) => {
        if (source.name !== 'new') return source
        const sizes = stream.tasks.slice(0, index + 1).map((task) => samples(task.train))
        const tasks = Int32Array.from(sizes.flatMap((size, task) => new Array<number>(size).fill(task)))
        return { ...source, dataset: jointUpTo(stream, index), tasks }
      }),
  }
}
