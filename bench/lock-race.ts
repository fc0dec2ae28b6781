/**
 * Processes that take one run folder at the same moment, over and over: how many held it at once.
 *
 *     node scripts/run.mjs bench/lock-race.ts [--rounds 3000] [--processes 8]
 */
import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { lockRace } from '../test/lock-race.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3000' },
    processes: { type: 'string', default: '8' },
  },
})
const [rounds, processes] = [Number(values.rounds), Number(values.processes)]
const { pid } = spawnSync(process.execPath, ['-e', ''])
const leftOvers = {
  'no lock': undefined,
  'lock of a dead process': JSON.stringify({ pid, host: hostname(), started: '1', nonce: 'gone' }),
  'unreadable lock': 'no lock',
}
let wrong = 0
for (const [name, leftOver] of Object.entries(leftOvers)) {
  const begun = performance.now()
  const { holders, refusals } = await lockRace({ rounds, processes, leftOver })
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  const counts = [...holders]
    .sort()
    .map(([count, times]) => `${count} holder${count === 1 ? '' : 's'}: ${times}`)
  const told = [...refusals].map(([code, times]) => `${code}: ${times}`)
  console.log(
    `${name}: ${rounds} rounds of ${processes} processes in ${seconds} s; ${[...counts, ...told].join(', ')}`,
  )
  wrong += rounds - (holders.get(1) ?? 0)
}
console.log(wrong === 0 ? 'Each round had one holder.' : `${wrong} rounds had none or more than one.`)
process.exitCode = wrong === 0 ? 0 : 1
