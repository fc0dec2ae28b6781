// How often the proof of an update is wrong, and what it lets through: candidates of known drop are drawn, put in an order, and tested on
// the same rows up to the first that fails, as `take` does. First one release at the border; then twelve releases that are proved on the
// same rows, each from the model that the last one shipped; then the same beside the procedure before it, which divided the rows.
//   node scripts/run.mjs bench/sequence-simulation.ts [--draws 10000] [--chains 4000] [--seed 1]
import { parseArgs } from 'node:util'
import { dropTail, type PairedCounts } from '../src/measure/drop-test.ts'
import { itemAt } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { type Claim, proveInOrder, settle } from '../src/update/path/index.ts'

const { values } = parseArgs({
  options: {
    draws: { type: 'string', default: '10000' },
    chains: { type: 'string', default: '4000' },
    seed: { type: 'string', default: '1' },
  },
})
const draws = Number(values.draws)
const chains = Number(values.chains)
const random = randomStream(Number(values.seed), 'sequence simulation')
const LEVEL = 0.05
/** Share of the rows that the old model has right. */
const RIGHT = 0.9
/** Of rows that flip, those that are lost and those that are won back, for a drop of 1. */
const [LOST, WON] = [1.5, 0.5]

const percent = (share: number, digits = 1): string => (100 * share).toFixed(digits)
const errorOf = (share: number, count: number): number => Math.sqrt((share * (1 - share)) / count)

/** Thresholds of so many rows, ascending, as far as they lie below `most`: a row flips where its threshold is below a candidate's rate. */
function thresholds(rows: number, most: number): number[] {
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
function below(sorted: readonly number[], rate: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (itemAt(sorted, middle, 'threshold') < rate) low = middle + 1
    else high = middle
  }
  return low
}

/** How many of so many rows are of a kind. */
function binomial(rows: number, share: number): number {
  if (share > 0.5) return rows - binomial(rows, 1 - share)
  return share <= 0 ? 0 : thresholds(rows, share).length
}

const known = new Map<string, number>()
/** The score test's p value, remembered. */
function tailOf(counts: PairedCounts, budget: number): number {
  const key = `${counts.negative} ${counts.positive} ${counts.total} ${budget}`
  const found = known.get(key) ?? dropTail(counts, budget)
  if (known.size > 2e6) known.clear()
  known.set(key, found)
  return found
}

// One release.

/** Candidates in their order: the true drop of each in budgets, and which rung it lies on. */
interface Plan {
  readonly drops: readonly number[]
  readonly rungs: readonly number[]
}

const drops: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  5: [0.5, 0.9, 1, 1.1, 1.5],
  48: Array.from({ length: 48 }, (_, at) => 0.3 + at / 30 - (at === 21 ? 0 : 0.001)),
}

const kinds = {
  /** One path, each with a larger drop than the one before. */
  rising: (count) => ({
    drops: itemAt([drops[count] ?? []], 0, 'drops'),
    rungs: new Array<number>(count).fill(0),
  }),
  /** One path, in an order that says nothing of the drops. */
  'in any order': (count) => ({
    drops: [...random.shuffle([...(drops[count] ?? [])])],
    rungs: new Array<number>(count).fill(0),
  }),
  /** Three paths that lose half of their rows in common, candidates by turns. */
  'three rungs': (count) => ({
    drops: drops[count] ?? [],
    rungs: Array.from({ length: count }, (_, at) => at % 3),
  }),
  /** As many paths as candidates, which lose half of their rows in common, all with a drop of the budget exactly. */
  'all at the budget': (count) => ({
    drops: new Array<number>(count).fill(1),
    rungs: Array.from({ length: count }, (_, at) => at),
  }),
} as const satisfies Record<string, (count: number) => Plan>

/** Flips of each candidate on n rows, which keep their flips along a path. */
function drawn({ drops: own, rungs }: Plan, n: number, budget: number): PairedCounts[] {
  const most = Math.max(...own) * budget
  const right = binomial(n, RIGHT)
  const common = [right, n - right].map((rows) => binomial(rows, 0.5))
  const sides = [
    { rows: right, shared: itemAt(common, 0, 'side'), rate: LOST / RIGHT },
    { rows: n - right, shared: itemAt(common, 1, 'side'), rate: WON / (1 - RIGHT) },
  ].map(({ rows, shared, rate }) => ({
    rate,
    shared: thresholds(shared, most * rate),
    rung: Array.from({ length: Math.max(...rungs) + 1 }, () => thresholds(rows - shared, most * rate)),
  }))
  return own.map((drop, at) => {
    const [negative = 0, positive = 0] = sides.map(
      ({ rate, shared, rung }) =>
        below(shared, drop * budget * rate) +
        below(itemAt(rung, itemAt(rungs, at, 'rung'), 'rung'), drop * budget * rate),
    )
    return { negative, positive, total: n }
  })
}

/** The last that passes before the first that fails, or -1. */
function lastProven(passes: readonly boolean[]): number {
  const failed = passes.indexOf(false)
  return (failed < 0 ? passes.length : failed) - 1
}

/** The product's own functions on rows with these flips say the same: the test in order, and which one is taken. */
async function agrees(counts: readonly PairedCounts[], budget: number): Promise<boolean> {
  const n = itemAt(counts, 0, 'candidate').total
  const labels = new Int32Array(n)
  // Rows that can be won back come last.
  const wrong = Math.max(...counts.map(({ positive }) => positive))
  const before = labels.map((_, row) => Number(row >= n - wrong))
  const claims: Claim[] = [{ name: 'deployed', maxDrop: budget, before }]
  const guesses = counts.map((_, at) => ({ trial: 0, alpha: at, offset: 0, loss: at, new: at }))
  const tested = await proveInOrder({
    sequence: guesses,
    claims,
    labels,
    confidence: 1 - LEVEL,
    answersOf: async ({ alpha }) => {
      const { negative, positive } = itemAt(counts, alpha, 'candidate')
      return labels.map((_, row) => Number(row < negative || row >= n - wrong + positive))
    },
  })
  const settled = settle(tested)
  const found = settled?.proven ? settled.at : -1
  return found === lastProven(counts.map((each) => tailOf(each, budget) <= LEVEL))
}

console.log(`One release at the border, ${draws.toLocaleString('en-US')} draws each: false claims in %.\n`)
console.log('| n | budget % | candidates | order | met % | false % | were all tested % |')
console.log('|---:|---:|---:|---|---:|---:|---:|')
let [worst, checked] = [0, 0]
for (const n of [300, 1000, 3000, 10_000]) {
  for (const budget of [0.005, 0.01, 0.02, 0.05]) {
    for (const count of [1, 5, 48]) {
      for (const [name, plan] of Object.entries(kinds)) {
        if (count === 1 && name !== 'rising') continue
        let [met, wrong, naive] = [0, 0, 0]
        for (let draw = 0; draw < draws; draw++) {
          const candidates = plan(count)
          const counts = drawn(candidates, n, budget)
          const passes = counts.map((each) => tailOf(each, budget) <= LEVEL)
          const taken = lastProven(passes)
          const outside = (at: number) => at >= 0 && itemAt(candidates.drops, at, 'drop') >= 1
          if (taken >= 0) met++
          if (outside(taken)) wrong++
          if (outside(passes.lastIndexOf(true))) naive++
          if (draw < 3) {
            if (!(await agrees(counts, budget))) throw new Error('The update would have decided otherwise.')
            checked++
          }
        }
        worst = Math.max(worst, wrong / draws)
        console.log(
          `| ${n} | ${percent(budget)} | ${count} | ${name} | ${percent(met / draws)} | ${percent(wrong / draws, 2)} | ${percent(naive / draws)} |`,
        )
      }
    }
  }
}
console.log(
  `\nMost: ${percent(worst, 2)} %; standard error of a share of ${percent(LEVEL)} %: ${percent(errorOf(LEVEL, draws), 2)} points. In ${checked.toLocaleString('en-US')} draws proveInOrder and settle were asked, too, and said the same.\n`,
)

// Twelve releases on the same rows.

const RELEASES = 12

/** A candidate of one release: its flips against the model before it and against the first, what is true of both drops, and how it is shipped. */
interface Offered {
  readonly step: PairedCounts
  readonly total: PairedCounts
  readonly trueStep: number
  readonly trueTotal: number
  ship(): void
}

interface World {
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

const worlds = {
  'other rows each time': (n: number) => turning(n, [{ ease: 1, share: 1 }]),
  'mostly the same rows': (n: number) =>
    turning(n, [
      { ease: 4, share: 0.2 },
      { ease: 0.25, share: 0.8 },
    ]),
  'on along one path': (n: number, budget: number) => straight(n, Math.min(0.55, 20 * budget)),
}

interface Rule {
  /** Level of the drop of this release, and of that since the first, by releases that were proved on the rows before. */
  readonly step: (uses: number) => number
  readonly total: (uses: number) => number
}

interface Chain {
  readonly n: number
  readonly budget: number
  /** Budget since the first release, in budgets; none where infinite. */
  readonly since: number
  readonly world: keyof typeof worlds
  readonly rule: Rule
  /** Drops of the candidates, in budgets. */
  readonly drops: (left: number) => readonly number[]
}

/** By the number of uses: releases that were tried, met, and falsely so, by each claim. */
interface Tally {
  tried: number
  met: number
  wrongStep: number
  wrongTotal: number
  wrong: number
}

function follow({ n, budget, since, world, rule, drops: aimed }: Chain): Tally[] {
  const tallies = Array.from(
    { length: RELEASES },
    (): Tally => ({ tried: 0, met: 0, wrongStep: 0, wrongTotal: 0, wrong: 0 }),
  )
  const limit = since * budget
  for (let chain = 0; chain < chains; chain++) {
    const rows = worlds[world](n, budget)
    for (let uses = 0; uses < RELEASES; uses++) {
      const tally = itemAt(tallies, uses, 'release')
      const left = (limit - rows.lost()) / budget
      const offered = rows.offer(aimed(left).map((drop) => drop * budget))
      const passes = offered.map(
        ({ step, total }) =>
          tailOf(step, budget) <= rule.step(uses) &&
          (since === Number.POSITIVE_INFINITY || tailOf(total, limit) <= rule.total(uses)),
      )
      const taken = offered[lastProven(passes)]
      tally.tried++
      if (!taken) continue
      tally.met++
      const [step, total] = [taken.trueStep >= budget - 1e-9, taken.trueTotal >= limit - 1e-9]
      if (step) tally.wrongStep++
      if (total) tally.wrongTotal++
      if (step || total) tally.wrong++
      taken.ship()
    }
  }
  return tallies
}

const even = [0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25]
const aims = {
  /** At the border of a release's own budget. */
  own: () => even,
  /** At the border of whichever budget is nearer: an update that knows the truth could aim no worse. */
  nearer: (left: number) => even.map((share) => share * Math.max(0.05, Math.min(1, left))),
}
const full = (): number => LEVEL
const rules: Readonly<Record<string, Rule>> = {
  full: { step: full, total: full },
  'total / (1 + uses)': { step: full, total: (uses) => LEVEL / (1 + uses) },
}

console.log(
  `Twelve releases on the same rows, ${chains.toLocaleString('en-US')} chains each. Standard error of a share of ${percent(LEVEL)} %: ${percent(errorOf(LEVEL, chains), 2)} points.\n`,
)
console.log(
  '| n | budget % | in all | rows that flip | aim | level | met % | false: own budget %, in releases 1, 2, 4, 8, 12 | total | either, of claims |',
)
console.log('|---:|---:|---:|---|---|---|---:|---|---|---:|')
const SHOWN = [0, 1, 3, 7, 11]
for (const [n, budget] of [
  [1000, 0.02],
  [3000, 0.01],
] as const) {
  for (const since of [Number.POSITIVE_INFINITY, 6, 1]) {
    for (const world of Object.keys(worlds) as (keyof typeof worlds)[]) {
      for (const [aim, drops] of Object.entries(aims)) {
        if (aim === 'nearer' && since === Number.POSITIVE_INFINITY) continue
        for (const [name, rule] of Object.entries(rules)) {
          if (since === Number.POSITIVE_INFINITY && name !== 'full') continue
          const tallies = follow({ n, budget, since, world, rule, drops })
          const sum = (of: (tally: Tally) => number) => tallies.reduce((all, each) => all + of(each), 0)
          const at = (of: (tally: Tally) => number) =>
            SHOWN.map((place) => {
              const tally = itemAt(tallies, place, 'release')
              return percent(of(tally) / tally.tried)
            }).join(', ')
          console.log(
            `| ${n} | ${percent(budget)} | ${since === Number.POSITIVE_INFINITY ? 'none' : since} | ${world} | ${aim} | ${name} | ${percent(sum(({ met }) => met) / sum(({ tried }) => tried))} | ${at(({ wrongStep }) => wrongStep)} | ${at(({ wrongTotal }) => wrongTotal)} | ${percent(sum(({ wrong }) => wrong) / sum(({ met }) => met))} |`,
          )
        }
      }
    }
  }
}
