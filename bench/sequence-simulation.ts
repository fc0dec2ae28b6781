// How often the proof of an update is wrong, and what it lets through: candidates of known drop are drawn, put in an order, and tested on
// the same rows up to the first that fails, as `take` does. First one release at the border; then twelve releases that are proved on the
// same rows, each from the model that the last one shipped; then the same beside the procedure before it, which divided the rows.
//   node scripts/run.mjs bench/sequence-simulation.ts [--draws 4000] [--chains 1000] [--seed 1] [--only release|twelve|division]
import { parseArgs } from 'node:util'
import { dropTail, type PairedCounts } from '../src/measure/drop-test.ts'
import { normalQuantile } from '../src/measure/statistics.ts'
import { itemAt } from '../src/required.ts'
import { type Claim, proveInOrder, settle } from '../src/update/path/index.ts'
import { levelFor } from '../src/update/path/reuse.ts'
import { below, binomial, LOST, RIGHT, seed, shuffled, thresholds, WON, worlds } from './sequence-rows.ts'

const { values } = parseArgs({
  options: {
    draws: { type: 'string', default: '4000' },
    chains: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
const draws = Number(values.draws)
const chains = Number(values.chains)
const LEVEL = 0.05
const percent = (share: number, digits = 1): string => (100 * share).toFixed(digits)
const errorOf = (share: number, count: number): number => Math.sqrt((share * (1 - share)) / count)

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
    drops: [...shuffled([...(drops[count] ?? [])])],
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
  const guesses = counts.map((_, at) => ({ trial: 0, alpha: at, offset: 0, loss: at, gain: at, new: at }))
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

async function oneRelease(): Promise<void> {
  console.log(`One release at the border, ${draws.toLocaleString('en-US')} draws each: false claims in %.\n`)
  console.log('| n | budget % | candidates | order | met % | false % | were all tested % |')
  console.log('|---:|---:|---:|---|---:|---:|---:|')
  let checked = 0
  /** What false claims came to, by candidates and order, over all n and budgets. */
  const worst = new Map<string, { wrong: number; naive: number }>()
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
          const before = worst.get(`${count} | ${name}`) ?? { wrong: 0, naive: 0 }
          worst.set(`${count} | ${name}`, {
            wrong: Math.max(before.wrong, wrong / draws),
            naive: Math.max(before.naive, naive / draws),
          })
          console.log(
            `| ${n} | ${percent(budget)} | ${count} | ${name} | ${percent(met / draws)} | ${percent(wrong / draws, 2)} | ${percent(naive / draws)} |`,
          )
        }
      }
    }
  }
  console.log(
    `\nThe most of all n and budgets; standard error of a share of ${percent(LEVEL)} %: ${percent(errorOf(LEVEL, draws), 2)} points. In ${checked.toLocaleString('en-US')} draws proveInOrder and settle were asked, too, and said the same.\n`,
  )
  console.log('| candidates | order | false %, most | were all tested %, most |')
  console.log('|---:|---|---:|---:|')
  for (const [name, { wrong, naive }] of worst) {
    console.log(`| ${name} | ${percent(wrong, 2)} | ${percent(naive)} |`)
  }
  console.log()
}

// Twelve releases on the same rows.

const RELEASES = 12

/** The level of the drop since the first release, by what was proved on the rows before. */
const rules = {
  full: () => LEVEL,
  'lower on used rows': (uses: number) => levelFor(LEVEL, uses),
} as const satisfies Record<string, (uses: number) => number>

const eight = [0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25]
const many = Array.from({ length: 48 }, (_, at) => (at + 1) / 40)
/** Drops of the candidates of a release, in its budget; `left` is what is truly left of the budget since the first. */
const aims = {
  '8, at the budget of the release': () => eight,
  '8, at the nearer budget': (left: number) => towards(eight, left),
  '48, at the nearer budget': (left: number) => towards(many, left),
} as const satisfies Record<string, (left: number) => readonly number[]>
const towards = (shares: readonly number[], left: number): number[] =>
  shares.map((share) => share * Math.max(0.05, Math.min(1, left)))

interface Chain {
  readonly n: number
  readonly budget: number
  /** Budget since the first release, in budgets of a release; undefined where there is none. */
  readonly since: number | undefined
  readonly world: keyof typeof worlds
  readonly rule: keyof typeof rules
  readonly aim: keyof typeof aims
}

/** Releases that were tried, that were called met, and that were so falsely: by their own drop, by that since the first. */
interface Tally {
  tried: number
  met: number
  own: number
  total: number
}

/** One tally for each release. The rows have been used by the releases that were shipped, as a pack counts them. */
function follow({ n, budget, since, world, rule, aim }: Chain): Tally[] {
  const tallies = Array.from({ length: RELEASES }, (): Tally => ({ tried: 0, met: 0, own: 0, total: 0 }))
  const limit = (since ?? 1) * budget
  for (let chain = 0; chain < chains; chain++) {
    const rows = worlds[world](n, budget)
    let uses = 0
    for (const tally of tallies) {
      const left = since === undefined ? 1 : (limit - rows.lost()) / budget
      const offered = rows.offer(aims[aim](left).map((drop) => drop * budget))
      const passes = offered.map(
        ({ step, total }) =>
          tailOf(step, budget) <= LEVEL && (since === undefined || tailOf(total, limit) <= rules[rule](uses)),
      )
      const taken = offered[lastProven(passes)]
      tally.tried++
      if (!taken) continue
      tally.met++
      if (taken.trueStep >= budget - 1e-9) tally.own++
      if (since !== undefined && taken.trueTotal >= limit - 1e-9) tally.total++
      taken.ship()
      uses++
    }
  }
  return tallies
}

const sizes = [
  ...[0.02, 0.05].map((budget) => ({ n: 300, budget })),
  ...[0.005, 0.02].map((budget) => ({ n: 1000, budget })),
  ...[0.005, 0.01].map((budget) => ({ n: 3000, budget })),
  ...[0.005, 0.02].map((budget) => ({ n: 10_000, budget })),
]
const SHOWN = [0, 1, 3, 7, 11]

function twelveReleases(): void {
  console.log(
    `Twelve releases on the same rows, ${chains.toLocaleString('en-US')} chains for each of ${sizes.length} pairs of n and budget (${sizes.map(({ n, budget }) => `${n} at ${percent(budget)}`).join(', ')} %). Chance of a false claim in %, the most of the pairs, in releases 1, 2, 4, 8 and 12. Standard error of a share of ${percent(LEVEL)} %: ${percent(errorOf(LEVEL, chains), 2)} points.\n`,
  )
  console.log(
    '| budget in all | rows that flip | candidates | level in all | met % | own drop | drop in all | false, of all claims % |',
  )
  console.log('|---|---|---|---|---:|---|---|---:|')
  for (const since of [undefined, 3, 1]) {
    for (const world of Object.keys(worlds) as (keyof typeof worlds)[]) {
      for (const aim of Object.keys(aims) as (keyof typeof aims)[]) {
        const own = aim === '8, at the budget of the release'
        if (own !== (since === undefined)) continue
        for (const rule of Object.keys(rules) as (keyof typeof rules)[]) {
          if (since === undefined && rule !== 'full') continue
          const found = sizes.map((size) => follow({ ...size, since, world, aim, rule }))
          const sum = (of: (tally: Tally) => number) =>
            found.flat().reduce((all, tally) => all + of(tally), 0)
          const most = (of: (tally: Tally) => number) =>
            SHOWN.map((release) =>
              percent(
                Math.max(
                  ...found.map((tallies) => {
                    const tally = itemAt(tallies, release, 'release')
                    return of(tally) / tally.tried
                  }),
                ),
              ),
            ).join(', ')
          const wrong = sum(({ own, total }) => Math.max(own, total)) / sum(({ met }) => met)
          console.log(
            `| ${since ?? 'none'} | ${world} | ${aim} | ${rule} | ${percent(sum(({ met }) => met) / sum(({ tried }) => tried), 0)} | ${most(({ own }) => own)} | ${since === undefined ? '' : most(({ total }) => total)} | ${percent(wrong)} |`,
          )
        }
      }
    }
  }
}

// Beside the procedure before this one, which chose a candidate on 40 % of the rows and checked it on the others.

/** New accuracy that goes with a true drop: half at 2 points, 71 % at 5. */
const gainOf = (drop: number): number => drop / (drop + 0.02)

/** The candidate that was worth most on the rows that chose, and whether the others confirmed it. */
function divided(
  choosing: readonly PairedCounts[],
  checking: readonly PairedCounts[],
  gains: readonly number[],
  budget: number,
) {
  const worth = choosing.map((counts, at) => {
    const { negative, positive, total } = counts
    const drop = (negative - positive) / total
    const rows = itemAt(checking, at, 'candidate').total
    const variance = Math.max(0, (negative + positive + 1) / total - drop * drop)
    const bound =
      drop +
      normalQuantile(1 - LEVEL) * Math.sqrt(variance / rows) +
      normalQuantile(0.8) * Math.sqrt(variance / rows + variance / total)
    const assurance = bound <= budget ? 1 : tailOf(counts, budget) <= LEVEL || drop <= budget / 2 ? 0.5 : 0
    return assurance * itemAt(gains, at, 'candidate')
  })
  const at = worth.indexOf(Math.max(...worth))
  return {
    at,
    met: itemAt(worth, at, 'candidate') > 0 && tailOf(itemAt(checking, at, 'candidate'), budget) <= LEVEL,
  }
}

function besideTheDivision(): void {
  console.log(
    `\nOne release, 32 candidates of true drops from 0.1 to 3 budgets on one path, new accuracy drop / (drop + 2 points), ${draws.toLocaleString('en-US')} draws each. Best: the largest drop that is truly inside.\n`,
  )
  console.log(
    '| n | budget % | met %: divided, in order | new % where met: divided, in order | new %, 0 where not: divided, in order, best | false %: divided, in order |',
  )
  console.log('|---:|---:|---|---|---|---|')
  const path: Plan = {
    drops: Array.from({ length: 32 }, (_, at) => 0.1 + (2.9 * at) / 31),
    rungs: new Array<number>(32).fill(0),
  }
  for (const n of [300, 1000, 3000, 10_000]) {
    for (const budget of [0.005, 0.01, 0.02, 0.05]) {
      const gains = path.drops.map((drop) => gainOf(drop * budget))
      const best = Math.max(...gains.filter((_, at) => itemAt(path.drops, at, 'drop') < 1))
      const before = { met: 0, gained: 0, wrong: 0 }
      const now = { met: 0, gained: 0, wrong: 0 }
      for (let draw = 0; draw < draws; draw++) {
        const few = Math.round(0.4 * n)
        const [choosing, checking] = [drawn(path, few, budget), drawn(path, n - few, budget)]
        const all = choosing.map((each, at) => joined(each, itemAt(checking, at, 'candidate')))
        const older = divided(choosing, checking, gains, budget)
        const newer = lastProven(all.map((each) => tailOf(each, budget) <= LEVEL))
        for (const [sums, at] of [
          [before, older.met ? older.at : -1],
          [now, newer],
        ] as const) {
          if (at < 0) continue
          sums.met++
          sums.gained += itemAt(gains, at, 'candidate')
          if (itemAt(path.drops, at, 'drop') >= 1) sums.wrong++
        }
      }
      const both = (of: (sums: typeof now) => number, digits = 0) =>
        [before, now].map((sums) => percent(of(sums), digits)).join(', ')
      console.log(
        `| ${n} | ${percent(budget)} | ${both(({ met }) => met / draws)} | ${both(({ met, gained }) => (met === 0 ? 0 : gained / met))} | ${both(({ gained }) => gained / draws)}, ${percent(best, 0)} | ${both(({ wrong }) => wrong / draws, 1)} |`,
      )
    }
  }
}

function joined(a: PairedCounts, b: PairedCounts): PairedCounts {
  return {
    negative: a.negative + b.negative,
    positive: a.positive + b.positive,
    total: a.total + b.total,
  }
}

const parts = { release: oneRelease, twelve: twelveReleases, division: besideTheDivision }
for (const [name, part] of Object.entries(parts)) {
  if (values.only !== undefined && values.only !== name) continue
  seed(Number(values.seed))
  await part()
}
