import { type Dataset, samples, subset } from '../data/dataset.ts'
import { rowDraws } from '../data/row-draws.ts'
import { below } from './hold-out.ts'

/** Of held-out rows, about the share that a point is chosen on; the bound that is announced needs the larger part. */
export const CHOOSE = 0.4

/**
 * Whether each held-out row chooses (1) or checks (0), told by what it says (`rowDraws`); both kinds are there where there
 * are two rows. A row never changes sides, so what is announced next month is not measured on rows that this month's choice
 * was made on.
 */
export function rolesOf(dataset: Dataset): Uint8Array {
  const rows = Array.from({ length: samples(dataset) }, (_, row) => row)
  const roles = new Uint8Array(rows.length)
  for (const row of below(rows, rowDraws(dataset, 'choose'), CHOOSE)) roles[row] = 1
  return roles
}

/** Numbers of the rows that choose, and of those that check. */
export function rowsByRole(roles: Uint8Array): { readonly choose: Int32Array; readonly check: Int32Array } {
  const rows = Int32Array.from(roles, (_, row) => row)
  return {
    choose: rows.filter((row) => roles[row] === 1),
    check: rows.filter((row) => roles[row] === 0),
  }
}

/** The rows that choose, and those that check. */
export function inTwo(dataset: Dataset): [Dataset, Dataset] {
  const { choose, check } = rowsByRole(rolesOf(dataset))
  return [subset(dataset, choose), subset(dataset, check)]
}
