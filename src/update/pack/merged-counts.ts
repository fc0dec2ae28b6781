import { classLabels } from '../../data/dataset.ts'
import { itemAt } from '../../required.ts'
import { activationKeys, keyWords } from './held-activations.ts'
import type { Pack } from './pack.ts'
import { mergedSums } from './pack-sums.ts'
import { isAmong, overlapping } from './same-data.ts'
import { mergedTraffic } from './traffic.ts'

/**
 * What two packs of one model know of all their rows together: sums of features, and counts of classes. Data that both are of count once,
 * and so do rows that both hold; of rows that neither holds nothing is known.
 *
 * @throws UsageError `pack-overlap` where both are of the same data, and each of more: nobody can tell then what to take off.
 */
export function mergedCounts(a: Pack, b: Pack): Pick<Pack, 'traffic' | 'sums'> {
  if (isOf(a, b)) return { traffic: a.traffic, sums: a.sums }
  if (isOf(b, a)) return { traffic: b.traffic, sums: b.sums }
  const sums = mergedSums(a.sums, b.sums)
  const shared = a.data.filter((each) => isAmong(each, b))
  if (shared.length > 0 && (sums || a.traffic?.source === 'counted')) {
    const who = `The packs of ${a.model.name} and ${b.model.name} cannot be merged: both are`
    throw overlapping(who, shared, 'what was counted and summed of all rows')
  }
  return { traffic: mergedTraffic(a.traffic, b.traffic, heldByBoth(a, b)), sums }
}

/** Whether all data of `part` are among those that `pack` was made of. */
const isOf = (pack: Pack, part: Pack): boolean => part.data.every((each) => isAmong(each, pack))

/** Rows of the second pack that the first holds, too, by their classes. */
function heldByBoth(a: Pack, b: Pack): number[] {
  const known = new Set(labelled(a).keys())
  const counts = new Array<number>(a.classes.length).fill(0)
  for (const [word, label] of labelled(b)) {
    if (known.has(word)) counts[label] = itemAt(counts, label, 'class') + 1
  }
  return counts
}

/** The class of each row that a pack holds in some form, by what the row is. */
function labelled({ exemplars, heldOut, activations }: Pack): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const raw = [exemplars, heldOut?.dataset].flatMap((dataset) =>
    dataset ? [{ dataset, keys: activationKeys(dataset) }] : [],
  )
  for (const { dataset, keys } of activations ? [...raw, activations] : raw) {
    const labels = classLabels(dataset)
    for (const [row, word] of keyWords(keys).entries()) found.set(word, itemAt(labels, row, 'row'))
  }
  return found
}
