// Runs killed with SIGKILL at random moments and resumed: their final parameters against those of runs left alone.
// node scripts/run.mjs bench/kill-and-resume.ts [runs, default 50] [seed, default 1]
import { methodEntries } from '../src/methods/registry.ts'
import { killAndResume } from '../test/kill-and-resume.ts'

const [runs = '50', seed = '1'] = process.argv.slice(2)
const methods = [...methodEntries.map(({ name }) => name), 'ewc+replay']
const results = await killAndResume({
  runs: Number(runs),
  methods,
  scenario: 'task',
  kills: 2,
  seed: Number(seed),
  say: (line) => console.error(line),
})
const equal = results.filter(({ expected, found }) => expected === found).length
const kills = results.reduce((sum, result) => sum + result.kills, 0)
console.log(
  `${equal} of ${results.length} runs, killed ${kills} times in all, ended in the same parameters as runs left alone.`,
)
process.exitCode = equal === results.length ? 0 : 1
