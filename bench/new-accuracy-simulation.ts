// How much too good the new accuracy of the candidate that is taken is on the rows that candidates were compared on, and cross-fitted:
// node scripts/run.mjs bench/new-accuracy-simulation.ts --draws 200
import { parseArgs } from 'node:util'
import { mean, sem } from '../src/measure/statistics.ts'
import { wilson } from '../src/measure/wilson.ts'
import { itemAt } from '../src/required.ts'
import { type Announced, drawnUpdate } from '../test/new-accuracy.ts'

const { values } = parseArgs({
  options: {
    draws: { type: 'string', default: '200' },
    rows: { type: 'string', default: '50,200,1000' },
    first: { type: 'string', default: '0' },
  },
})
const draws = Number(values.draws)
const first = Number(values.first)
const percent = (share: number): string => (100 * share).toFixed(2)

/** The mean, less what the luck of the rows explains of it, and its standard error: luck is 0 on average, as nobody chose by it. */
function adjusted(values: readonly number[], luck: readonly number[]): string {
  const [centre, middle] = [mean(values), mean(luck)]
  const product = mean(values.map((value, at) => (value - centre) * (itemAt(luck, at, 'draw') - middle)))
  const slope = product / mean(luck.map((value) => (value - middle) ** 2))
  const rest = values.map((value, at) => value - slope * itemAt(luck, at, 'draw'))
  return `${percent(mean(rest))} ± ${percent(sem(rest) ?? 0)}`
}

console.log(
  "| new rows | true % | as chosen: too good by | cross-fitted: too good by | its interval holds the truth % | Wilson's for all rows % | s |",
)
console.log('|---:|---:|---:|---:|---:|---:|---:|')
for (const n of values.rows.split(',').map(Number)) {
  const began = performance.now()
  const found: Announced[] = []
  for (let draw = 0; draw < draws; draw++) {
    const drawn = await drawnUpdate(first + draw, n)
    if (drawn) found.push(drawn)
  }
  const off = (figure: (drawn: Announced) => number) =>
    adjusted(
      found.map((drawn) => figure(drawn) - drawn.truth),
      found.map(({ luck }) => luck),
    )
  const plain = found.filter(({ truth, crossFitted: { after } }) => {
    const { lower, upper } = wilson(Math.round(after * n), n)
    return lower <= truth && truth <= upper
  })
  const held = found.filter(({ truth, crossFitted: { lower, upper } }) => lower <= truth && truth <= upper)
  console.log(
    `| ${n} | ${percent(mean(found.map(({ truth }) => truth)))} | ${off(({ announced }) => announced)} | ${off(({ crossFitted }) => crossFitted.after)} | ${percent(held.length / found.length)} | ${percent(plain.length / found.length)} | ${((performance.now() - began) / 1000).toFixed(0)} |`,
  )
}
