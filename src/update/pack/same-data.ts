import { preview } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import type { DataIdentity, Pack } from './pack.ts'

/** Whether a pack was made of some data. */
export const isAmong = (
  { fingerprint }: Pick<DataIdentity, 'fingerprint'>,
  { data }: Pick<Pack, 'data'>,
): boolean => data.some((other) => other.fingerprint === fingerprint)

/**
 * `pack-overlap`: nobody can tell what to take off where two packs are of the same data, and each of more.
 *
 * @param who Both packs, so that "of" and the names of the data follow.
 * @param counted In what rows would count twice.
 */
export const overlapping = (who: string, shared: readonly DataIdentity[], counted: string): UsageError =>
  new UsageError(
    'pack-overlap',
    `${who} of ${preview(shared.map(({ name }) => name))}, and each is of more, so that these rows would count twice in ${counted}. Extend one of the packs by what it lacks instead: holdfast keep MODEL --data DIR --extend FILE.keep.`,
  )
