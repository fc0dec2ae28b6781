// Training steps against PyTorch on this machine: one thread each, alternating, medians.
//   node scripts/run.mjs bench/steps.ts [--only article,mlp-400] [--rounds 7] [--python /usr/bin/python3] [--no-python] [--device webgpu] [--json]
import { parseArgs } from 'node:util'
import { median } from '../src/measure/statistics.ts'
import { type BenchStep, openStep, stepNames } from './bench-steps.ts'
import { machineRoof } from './roof.ts'
import { startPeer } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    'no-python': { type: 'boolean', default: false },
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})

const device = values.device === 'webgpu' ? 'webgpu' : 'cpu'
const engine = { device, threads: Number(values.threads) } as const
const names = values.only ? values.only.split(',') : stepNames
const peer = values['no-python'] ? undefined : await startPeer(values.python)
const roof = await machineRoof(engine)
if (!values.json)
  console.log(`roof: ${roof.map(({ shape, gflops }) => `${shape} ${gflops.toFixed(0)}`).join(', ')} GFLOP/s`)
const best = Math.max(...roof.map(({ gflops }) => gflops))

const rows = []
for (const name of names) {
  const step = await openStep(name, engine)
  rows.push(await compare(name, step))
  await step.dispose()
}
await peer?.close()
if (values.json) console.log(JSON.stringify({ roof, rows }))

async function compare(name: string, step: BenchStep) {
  const perCall = step.stepsPerCall
  const once = await timed(step, 1)
  const calls = Math.max(1, Math.round(Number(values.seconds) / once))
  const theirSteps = peer ? Math.max(1, Math.round(Number(values.seconds) / (await peer.run(name, 1)))) : 0
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(((await timed(step, calls)) * 1000) / (calls * perCall))
    if (peer) theirs.push((await peer.run(name, theirSteps)) * 1000)
  }
  const ms = median(ours)
  const torch = peer ? median(theirs) : undefined
  const gflops = step.flops / ms / 1e6
  const row = {
    name,
    ms,
    torchMs: torch ?? null,
    ratio: torch ? torch / ms : null,
    gflops,
    shareOfRoof: gflops / best,
    buildMs: step.buildMs,
  }
  if (!values.json) {
    const against = torch ? `PyTorch ${torch.toFixed(3)} ms, ratio ${(torch / ms).toFixed(2)}` : ''
    console.log(
      `${name.padEnd(16)} ${ms.toFixed(3)} ms/step  ${gflops.toFixed(0)} GFLOP/s (${(100 * row.shareOfRoof).toFixed(0)} % of roof)  ${against}  built in ${step.buildMs.toFixed(0)} ms`,
    )
  }
  return row
}

/** Seconds of `calls` calls. */
async function timed(step: BenchStep, calls: number): Promise<number> {
  const began = performance.now()
  for (let call = 0; call < calls; call++) await step.call()
  return (performance.now() - began) / 1000
}
