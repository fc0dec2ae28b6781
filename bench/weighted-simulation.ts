// How often the bound of a weighted drop is wrong: tables of flips by class are drawn whose true weighted drop is known, and the share
// of them is counted whose upper bound lies at or below it. With a confidence of 95 % it should be at most 5 %. First named settings,
// then settings drawn at random, of which the worst are drawn again with other numbers.
//   node scripts/run.mjs bench/weighted-simulation.ts [--tables 10000] [--settings 2000] [--seed 1] [--confidence 0.95]
import { parseArgs } from 'node:util'
import { checkedConfidence } from '../src/measure/confidence.ts'
import { weightedDrop } from '../src/measure/weighted-drop.ts'
import { randomStream } from '../src/tensor/random.ts'

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '10000' },
    settings: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    confidence: { type: 'string', default: '0.95' },
  },
})
const tables = Number(values.tables)
const confidence = checkedConfidence(Number(values.confidence))

/** A class: its share of the traffic, its examples, and the rates at which they flip. */
interface Kind {
  readonly share: number
  readonly total: number
  readonly negative: number
  readonly positive: number
}

const trueDrop = (kinds: readonly Kind[]): number =>
  kinds.reduce((sum, { share, negative, positive }) => sum + share * (negative - positive), 0)

/** The share of drawn tables whose bound lies at or below the true drop, and the mean of the bound. */
function tried(
  kinds: readonly Kind[],
  count: number,
  seed: number,
): { readonly wrong: number; readonly bound: number } {
  const random = randomStream(seed, 'weighted simulation')
  const truth = trueDrop(kinds)
  const known = new Map<string, number>()
  let [wrong, sum] = [0, 0]
  for (let table = 0; table < count; table++) {
    const strata = kinds.map(({ share, total, negative: down, positive: up }) => {
      let [negative, positive] = [0, 0]
      for (let example = 0; example < total; example++) {
        const u = random.uniform()
        if (u < down) negative++
        else if (u < down + up) positive++
      }
      return { share, counts: { negative, positive, total } }
    })
    const key = strata.map(({ counts }) => `${counts.negative} ${counts.positive}`).join()
    const upper = known.get(key) ?? weightedDrop(strata, confidence).upper
    known.set(key, upper)
    if (upper <= truth) wrong++
    sum += upper
  }
  return { wrong: wrong / count, bound: sum / count }
}

const percent = (share: number, digits = 2): string => (100 * share).toFixed(digits)

/** Classes whose shares fall as 1 / rank^skew, each with its rates by rank. */
function skewed(
  classes: number,
  total: number,
  skew: number,
  rates: (rank: number) => readonly [number, number],
): Kind[] {
  const raw = Array.from({ length: classes }, (_, rank) => (rank + 1) ** -skew)
  const sum = raw.reduce((a, b) => a + b, 0)
  return raw.map((value, rank) => {
    const [negative, positive] = rates(rank)
    return { share: value / sum, total, negative, positive }
  })
}

console.log(
  `Confidence ${percent(confidence)} %, ${tables.toLocaleString('en-US')} tables each: bounds at or below the true drop.\n`,
)
console.log('| classes | examples each | shares fall as | flips | true drop % | mean bound % | wrong % |')
console.log('|---:|---:|---|---|---:|---:|---:|')
const kinds = {
  'few, alike': () => [0.01, 0],
  'some, alike': () => [0.02, 0.01],
  'many, alike': () => [0.1, 0.09],
  'all in the largest': (rank: number) => [rank === 0 ? 0.05 : 0, 0],
  'lost in the largest, won in the others': (rank: number) => (rank === 0 ? [0.06, 0] : [0, 0.01]),
  'won in the largest, lost in the others': (rank: number) => (rank === 0 ? [0, 0.05] : [0.1, 0]),
} as const satisfies Record<string, (rank: number) => readonly [number, number]>
for (const [classes, total] of [
  [4, 100],
  [10, 120],
  [10, 600],
  [150, 8],
] as const) {
  for (const skew of [0, 0.5, 1]) {
    for (const [name, rates] of Object.entries(kinds)) {
      const setting = skewed(classes, total, skew, rates)
      const { wrong, bound } = tried(setting, tables, Number(values.seed))
      console.log(
        `| ${classes} | ${total} | 1 / rank^${skew} | ${name} | ${percent(trueDrop(setting))} | ${percent(bound)} | ${percent(wrong)} |`,
      )
    }
  }
}

const random = randomStream(Number(values.seed), 'settings')
const between = (least: number, most: number): number => least * (most / least) ** random.uniform()
function drawn(): Kind[] {
  const raw = Array.from(
    { length: 1 + Math.floor(6 * random.uniform()) },
    () => -Math.log(1 - random.uniform()),
  )
  const sum = raw.reduce((a, b) => a + b, 0)
  return raw.map((value) => ({
    share: value / sum,
    total: Math.round(between(5, 300)),
    negative: random.uniform() < 0.3 ? 0 : between(0.002, 0.4),
    positive: random.uniform() < 0.4 ? 0 : between(0.002, 0.4),
  }))
}
const settings = Array.from({ length: Number(values.settings) }, () => {
  const setting = drawn()
  return { setting, wrong: tried(setting, 400, 1).wrong }
})
settings.sort((a, b) => b.wrong - a.wrong)
const again = settings.slice(0, 20).map(({ setting }) => tried(setting, tables, 2).wrong)
console.log(
  `\n${settings.length.toLocaleString('en-US')} settings drawn at random, 400 tables each; the 20 worst drawn again with ${tables.toLocaleString('en-US')}: wrong in ${percent(Math.max(...again))} % at most. Standard error of such a share: ${percent(Math.sqrt((confidence * (1 - confidence)) / tables))} points.`,
)
