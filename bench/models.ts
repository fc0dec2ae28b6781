// Training steps of real architectures against PyTorch on this machine: one thread each (or --threads), alternating, medians (or --fastest of the rounds); beside them the
// share of the roof (FLOPs of products and convolutions, as `inspect` counts them), the peak of a process of its own, and what `inspect` says of it.
//   node scripts/run.mjs bench/models.ts [--only resnet18,vit] [--rounds 7] [--python /usr/bin/python3] [--no-python] [--no-memory] [--threads 2] [--fastest] [--plain] [--json]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { byteLengthOfAll } from '../src/tensor/bytes.ts'
import { ARCHITECTURES, architecture, architectureCost, architectures, exportedTo } from './architectures.ts'
import { type OwnPeak, ownPeak, peaksOf } from './peaks.ts'
import { bestOf, machineRoof, roofText } from './roof.ts'
import { ofRounds, type Peer, raced, type Seconds, startPeer } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    'no-python': { type: 'boolean', default: false },
    'no-memory': { type: 'boolean', default: false },
    models: { type: 'string' },
    memory: { type: 'string' },
    threads: { type: 'string', default: '1' },
    plain: { type: 'boolean', default: false },
    fastest: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const folder = values.models ?? mkdtempSync(join(tmpdir(), 'holdfast-models-'))
const threads = Number(values.threads)
const of = ofRounds(values.fastest)
try {
  exportedTo(folder, values.python)
  if (values.memory) console.log(JSON.stringify(await ownMemory(values.memory)))
  else await compareAll()
} finally {
  if (!values.models) rmSync(folder, { recursive: true })
}

async function openStep(name: string) {
  const engine = ortNode({ threads, blocked: !values.plain })
  const prepare = architecture(name, folder, await engine.channelBlock?.())
  const began = performance.now()
  const step = prepare()
  const built = performance.now()
  const program = await loadProgram(engine, step.model, step.slots, step.initial)
  const loaded = performance.now()
  return {
    nodes: step.nodes,
    stepsPerCall: step.stepsPerCall,
    buildMs: built - began,
    loadMs: loaded - built,
    fedBytes: byteLengthOfAll(step.feeds.values()),
    call: async () => {
      const loss = (await program.run(step.feeds)).get('loss')
      const all = loss ? [...(loss.data as Float32Array)] : []
      // A benchmark of wrong work is none.
      if (all.length === 0 || !all.every(Number.isFinite)) throw new Error(`${name}: the loss is [${all}].`)
    },
    dispose: () => program.dispose(),
  }
}

async function compareAll(): Promise<void> {
  // Before the peer, which takes two seconds of a core to start.
  const roof = await machineRoof({ threads }, of)
  const peer = values['no-python']
    ? undefined
    : await startPeer(values.python, { script: ARCHITECTURES, threads })
  if (!values.json) console.log(roofText(roof))
  const rows = []
  for (const name of values.only ? values.only.split(',') : architectures) {
    const timed = await compare(name, peer, bestOf(roof))
    const row = { ...timed, ...(values['no-memory'] ? {} : await memories(name)) }
    rows.push(row)
    if (!values.json) console.log(Object.entries(row).map(told).join('  '))
  }
  await peer?.close()
  if (values.json) console.log(JSON.stringify({ roof, rows }))
}

function told([key, value]: [string, number | string]): string {
  return typeof value === 'string'
    ? value.padEnd(24)
    : `${key} ${value.toFixed(/ratio|share/i.test(key) ? 2 : 0)}`
}

async function compare(name: string, peer: Peer | undefined, best: number) {
  const step = await openStep(name)
  const { call, stepsPerCall, nodes, buildMs, loadMs } = step
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  const { mine, torch } = await raced({ call, stepsPerCall, name, peer, rounds, seconds, of })
  await step.dispose()
  const gflops = architectureCost(name, folder).productFlops / mine.wall / 1e6
  return {
    name,
    ms: mine.wall,
    processorMs: mine.processor,
    ...(torch && against(mine, torch)),
    gflops,
    shareOfRoof: gflops / best,
    nodes,
    buildMs,
    loadMs,
  }
}

function against(mine: Seconds, torch: Seconds) {
  return {
    torchMs: torch.wall,
    ratio: torch.wall / mine.wall,
    processorRatio: torch.processor / mine.processor,
  }
}

function memories(name: string) {
  const settings = ['--threads', values.threads, ...(values.plain ? ['--plain'] : [])]
  const torch = values['no-python'] ? undefined : [values.python, ARCHITECTURES, '--memory', name]
  return peaksOf(['--memory', name, '--models', folder, ...settings], torch, threads)
}

async function ownMemory(name: string): Promise<OwnPeak & { readonly name: string }> {
  const step = await openStep(name)
  for (let call = 0; call < 2; call++) await step.call()
  await step.dispose()
  return { name, ...ownPeak(() => architectureCost(name, folder), step.fedBytes) }
}
