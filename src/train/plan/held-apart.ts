import { count } from '../../count.ts'
import { samples, subset } from '../../data/dataset.ts'
import { rowKeys } from '../../data/fingerprint.ts'
import { DataError } from '../../errors.ts'
import type { TrainTest } from './prepare.ts'

/**
 * Takes rows that are held out of those without labels that are trained on beside the tasks': whoever trains on rows that judge it looks
 * better than it is.
 *
 * @param beside Places of the sources of such rows.
 * @throws DataError `data-too-few` where none is left.
 */
export function heldApart(
  data: readonly TrainTest[],
  beside: ReadonlySet<number>,
): { readonly data: readonly TrainTest[]; readonly notes: readonly string[] } {
  if (beside.size === 0) return { data, notes: [] }
  const judging = data.filter(({ train, test }, at) => !beside.has(at) && test !== train)
  const held = new Set(judging.flatMap(({ test }) => rowKeys(test)))
  const notes: string[] = []
  const apart = data.map((own, at) => {
    if (!beside.has(at)) return own
    const { train } = own
    const left = rowKeys(train).flatMap((key, row) => (held.has(key) ? [] : [row]))
    const taken = samples(train) - left.length
    if (taken === 0) return own
    const said = `${train.name}: ${count(taken, 'row')} without labels ${taken === 1 ? 'stands' : 'stand'} among those held out to judge by, too`
    if (left.length === 0) {
      throw new DataError('data-too-few', `${said}, and there are no others to train on. Give other rows.`)
    }
    notes.push(`${said}, and ${taken === 1 ? 'is' : 'are'} left out of training.`)
    return { ...own, train: subset(train, Int32Array.from(left)) }
  })
  return { data: apart, notes }
}
