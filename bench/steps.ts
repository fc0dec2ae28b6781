// Training steps against PyTorch on this machine: one thread each (or --threads), alternating, medians.
//   node scripts/run.mjs bench/steps.ts [--only article,mlp-400] [--rounds 7] [--python /usr/bin/python3] [--no-python] [--threads 2] [--device webgpu] [--plain] [--json]
import { parseArgs } from 'node:util'
import { type BenchStep, openStep, stepNames } from './bench-steps.ts'
import { machineRoof } from './roof.ts'
import { raced, startPeer } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    'no-python': { type: 'boolean', default: false },
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: '1' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const device = values.device === 'webgpu' ? 'webgpu' : 'cpu'
const engine = { device, threads: Number(values.threads), blocked: !values.plain } as const
const names = values.only ? values.only.split(',') : stepNames
const peer = values['no-python']
  ? undefined
  : await startPeer(values.python, { threads: Number(values.threads) })
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
  const { call, stepsPerCall } = step
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  const { mine, torch } = await raced({ call, stepsPerCall, name, peer, rounds, seconds })
  const gflops = step.flops / mine.wall / 1e6
  const row = {
    name,
    ms: mine.wall,
    processorMs: mine.processor,
    torchMs: torch?.wall ?? null,
    ratio: torch ? torch.wall / mine.wall : null,
    processorRatio: torch ? torch.processor / mine.processor : null,
    gflops,
    shareOfRoof: gflops / best,
    buildMs: step.buildMs,
  }
  if (!values.json) {
    const against = torch
      ? `PyTorch ${torch.wall.toFixed(3)} ms, ratio ${(torch.wall / mine.wall).toFixed(2)}, of processor time ${(torch.processor / mine.processor).toFixed(2)}`
      : ''
    console.log(
      `${name.padEnd(16)} ${mine.wall.toFixed(3)} ms/step (processor ${mine.processor.toFixed(3)})  ${gflops.toFixed(0)} GFLOP/s (${(100 * row.shareOfRoof).toFixed(0)} % of roof)  ${against}  built in ${step.buildMs.toFixed(0)} ms`,
    )
  }
  return row
}
