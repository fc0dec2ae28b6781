// How often the bounds of the gate for texts are wrong: documents are drawn whose true change is known, and samples are counted whose
// upper bound lies below it, or whose lower bound lies above it. With a confidence of 95 % each should be at most 5 %. Lengths are
// lognormal; so are baseline losses. Beside the gate's bounds: the t interval of the ratio, and percentiles of the bootstrap.
//   nice node scripts/run.mjs bench/text-gate-simulation.ts [--samples 1000] [--sizes 20,50,200,1000] [--spreads 0.5,1,1.5] [--seed 1]
import { parseArgs } from 'node:util'
import { type Ratio, ratioBounds } from '../src/measure/ratio-change.ts'
import { studentQuantile } from '../src/measure/student.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '1000' },
    sizes: { type: 'string', default: '20,50,200,1000' },
    spreads: { type: 'string', default: '0.5,1,1.5' },
    seed: { type: 'string', default: '1' },
  },
})
const samples = Number(values.samples)
const sizes = values.sizes.split(',').map(Number)
const spreads = values.spreads.split(',').map(Number)
const seed = Number(values.seed)

/** The relative change of a document's loss; `length` has a median of 1. */
type Change = (random: RandomStream, length: number) => number

const student3 = (random: RandomStream): number => {
  const square = () => random.normal() ** 2
  return random.normal() / Math.sqrt((square() + square() + square()) / 3)
}
/** Lognormal, its mean taken away: to the right a few documents lose far more than the rest. */
const skewed = (random: RandomStream, spread: number): number =>
  Math.exp(spread * random.normal()) - Math.exp(spread ** 2 / 2)

const changes: Readonly<Record<string, Change>> = {
  normal: (random) => 0.02 + 0.03 * random.normal(),
  'short texts vary more': (random, length) => 0.02 + (0.03 * random.normal()) / Math.sqrt(length),
  'heavy tails (t, 3 d.f.)': (random) => 0.02 + 0.03 * student3(random),
  'skew 0.9': (random) => 0.02 + 0.03 * skewed(random, 0.3),
  'skew 1.8': (random) => 0.02 + 0.03 * skewed(random, 0.5),
  'skew 6.2': (random) => 0.02 + 0.03 * skewed(random, 1),
  'three in ten lost': (random) =>
    random.uniform() < 0.3 ? 0.2 + 0.05 * random.normal() : 0.01 * random.normal(),
  'one in ten lost': (random) =>
    random.uniform() < 0.1 ? 0.2 + 0.05 * random.normal() : 0.01 * random.normal(),
  'long texts lose more': (random, length) => 0.02 + 0.01 * Math.log(length) + 0.02 * random.normal(),
}

function draw(random: RandomStream, spread: number, change: Change): Ratio {
  const length = Math.exp(spread * random.normal())
  const base = length * Math.exp(0.15 * random.normal())
  return { change: base * change(random, length), base }
}

function truth(spread: number, change: Change): number {
  const random = randomStream(seed, 'text simulation, truth')
  let [sum, whole] = [0, 0]
  for (let document = 0; document < 500_000; document++) {
    const one = draw(random, spread, change)
    sum += one.change
    whole += one.base
  }
  return sum / whole
}

/** Bounds below and above. */
type Bounds = readonly [lower: number, upper: number]

function tInterval(documents: readonly Ratio[]): Bounds {
  const n = documents.length
  const whole = documents.reduce((sum, { base }) => sum + base, 0)
  const ratio = documents.reduce((sum, { change }) => sum + change, 0) / whole
  const squares = documents.reduce((sum, { change, base }) => sum + (change - ratio * base) ** 2, 0)
  const half = (studentQuantile(0.95, n - 1) * Math.sqrt((squares * n) / (n - 1))) / whole
  return [ratio - half, ratio + half]
}

function percentiles(documents: readonly Ratio[], random: RandomStream): Bounds {
  const found = Float64Array.from({ length: 399 }, () => {
    let [sum, whole] = [0, 0]
    for (let each = 0; each < documents.length; each++) {
      const { change, base } = documents[random.integer(documents.length)] as Ratio
      sum += change
      whole += base
    }
    return sum / whole
  }).sort()
  return [found[19] ?? Number.NaN, found[379] ?? Number.NaN]
}

const percent = (share: number): string => (100 * share).toFixed(1)

/** Shares of samples whose upper bound, and whose lower bound, is wrong, for each way to find bounds. */
function wrong(size: number, spread: number, change: Change, value: number): readonly string[] {
  const random = randomStream(seed, 'text simulation, samples')
  const resampling = randomStream(seed, 'text simulation, percentiles')
  const counts = [0, 1, 2].map(() => ({ above: 0, below: 0 }))
  for (let sample = 0; sample < samples; sample++) {
    const documents = Array.from({ length: size }, () => draw(random, spread, change))
    const { lower, upper } = ratioBounds(documents, 0.95)
    const all: readonly Bounds[] = [[lower, upper], tInterval(documents), percentiles(documents, resampling)]
    for (const [way, bounds] of all.entries()) {
      const count = counts[way]
      if (!count) continue
      if (bounds[1] <= value) count.above++
      if (bounds[0] >= value) count.below++
    }
  }
  return counts.map(({ above, below }) => `${percent(above / samples)} / ${percent(below / samples)}`)
}

console.log(`${samples} samples a line; wrong upper / lower bounds, %.\n`)
console.log('| documents | spread of log length | changes | gate | t interval | percentiles |')
console.log('|---:|---:|---|---:|---:|---:|')
for (const size of sizes) {
  for (const spread of spreads) {
    for (const [name, change] of Object.entries(changes)) {
      const found = wrong(size, spread, change, truth(spread, change))
      console.log(`| ${size} | ${spread} | ${name} | ${found.join(' | ')} |`)
    }
  }
}
