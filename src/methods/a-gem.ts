import { z } from 'zod'
import { add, div, type Emitter, mul, scalar, scale } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import { memoryOf, memorySettings, memorySources, withExemplars } from './exemplars.ts'
import { innerProduct } from './inner-product.ts'
import { perClass, perTask, replayBatch } from './memory-options.ts'
import type { Method, Named } from './method.ts'

const options = z.strictObject({
  perClass,
  perTask,
  replayBatch,
})

export type AgemOptions = z.input<typeof options>

const REFERENCE = 'reference'

/**
 * Averaged gradient episodic memory (Chaudhry et al. 2019, ICLR): a step may not raise the loss on a batch of the memory.
 * With g the gradient on the new rows and r that on remembered ones, all parameters as one vector, g becomes
 * g - (g . r / r . r) r where g . r < 0, and stays as it is elsewhere. Exemplars are chosen at random at a task's end.
 *
 * @throws UsageError `method-option` for values that make no sense.
 * @example
 * const method = agem({ perClass: 100 })
 */
export function agem(given: AgemOptions = {}): Method {
  const settings = settle('a-gem', options, given)
  return {
    name: 'a-gem',
    settings: { ...memorySettings(settings), replayBatch: settings.replayBatch ?? null },
    past: 'rows',
    needsBorders: `Its memory is filled when a task ends. ${ONLINE_MEMORY}`,
    sources: (sources, state, task) => {
      const memory = memoryOf(state, task)
      if (!memory) return sources
      // They carry no share of the loss: only their gradient is looked at.
      const asked = { name: REFERENCE, size: settings.replayBatch ?? task.batchSize, weight: 0 }
      return [...sources, ...memorySources(memory, task, asked)]
    },
    terms: ({ step, sources, loss, gradients }) => {
      const remembered = [...sources].filter(([name]) => name.split('/')[0] === REFERENCE)
      if (remembered.length === 0) return {}
      const total = remembered.map(([, rows]) => loss(rows)).reduce((sum, value) => add(step, sum, value))
      const reference = gradients(scale(step, total, 1 / remembered.length))
      return { gradients: (found) => projected(step, found, reference) }
    },
    consolidate: async (state, context) => ({ state: withExemplars(state, context, settings) }),
  }
}

/** Keeps 0 / 0 from being NaN where the memory has no gradient, and changes no other quotient. */
const ALMOST_NOTHING = 1e-30

/** g + max(0, -(g . r)) / (r . r) r: nothing is added where g . r is not negative. */
function projected(emit: Emitter, found: Named, reference: Named): Named {
  const dot = innerProduct(emit, found, reference)
  const size = innerProduct(emit, reference, reference)
  const short = emit.op('Relu', [emit.op('Neg', [dot])])
  const factor = div(emit, short, add(emit, size, scalar(emit, ALMOST_NOTHING, size)))
  return new Map(
    [...found].map(([name, gradient]) => [
      name,
      add(emit, gradient, mul(emit, factor, required(reference, name, 'gradient'))),
    ]),
  )
}

export const agemEntry = methodEntry({
  name: 'a-gem',
  summary: 'no step against the gradient on a memory (Chaudhry et al. 2019)',
  needs: 'a few of each class',
  keeps: 'those',
  helps: 'as replay, at less pull towards the old; weaker than replay on new classes',
  options,
  create: agem,
})
