import { classLabels, type Dataset } from '../../data/dataset.ts'
import { placesOf, preview } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'

/** How often each class comes where the model is used. */
export interface Traffic {
  /** `counted`: rows of the data that the pack was made of; `given`: said by whoever made it. */
  readonly source: 'counted' | 'given'
  /** Of each class, in the order of the pack's classes; what they sum to means nothing. */
  readonly weights: readonly number[]
}

/** Rows of each class in some data, whose labels are places in the list of classes. */
export function countedTraffic(parts: readonly (Int32Array | undefined)[], classes: number): Traffic {
  const weights = new Array<number>(classes).fill(0)
  for (const part of parts) {
    for (const label of part ?? []) weights[label] = itemAt(weights, label, 'class') + 1
  }
  return { source: 'counted', weights }
}

/**
 * What somebody says of the traffic, by class name.
 *
 * @param place What messages call it.
 * @throws UsageError `traffic-classes` where it does not say all classes and no others, `traffic-share` for what is no share.
 */
export function givenTraffic(
  shares: ReadonlyMap<string, number>,
  classes: readonly string[],
  place: string,
): Traffic {
  const strange = [...shares.keys()].filter((name) => !classes.includes(name))
  const missing = classes.filter((name) => !shares.has(name))
  if (strange.length > 0 || missing.length > 0) {
    throw new UsageError(
      'traffic-classes',
      `${place}: ${strange.length > 0 ? `the model does not know ${preview(strange)}; it knows ${preview(classes)}` : `it says nothing of ${preview(missing)}; write 0 for a class that never comes`}. Each class of the model has one share.`,
    )
  }
  const wrong = [...shares].find(([, share]) => !(Number.isFinite(share) && share >= 0))
  if (wrong) {
    throw new UsageError(
      'traffic-share',
      `${place}: the share of "${wrong[0]}" is ${wrong[1]}, but a number from 0 on was expected.`,
    )
  }
  const weights = classes.map((name) => shares.get(name) ?? 0)
  if (weights.some((weight) => weight > 0)) return { source: 'given', weights }
  throw new UsageError(
    'traffic-share',
    `${place}: all shares are 0, so that nothing would count. Give one of them more.`,
  )
}

/**
 * Each class's share of the traffic, 0 to 1, for a model that may list the classes in another order and know more of them;
 * those have a share of 0. Undefined where nothing is known.
 */
export function trafficShares(
  traffic: Traffic | undefined,
  classes: readonly string[],
  wanted: readonly string[],
): readonly number[] | undefined {
  const sum = traffic?.weights.reduce((total, weight) => total + weight, 0) ?? 0
  if (!traffic || sum === 0) return undefined
  return weightsUnder(traffic, classes, wanted).map((weight) => weight / sum)
}

/** The traffic of a model that has learned more: rows that were counted add up, what was said stays. */
export function extendedTraffic(
  traffic: Traffic | undefined,
  classes: readonly string[],
  wanted: readonly string[],
  parts: readonly (Dataset | undefined)[],
): Traffic | undefined {
  if (!traffic) return undefined
  const more = countedTraffic(
    parts.map((part) => part && classLabels(part)),
    wanted.length,
  ).weights
  const known = weightsUnder(traffic, classes, wanted)
  if (traffic.source === 'given') return { source: 'given', weights: known }
  return { source: 'counted', weights: known.map((weight, unit) => weight + itemAt(more, unit, 'class')) }
}

/**
 * Of two packs of one model: rows that were counted add up; what was said is the same in both (see `mergePacks`).
 *
 * @param both Rows of each class that were counted in both.
 */
export function mergedTraffic(
  a: Traffic | undefined,
  b: Traffic | undefined,
  both: readonly number[],
): Traffic | undefined {
  if (!a || !b) return undefined
  if (a.source === 'given') return a
  return {
    source: 'counted',
    weights: a.weights.map(
      (weight, unit) => weight + itemAt(b.weights, unit, 'class') - itemAt(both, unit, 'class'),
    ),
  }
}

/** Under another list of classes; nothing for those that it does not know. */
const weightsUnder = (
  { weights }: Traffic,
  classes: readonly string[],
  wanted: readonly string[],
): number[] => placesOf(wanted, classes).map((at) => (at < 0 ? 0 : itemAt(weights, at, 'class')))
