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
    sources: (sources, _state, { seen }) =>
      sources.map((source) => (source.name === 'new' ? { ...source, ...seen() } : source)),
  }
}
