// Training steps against PyTorch on this machine: one thread each (or --threads), alternating, medians (or --fastest of the rounds).
//   node scripts/run.mjs bench/steps.ts [--only article,mlp-400] [--rounds 7] [--python /usr/bin/python3] [--no-python] [--threads 2] [--device webgpu] [--fastest] [--plain] [--json]
//   node scripts/run.mjs bench/steps.ts --memory [--only article,mlp-400] [--threads 2] [--no-python] [--json]     the peak of a process of its own instead, PyTorch's, and what `inspect` says
import { parseArgs } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { byteLengthOfAll } from '../src/tensor/bytes.ts'
import { type BenchStep, openStep, prepareStep, rowsAsInTorch, stepCost, stepNames } from './bench-steps.ts'
import { type OwnPeak, ownPeak, peaksOf } from './peaks.ts'
import { bestOf, machineRoof, roofText } from './roof.ts'
import { ofRounds, type Peer, raced, STEPS, startPeer } from './torch-peer.ts'

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
    fastest: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    child: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

const device = values.device === 'webgpu' ? 'webgpu' : 'cpu'
const of = ofRounds(values.fastest)
const engine = { device, threads: Number(values.threads), blocked: !values.plain } as const
const names = values.only ? values.only.split(',') : stepNames
if (values.child) console.log(JSON.stringify(await ownMemory(values.child)))
else if (values.memory) await compareMemory()
else await compareAll()

async function compareAll(): Promise<void> {
  const { threads } = engine
  // Before the peer, which takes two seconds of a core to start.
  const roof = await machineRoof(engine, of)
  const peer = values['no-python'] ? undefined : await startPeer(values.python, { threads })
  if (!values.json) console.log(roofText(roof))
  const rows = []
  for (const name of names) {
    const step = await openStep(name, engine)
    rows.push(await compare(name, step, { peer, best: bestOf(roof) }))
    await step.dispose()
  }
  await peer?.close()
  if (values.json) console.log(JSON.stringify({ roof, rows }))
}

async function compareMemory(): Promise<void> {
  const settings = ['--threads', values.threads, ...(values.plain ? ['--plain'] : [])]
  const rows = []
  for (const name of names) {
    const torch = values['no-python'] ? undefined : [values.python, STEPS, '--memory', name]
    const row = { name, ...(await peaksOf(['--child', name, ...settings], torch, engine.threads)) }
    rows.push(row)
    const told = Object.entries(row).map(([key, value]) =>
      typeof value === 'string' ? value.padEnd(16) : `${key} ${value.toFixed(key === 'memoryRatio' ? 2 : 0)}`,
    )
    if (!values.json) console.log(told.join('  '))
  }
  if (values.json) console.log(JSON.stringify({ rows }))
}

async function ownMemory(name: string): Promise<OwnPeak & { readonly name: string }> {
  const step = await prepareStep(name, engine, rowsAsInTorch(name))
  const program = await loadProgram(ortNode(engine), step.model, step.slots, step.initial)
  for (let call = 0; call < 2; call++) await program.run(step.feeds)
  await program.dispose()
  return { name, ...ownPeak(() => stepCost(name), byteLengthOfAll(step.feeds.values())) }
}

async function compare(
  name: string,
  step: BenchStep,
  { peer, best }: { readonly peer: Peer | undefined; readonly best: number },
) {
  const { call, stepsPerCall } = step
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  const { mine, torch } = await raced({ call, stepsPerCall, name, peer, rounds, seconds, of })
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
