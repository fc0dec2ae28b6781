import type { MissingRun } from '../measure/results.ts'
import type { TableData } from './figures/index.ts'

/** Runs that a result is without. */
export const missingTable = (missing: readonly MissingRun[]): TableData => ({
  caption: 'Runs that are missing from these figures',
  head: ['Method', 'Scenario', 'Seed', 'Why'],
  rows: missing.map(({ method, scenario, seed, why }) => [method, scenario, String(seed), why]),
})
