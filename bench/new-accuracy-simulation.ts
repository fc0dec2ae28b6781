// How much too good the new accuracy of the candidate that is taken is on the rows that candidates were compared on, and cross-fitted:
// node scripts/run.mjs bench/new-accuracy-simulation.ts --draws 200
import { parseArgs } from 'node:util'
import { mean, sem } from '../src/measure/statistics.ts'
import { drawnUpdate } from '../test/new-accuracy.ts'

const { values } = parseArgs({ options: { draws: { type: 'string', default: '200' } } })
const draws = Number(values.draws)
const percent = (share: number): string => (100 * share).toFixed(2)

console.log(
  '| new rows | true % | as chosen: too good by | cross-fitted: too good by | its interval holds the truth % | s |',
)
console.log('|---:|---:|---:|---:|---:|---:|')
for (const n of [50, 200, 1000]) {
  const began = performance.now()
  const [truths, chosen, fitted]: [number[], number[], number[]] = [[], [], []]
  let held = 0
  for (let draw = 0; draw < draws; draw++) {
    const found = await drawnUpdate(draw, n)
    if (!found) continue
    const { announced, truth, crossFitted } = found
    truths.push(truth)
    chosen.push(announced - truth)
    fitted.push(crossFitted.after - truth)
    if (crossFitted.lower <= truth && truth <= crossFitted.upper) held++
  }
  const off = (values: readonly number[]) => `${percent(mean(values))} ± ${percent(sem(values) ?? 0)}`
  console.log(
    `| ${n} | ${percent(mean(truths))} | ${off(chosen)} | ${off(fitted)} | ${percent(held / truths.length)} | ${((performance.now() - began) / 1000).toFixed(0)} |`,
  )
}
