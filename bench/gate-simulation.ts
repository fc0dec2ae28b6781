// How often the gate is wrong: pairs of models are drawn whose true drop is the budget exactly, and the share of them that pass is
// counted; beside it stands the exact chance, summed over all outcomes where these are few enough. Then the power: pairs without a drop on as
// many examples as the gate announces, of which 80 % should pass.
//   node scripts/run.mjs bench/gate-simulation.ts [--pairs 2000] [--seed 1] [--confidence 0.95]
import { parseArgs } from 'node:util'
import { binomialPmf } from '../src/measure/binomial.ts'
import { checkedConfidence } from '../src/measure/confidence.ts'
import { dropTail } from '../src/measure/drop-test.ts'
import { examplesNeeded, nonInferiority } from '../src/measure/paired.ts'
import { normalQuantile } from '../src/measure/statistics.ts'
import { randomStream } from '../src/tensor/random.ts'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    confidence: { type: 'string', default: '0.95' },
  },
})
const confidence = checkedConfidence(Number(values.confidence))
const pairs = Number(values.pairs)
const random = randomStream(Number(values.seed), 'gate simulation')
const tail = 1 - confidence

interface Setting {
  readonly n: number
  readonly budget: number
  /** Share of examples that flip, either way. */
  readonly flipRate: number
}

/** One pair of models on n examples: each example flips down, up or not at all. */
function draw(n: number, negativeRate: number, positiveRate: number) {
  let negative = 0
  let positive = 0
  for (let example = 0; example < n; example++) {
    const u = random.uniform()
    if (u < negativeRate) negative++
    else if (u < negativeRate + positiveRate) positive++
  }
  return { negative, positive, total: n }
}

/** How many of the drawn pairs the gate passes, as a share. */
function shareOfPasses({ n, budget, flipRate }: Setting, drop: number): number {
  const known = new Map<string, boolean>()
  let passed = 0
  for (let pair = 0; pair < pairs; pair++) {
    const counts = draw(n, (flipRate + drop) / 2, (flipRate - drop) / 2)
    const key = `${counts.negative} ${counts.positive}`
    const passes = known.get(key) ?? nonInferiority(counts, { budget, confidence }).passes
    known.set(key, passes)
    if (passes) passed++
  }
  return passed / pairs
}

/** The chance to pass, summed over all outcomes; one more negative flip never passes where fewer fail. */
function chanceOfPass({ n, budget, flipRate }: Setting, drop: number, passes = scoreTest): number {
  const spread = 6 * Math.sqrt(n * flipRate) + 6
  let sum = 0
  for (
    let flips = Math.max(0, Math.floor(n * flipRate - spread));
    flips <= Math.min(n, n * flipRate + spread);
    flips++
  ) {
    const chance = binomialPmf(flips, n, flipRate)
    for (let negative = 0; negative <= flips; negative++) {
      if (!passes({ negative, positive: flips - negative, total: n }, budget)) break
      sum += chance * binomialPmf(negative, flips, (flipRate + drop) / (2 * flipRate))
    }
  }
  return sum
}

const scoreTest = (counts: Parameters<typeof dropTail>[0], budget: number): boolean =>
  dropTail(counts, budget) <= tail

/** For comparison: drop + z SE <= budget, the test that the gate does not use. */
function waldTest({ negative, positive, total }: Parameters<typeof dropTail>[0], budget: number): boolean {
  const error = Math.sqrt(negative + positive - (negative - positive) ** 2 / total)
  return negative - positive + normalQuantile(confidence) * error <= budget * total
}

const percent = (share: number, digits = 1): string => (100 * share).toFixed(digits)

console.log(`On the border: true drop = budget, ${pairs.toLocaleString('en-US')} pairs each, passes in %.\n`)
console.log('| n | budget % | flips % | expected b + c | passed % | exact chance % | Wald, exact chance % |')
console.log('|---:|---:|---:|---:|---:|---:|---:|')
const border: readonly Setting[] = [
  ...[1, 2, 5].map((times) => ({ n: 300, budget: 0.01, flipRate: 0.01 * times })),
  ...[1, 2, 5].map((times) => ({ n: 300, budget: 0.02, flipRate: 0.02 * times })),
  ...[1, 2, 5].map((times) => ({ n: 100, budget: 0.05, flipRate: 0.05 * times })),
  ...[1, 1.5, 3, 8].map((times) => ({ n: 1000, budget: 0.01, flipRate: 0.01 * times })),
  ...[1, 1.5, 3, 8].map((times) => ({ n: 3000, budget: 0.01, flipRate: 0.01 * times })),
  ...[1.5, 3, 8].map((times) => ({ n: 10_000, budget: 0.01, flipRate: 0.01 * times })),
  ...[1.5, 4, 20].map((times) => ({ n: 10_000, budget: 0.005, flipRate: 0.005 * times })),
]
let passedInAll = 0
let largest = 0
for (const setting of border) {
  const { n, budget, flipRate } = setting
  const simulated = shareOfPasses(setting, budget)
  const exact = chanceOfPass(setting, budget)
  const wald = chanceOfPass(setting, budget, waldTest)
  passedInAll += simulated / border.length
  largest = Math.max(largest, exact)
  console.log(
    `| ${n} | ${percent(budget)} | ${percent(flipRate, 2)} | ${Math.round(n * flipRate)} | ${percent(simulated)} | ${percent(exact)} | ${percent(wald)} |`,
  )
}
console.log(
  `\nPassed in all: ${percent(passedInAll)} % of ${(pairs * border.length).toLocaleString('en-US')}. Largest exact chance: ${(100 * largest).toFixed(2)} %. Standard error of a simulated share: ${(100 * Math.sqrt((tail * (1 - tail)) / pairs)).toFixed(2)} points.\n`,
)

console.log(
  `Power: on as many examples as announced for 80 %, ${pairs.toLocaleString('en-US')} pairs each.\n`,
)
console.log('| budget % | true drop % | flips % | announced n | passed % |')
console.log('|---:|---:|---:|---:|---:|')
for (const [budget, drop, flipRate] of [
  [0.01, 0, 0.01],
  [0.01, 0, 0.03],
  [0.01, 0, 0.08],
  [0.01, 0.005, 0.03],
  [0.02, 0, 0.02],
  [0.02, 0, 0.1],
  [0.02, -0.005, 0.05],
  [0.05, 0, 0.05],
  [0.05, 0.02, 0.1],
] as const) {
  const n = examplesNeeded({ budget, drop, flipRate, confidence })
  console.log(
    `| ${percent(budget)} | ${percent(drop)} | ${percent(flipRate)} | ${n.toLocaleString('en-US')} | ${percent(shareOfPasses({ n, budget, flipRate }, drop))} |`,
  )
}
