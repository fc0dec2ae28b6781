import { classLabels, type Dataset, samples, subset } from '../../data/dataset.ts'
import { itemAt, required } from '../../required.ts'
import { type RandomStream, randomStream } from '../../tensor/random.ts'
import { byClass } from './keep-choose.ts'
import { unseenRows } from './pack.ts'
import type { Traffic } from './traffic.ts'

export const defaultHeldOutRows = 2000

export interface HeldOutChoice {
  /** Rows at most; default 2000. */
  readonly heldOutRows?: number | undefined
  readonly seed?: number | undefined
  readonly traffic: Traffic | undefined
}

/**
 * Held-out rows for the pack: none that an update would rehearse. Half of the room is divided among the classes evenly, half
 * as the traffic is, so that both drops, by class and as deployed, can be bounded.
 */
export function heldOutRows(
  dataset: Dataset,
  others: readonly (Dataset | undefined)[],
  { heldOutRows: most = defaultHeldOutRows, seed = 0, traffic }: HeldOutChoice,
): Dataset | undefined {
  const fresh = subset(dataset, unseenRows(dataset, others))
  const rows =
    most >= samples(fresh)
      ? Int32Array.from({ length: samples(fresh) }, (_, row) => row)
      : chosenRows(fresh, most, traffic, randomStream(seed, 'keep/held out'))
  return rows.length === 0 ? undefined : subset(fresh, rows)
}

function chosenRows(
  dataset: Dataset,
  most: number,
  traffic: Traffic | undefined,
  random: RandomStream,
): Int32Array {
  const members = byClass(classLabels(dataset))
  const available = new Map([...members].map(([label, rows]) => [label, rows.length]))
  const quota = heldOutQuotas(available, most, traffic)
  const chosen = [...members].flatMap(([label, rows]) => {
    return [...random.shuffle(Int32Array.from(rows))].slice(0, required(quota, label, 'class'))
  })
  return Int32Array.from(chosen).sort()
}

/**
 * Rows of each class: half of them divided evenly, half by the traffic, and what a class does not have goes to the others.
 * Where nothing is known of the traffic all of them are divided evenly.
 *
 * @param available How many rows there are, by class.
 */
export function heldOutQuotas(
  available: ReadonlyMap<number, number>,
  most: number,
  traffic: Traffic | undefined,
): Map<number, number> {
  const labels = [...available.keys()]
  const weights = new Map(
    labels.map((label) => [label, traffic ? itemAt(traffic.weights, label, 'class') : 1]),
  )
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0)
  const part = (label: number) =>
    0.5 / labels.length + (sum > 0 ? (0.5 * required(weights, label, 'class')) / sum : 0.5 / labels.length)
  // The level at which the parts, each cut to what there is, fill the room.
  let [low, high] = [0, most * labels.length * 2]
  const filled = (level: number) =>
    [...available].reduce((total, [label, count]) => total + Math.min(count, level * part(label)), 0)
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (filled(middle) < most) low = middle
    else high = middle
  }
  const exact = [...available].map(([label, count]) => ({
    label,
    count,
    value: Math.min(count, high * part(label)),
  }))
  const quota = new Map(exact.map(({ label, value }) => [label, Math.floor(value + 1e-9)]))
  let left = most - [...quota.values()].reduce((total, count) => total + count, 0)
  for (const { label, count, value } of exact.sort(
    (a, b) => (b.value % 1) - (a.value % 1) || a.label - b.label,
  )) {
    const own = required(quota, label, 'class')
    if (left <= 0 || own >= count || value === own) continue
    quota.set(label, own + 1)
    left--
  }
  return quota
}
