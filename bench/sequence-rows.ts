import type { PairedCounts } from '../src/measure/drop-test.ts'
import { itemAt } from '../src/required.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'

// Rows that are drawn for `sequence-simulation.ts`: which of them flip under which candidate, with what is true of all rows there are.

/** Share of the rows that the old model has right. */
export const RIGHT = 0.9
/** Of rows that flip, those that are lost and those that are won back, for a drop of 1. */
export const [LOST, WON] = [1.5, 0.5]

let random: RandomStream = randomStream(1, 'sequence simulation')
export function seed(value: number): void {
  random = randomStream(value, 'sequence simulation')
}

export const shuffled = (values: number[]): number[] => random.shuffle(values)

/** Thresholds of so many rows, ascending, as far as they lie below `most`: a row flips where its threshold is below a candidate's rate. */
export function thresholds(rows: number, most: number): number[] {
  const found: number[] = []
  let last = 0
  for (let left = rows; left > 0; left--) {
    last = 1 - (1 - last) * random.uniform() ** (1 / left)
    if (last >= most) break
    found.push(last)
  }
  return found
}

/** How many of them are below the rate. */
export function below(sorted: readonly number[], rate: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (itemAt(sorted, middle, 'threshold') < rate) low = middle + 1
    else high = middle
  }
  return low
}

/** How many of so many rows are of a kind. */
export function binomial(rows: number, share: number): number {
  if (share > 0.5) return rows - binomial(rows, 1 - share)
  return share <= 0 ? 0 : thresholds(rows, share).length
}

/** A candidate of one release: its flips against the model before it and against the first, what is true of both drops, and how it is shipped. */
export interface Offered {
  readonly step: PairedCounts
  readonly total: PairedCounts
  readonly trueStep: number
  readonly trueTotal: number
  ship(): void
}

export interface World {
  /** The true drop since the first release. */
  lost(): number
  offer(drops: readonly number[]): Offered[]
}

/** Rows that are alike: how easily they flip, whether the first release has them right, and whether the last one has. */
interface Kind {
  readonly ease: number
  readonly first: boolean
  readonly now: boolean
  rows: number
  /** Their share of all rows there are, drawn or not. */
  mass: number
}

/** Each release moves somewhere else: which rows flip is drawn anew, each kind as easily as it does. */
function turning(n: number, eases: readonly { readonly ease: number; readonly share: number }[]): World {
  const kinds: Kind[] = []
  let left = n
  let rest = 1
  for (const { ease, share } of eases) {
    const rows = rest - share <= 1e-12 ? left : binomial(left, share / rest)
    left -= rows
    rest -= share
    const right = binomial(rows, RIGHT)
    for (const first of [true, false])
      for (const now of [true, false]) {
        const [count, mass] = first ? [right, share * RIGHT] : [rows - right, share * (1 - RIGHT)]
        kinds.push({ ease, first, now, rows: first === now ? count : 0, mass: first === now ? mass : 0 })
      }
  }
  const massOf = (wanted: (kind: Kind) => boolean, by = (_: Kind) => 1) =>
    kinds.filter(wanted).reduce((sum, kind) => sum + by(kind) * kind.mass, 0)
  const lost = () => massOf(({ first }) => first) - massOf(({ now }) => now)
  return {
    lost,
    offer(own) {
      const [right, wrong] = [true, false].map((now) =>
        massOf(
          (kind) => kind.now === now,
          ({ ease }) => ease,
        ),
      ) as [number, number]
      const rate = ({ ease, now }: Kind, drop: number) =>
        Math.min(1, now ? (LOST * drop * ease) / right : (WON * drop * ease) / wrong)
      const most = Math.max(...own)
      const flips = kinds.map((kind) => thresholds(kind.rows, rate(kind, most)))
      return own.map((drop): Offered => {
        const moved = kinds.map((kind, at) => below(itemAt(flips, at, 'kind'), rate(kind, drop)))
        const rowsOf = (first: boolean, now: boolean, changed: boolean) =>
          kinds.reduce((sum, kind, at) => {
            const own = itemAt(moved, at, 'kind')
            return sum + (kind.first === first && kind.now === now ? (changed ? own : kind.rows - own) : 0)
          }, 0)
        const trueStep = kinds.reduce(
          (sum, kind) => sum + (kind.now ? 1 : -1) * kind.mass * rate(kind, drop),
          0,
        )
        return {
          step: {
            negative: rowsOf(true, true, true) + rowsOf(false, true, true),
            positive: rowsOf(true, false, true) + rowsOf(false, false, true),
            total: n,
          },
          total: {
            negative: rowsOf(true, true, true) + rowsOf(true, false, false),
            positive: rowsOf(false, false, true) + rowsOf(false, true, false),
            total: n,
          },
          trueStep,
          trueTotal: lost() + trueStep,
          ship() {
            const turned = kinds.map((kind, at) => ({
              rows: itemAt(moved, at, 'kind'),
              mass: kind.mass * rate(kind, drop),
            }))
            for (const [at, kind] of kinds.entries()) {
              const other = kinds.findIndex(
                (each) => each.ease === kind.ease && each.first === kind.first && each.now !== kind.now,
              )
              const [out, into] = [itemAt(turned, at, 'kind'), itemAt(turned, other, 'kind')]
              kind.rows += into.rows - out.rows
              kind.mass += into.mass - out.mass
            }
          },
        }
      })
    },
  }
}

/** Each release goes on where the last one stopped: the rows that flip next are those that lie next. */
function straight(n: number, most: number): World {
  const right = binomial(n, RIGHT)
  const [lose, win] = [
    thresholds(right, (most * LOST) / RIGHT),
    thresholds(n - right, (most * WON) / (1 - RIGHT)),
  ]
  let place = 0
  const between = (from: number, to: number): PairedCounts => ({
    negative: below(lose, (to * LOST) / RIGHT) - below(lose, (from * LOST) / RIGHT),
    positive: below(win, (to * WON) / (1 - RIGHT)) - below(win, (from * WON) / (1 - RIGHT)),
    total: n,
  })
  return {
    lost: () => place,
    offer: (own) =>
      own.map((drop) => {
        const end = place + drop
        return {
          step: between(place, end),
          total: between(0, end),
          trueStep: drop,
          trueTotal: end,
          ship: () => {
            place = end
          },
        }
      }),
  }
}

export const worlds = {
  'other rows each time': (n: number) => turning(n, [{ ease: 1, share: 1 }]),
  'mostly the same rows': (n: number) =>
    turning(n, [
      { ease: 4, share: 0.2 },
      { ease: 0.25, share: 0.8 },
    ]),
  'on along one path': (n: number, budget: number) => straight(n, Math.min(0.55, 20 * budget)),
}
