import { z } from 'zod'
import { methodEntry } from './entry.ts'
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
    past: 'rows',
    sources: (sources, _state, { seen }) =>
      // In an order of their own, whatever that of the new rows is.
      sources.map((source) =>
        source.name === 'new' ? { ...source, ...seen(), sampler: undefined } : source,
      ),
    // A memory that is filled from the batch would count rows of the new data where those of all data are.
    refuses: ({ name, past = 'nothing' }) =>
      past === 'nothing'
        ? undefined
        : `joint trains on all rows so far, so there is nothing left for ${name} to hold.`,
  }
}

export const jointEntry = methodEntry({
  name: 'joint',
  summary: 'training on the data of all tasks so far: the upper bound',
  needs: 'all of it',
  keeps: 'all of it',
  helps: 'the upper bound',
  everything: true,
  options: z.strictObject({}),
  create: joint,
})
