import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { add, cast, type Emitter, mul, reshape, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { coneWeights, MOST_CONSTRAINTS } from './cone-projection.ts'
import { methodEntry, settle } from './entry.ts'
import { type Memory, memoryOf, memorySettings, rowsOf, withExemplars } from './exemplars.ts'
import { innerProducts } from './inner-product.ts'
import { perClass, perTask, replayBatch } from './memory-options.ts'
import type { BatchSource, Method, Named, TaskContext } from './method.ts'

const options = z.strictObject({ perClass, perTask, replayBatch })

export type GemOptions = z.input<typeof options>

const PAST = 'past'

/**
 * Gradient episodic memory (Lopez-Paz & Ranzato 2017, NeurIPS): a step may not raise the loss on the memory of any past task.
 * With r_k the gradient on remembered rows of task k, all parameters as one vector, the gradient g becomes the nearest vector z
 * with z . r_k >= 0 for all k; it stays as it is where it keeps to that. The dual, a quadratic programme with one number a task,
 * is solved exactly in each step. Exemplars are chosen at random at a task's end. The paper's margin gamma is 0 here.
 *
 * @throws UsageError `method-option` for values that make no sense; `gem-tasks` behind more past tasks than 10.
 * @example
 * const method = gem({ perClass: 100 })
 */
export function gem(given: GemOptions = {}): Method {
  const settings = settle('gem', options, given)
  return {
    name: 'gem',
    settings: { ...memorySettings(settings), replayBatch: settings.replayBatch ?? null },
    past: 'rows',
    needsBorders: `It has a memory and a constraint for each task. ${ONLINE_MEMORY}`,
    sources: (sources, state, task) => {
      const memory = memoryOf(state, task)
      return memory ? [...sources, ...pastSources(memory, task, settings.replayBatch)] : sources
    },
    terms: ({ step, sources, loss, gradients }) => {
      const remembered = [...sources].filter(([name]) => name.split('/')[0] === PAST)
      if (remembered.length === 0) return {}
      const references = remembered.map(([, rows]) => gradients(loss(rows)))
      return { gradients: (found) => projected(step, found, references) }
    },
    consolidate: async (state, context) => ({ state: withExemplars(state, context, settings) }),
  }
}

/** A part for each past task, which carries no share of the loss: only its gradient is looked at. */
function pastSources(memory: Memory, task: TaskContext, asked: number | undefined): BatchSource[] {
  const past = [...new Set(memory.tasks)].sort((a, b) => a - b)
  if (past.length > MOST_CONSTRAINTS) {
    throw new UsageError(
      'gem-tasks',
      `GEM takes a backward pass and a constraint for each past task, and solves exactly for up to ${MOST_CONSTRAINTS} of them; there are ${past.length}. Take a-gem, which has one constraint for all.`,
    )
  }
  const each = Math.ceil((asked ?? task.batchSize) / past.length)
  return past.map((index) => {
    const rows = Int32Array.from(memory.tasks.keys()).filter((row) => memory.tasks[row] === index)
    return {
      name: `${PAST}/${index}`,
      dataset: rowsOf(memory.dataset, rows),
      tasks: index,
      size: Math.min(each, rows.length),
      weight: 0,
    }
  })
}

/** g + sum_k v_k r_k. */
function projected(emit: Emitter, found: Named, references: readonly Named[]): Named {
  const products = references.map((one, row) =>
    // The matrix of products is symmetric.
    references.map((other, column) => (column < row ? undefined : product(emit, one, other))),
  )
  const gram = references.map((_, row) =>
    references.map((_, column) => {
      const [low, high] = row < column ? [row, column] : [column, row]
      return itemAt(products, low, 'row')[high] as Value
    }),
  )
  const along = references.map((one) => product(emit, one, found))
  const weights = coneWeights(emit, gram, along)
  return new Map(
    [...found].map(([name, gradient]) => [
      name,
      references.reduce(
        (sum, one, at) =>
          add(emit, sum, mul(emit, itemAt(weights, at, 'weight'), required(one, name, 'gradient'))),
        gradient,
      ),
    ]),
  )
}

/** The inner product over all parameters, []: float64, which a device may not have. */
const product = (emit: Emitter, a: Named, b: Named): Value =>
  innerProducts(emit, a, b)
    .map((each) => reshape(emit, cast(emit, each, emit.flat ? 'float32' : 'float64'), []))
    .reduce((sum, value) => add(emit, sum, value))

export const gemEntry = methodEntry({
  name: 'gem',
  summary: 'no step against the gradient on any past task (Lopez-Paz & Ranzato 2017)',
  needs: 'a few of each class',
  keeps: 'those',
  helps: 'as a-gem, with a constraint a task; few tasks, as each costs a backward pass',
  options,
  create: gem,
})
