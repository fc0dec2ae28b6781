// Runs over a queue, disturbed: against the bits of one process. Needs redis-server; numbers in docs/many-machines.md.
// node scripts/run.mjs bench/many-machines.ts kills [kills, default 100] [runs, default 60] [workers, default 2]
// node scripts/run.mjs bench/many-machines.ts redis [seconds without the Redis, default 30] [runs, default 12]
// node scripts/run.mjs bench/many-machines.ts rate [runs, default 12] [workers, default 1,2]
import { buildCli } from '../test/cli.ts'
import { type Hands, sweep } from '../test/queue-sweep.ts'
import { hasRedis, openTestRedis } from '../test/redis.ts'

const [way = 'kills', ...numbers] = process.argv.slice(2)
if (!hasRedis()) process.exit(1)

const say = (line: string): void => console.error(line)
const tiny = ['--data', 'synthetic', '--limit', '60,20', '--hidden', '4', '--batch', '8']
const grid = (method: string, seeds: number, iterations: number) => [
  ...['split-mnist', '--scenario', 'class', '--method', method, '--seeds', `1..${seeds}`, ...tiny],
  ...['--iterations', String(iterations), '--checkpoint-every', '40'],
]

const cli = await buildCli()
const redis = await openTestRedis()
const common = { cli, redis, say }

async function kills(): Promise<boolean> {
  const [wanted = 100, runs = 60, workers = 2] = numbers.map(Number)
  const disturb = async ({ killAtWork, over, random }: Hands) => {
    for (let kill = 0; kill < wanted && !over(); kill++) await killAtWork(3 * random())
  }
  return told(await sweep({ ...common, grid: grid('none', runs, 1000), workers, lease: 5, disturb }))
}

async function withoutRedis(): Promise<boolean> {
  const [seconds = 30, runs = 12] = numbers.map(Number)
  const disturb = async ({ begun, wait }: Hands) => {
    await begun()
    await wait(5)
    await redis.stop()
    await wait(seconds)
    await redis.start()
  }
  return told(await sweep({ ...common, grid: grid('none', runs, 1000), workers: 2, lease: 30, disturb }))
}

function told(result: Awaited<ReturnType<typeof sweep>>): boolean {
  const { runs, kills: killed, lost, twice, different, seconds } = result
  console.log(
    `${runs} runs, ${killed} workers killed, ${seconds.toFixed(0)} s: ${lost.length} lost, ${twice.length} done twice, ${different.length} different.`,
  )
  for (const each of [...lost, ...twice, ...different]) say(each)
  return lost.length + twice.length + different.length === 0
}

/** Runs an hour with one worker of one run at a time, and with several. */
async function rate(): Promise<boolean> {
  const [runs = '12', workers = '1,2'] = numbers
  for (const crew of workers.split(',').map(Number)) {
    const large = [
      '--data',
      'synthetic',
      '--limit',
      '6000,1000',
      '--iterations',
      '500',
      '--hidden',
      '400,400',
    ]
    const result = await sweep({
      ...common,
      grid: ['split-mnist', '--scenario', 'class', '--method', 'none', '--seeds', `1..${runs}`, ...large],
      ...{ workers: crew, lease: 30, disturb: async () => undefined },
    })
    const hourly = (result.runs * 3600) / result.seconds
    console.log(
      `${crew} of one run at a time: ${result.runs} runs in ${result.seconds.toFixed(0)} s, ${hourly.toFixed(0)} an hour; ${result.different.length} different.`,
    )
  }
  return true
}

const ways = { kills, redis: withoutRedis, rate }
const run = ways[way as keyof typeof ways]
if (!run) throw new Error(`There is no way "${way}"; known are ${Object.keys(ways).join(', ')}.`)
try {
  process.exitCode = (await run()) ? 0 : 1
} finally {
  await redis.remove()
  cli.remove()
}
