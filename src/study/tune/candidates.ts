import { methodOptions, type SearchRange } from '../../methods/registry.ts'
import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'

/** Settings that a trial has in place of the protocol's: options of the method, and `learningRate`. */
export type TrialSettings = Readonly<Record<string, number | string | boolean>>

/** What a tuning looks for, by name. */
export type SearchSpace = ReadonlyMap<string, SearchRange>

/** The learning rate is looked for within this factor of the protocol's, each way. */
const RATES = 10

/**
 * Where a method's settings are looked for: the options with a range in its schema, and the learning rate around the protocol's.
 *
 * @param fixed Names that whoever asks has settled.
 */
export function searchSpace(
  method: string,
  { learningRate, fixed }: { readonly learningRate: number; readonly fixed: ReadonlySet<string> },
): SearchSpace {
  const options = Object.entries(methodOptions(method)).flatMap(([name, { search }]) =>
    search ? [[name, search] as const] : [],
  )
  const rate = { from: learningRate / RATES, to: learningRate * RATES, scale: 'log' } as const
  return new Map([...options, ['learningRate', rate] as const].filter(([name]) => !fixed.has(name)))
}

/**
 * So many candidates: the protocol's own settings first, the others by a Latin hypercube (McKay, Beckman & Conover 1979): each range is
 * cut into as many parts as there are candidates, and each part is drawn from once. Numbers have three digits; of words and switches
 * each has an equal part of the range.
 *
 * @example candidates(new Map([['lambda', { from: 1, to: 1e6, scale: 'log' }]]), 5, randomStream(1, 'tune'))
 */
export function candidates(space: SearchSpace, count: number, random: RandomStream): TrialSettings[] {
  const drawn = count - 1
  const columns = [...space].map(([name, range]) => {
    const parts = random.permutation(drawn)
    return [name, Array.from(parts, (part) => within(range, (part + random.uniform()) / drawn))] as const
  })
  const others = Array.from({ length: space.size === 0 ? 0 : drawn }, (_, at) =>
    Object.fromEntries(columns.map(([name, values]) => [name, itemAt(values, at, 'value')])),
  )
  return [{}, ...others]
}

function within(range: SearchRange, share: number): number | string | boolean {
  if ('among' in range) {
    const { among } = range
    return itemAt(among, Math.min(Math.floor(share * among.length), among.length - 1), 'choice')
  }
  const { from, to, scale } = range
  if (scale === 'linear') return rounded(from + (to - from) * share)
  if (scale === 'log') return rounded(from * (to / from) ** share)
  // Three digits of the distance from 1, which is what counts.
  return 1 - rounded((1 - from) * ((1 - to) / (1 - from)) ** share)
}

const rounded = (value: number): number => Number(value.toPrecision(3))
