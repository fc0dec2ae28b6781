// Training steps of real architectures against PyTorch on this machine: one thread each, alternating, medians.
//   node scripts/run.mjs bench/models.ts [--only resnet18,vit] [--rounds 7] [--python /usr/bin/python3] [--no-python] [--no-memory] [--json]
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { median } from '../src/measure/statistics.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { adam, sgd } from '../src/train/step/optimisers.ts'
import { buildModelStep, type ModelStepOptions } from './model-step.ts'
import { type Peer, startPeer } from './torch-peer.ts'

const SCRIPT = 'bench/reference/models.py'

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
    json: { type: 'boolean', default: false },
  },
})

const images = { batch: [16, 3, 64, 64], optimiser: sgd({ momentum: 0.9 }), decay: 0 }
const tokens = { batch: [16, 64], optimiser: adam(), decay: 0.01 }
type Settings = Omit<ModelStepOptions, 'model' | 'stepsPerCall'> & { readonly file: string }
const steps: Readonly<Record<string, Settings>> = {
  resnet18: { file: 'resnet18', ...images, statistics: false },
  'resnet18-statistics': { file: 'resnet18', ...images, statistics: true },
  'mobilenet-v2': { file: 'mobilenet-v2', ...images, statistics: false },
  'mobilenet-v2-statistics': { file: 'mobilenet-v2', ...images, statistics: true },
  vit: { file: 'vit', ...images, optimiser: adam(), decay: 0.01, statistics: false },
  'bert-mini': { file: 'bert-mini', ...tokens, vocabulary: 30522, statistics: false },
  lstm: { file: 'lstm', ...tokens, vocabulary: 5000, statistics: false },
}
const STEPS_PER_CALL = 4

const folder = values.models ?? mkdtempSync(join(tmpdir(), 'holdfast-models-'))
const environment = { ...process.env, OMP_NUM_THREADS: '1' }
try {
  if (!existsSync(join(folder, 'resnet18.onnx')))
    execFileSync(values.python, [SCRIPT, '--export', folder], { env: environment, stdio: 'ignore' })
  if (values.memory) console.log(JSON.stringify(await ownMemory(values.memory)))
  else await compareAll()
} finally {
  if (!values.models) rmSync(folder, { recursive: true })
}

async function openStep(name: string) {
  const settings = steps[name]
  if (!settings) throw new Error(`No step is called "${name}"; there are ${Object.keys(steps).join(', ')}.`)
  const bytes = readFileSync(join(folder, `${settings.file}.onnx`))
  const model = modelFromOnnx(bytes, { batchNorm: settings.statistics ? 'train' : 'fixed' })
  const began = performance.now()
  const step = buildModelStep({ ...settings, model, stepsPerCall: STEPS_PER_CALL })
  const built = performance.now()
  const program = await loadProgram(ortNode({ threads: 1 }), step.bytes, step.slots, step.initial)
  const loaded = performance.now()
  return {
    nodes: step.nodes,
    buildMs: built - began,
    loadMs: loaded - built,
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
  const peer = values['no-python'] ? undefined : await startPeer(values.python, SCRIPT)
  const rows = []
  for (const name of values.only ? values.only.split(',') : Object.keys(steps)) {
    const row = { ...(await compare(name, peer)), ...(values['no-memory'] ? {} : await memories(name)) }
    rows.push(row)
    if (!values.json) console.log(Object.entries(row).map(told).join('  '))
  }
  await peer?.close()
  if (values.json) console.log(JSON.stringify({ rows }))
}

function told([key, value]: [string, number | string]): string {
  return typeof value === 'string' ? value.padEnd(24) : `${key} ${value.toFixed(key === 'ratio' ? 2 : 0)}`
}

async function compare(name: string, peer: Peer | undefined) {
  const step = await openStep(name)
  const calls = Math.max(1, Math.round(Number(values.seconds) / (await timed(step.call, 1))))
  const theirs: number[] = []
  const ours: number[] = []
  const theirSteps = peer ? Math.max(1, Math.round(Number(values.seconds) / (await peer.run(name, 1)))) : 0
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(((await timed(step.call, calls)) * 1000) / (calls * STEPS_PER_CALL))
    if (peer) theirs.push((await peer.run(name, theirSteps)) * 1000)
  }
  await step.dispose()
  const ms = median(ours)
  const { nodes, buildMs, loadMs } = step
  const against = peer ? { torchMs: median(theirs), ratio: median(theirs) / ms } : {}
  return { name, ms, ...against, nodes, buildMs, loadMs }
}

/** Seconds of `calls` calls. */
async function timed(call: () => Promise<void>, calls: number): Promise<number> {
  const began = performance.now()
  for (let at = 0; at < calls; at++) await call()
  return (performance.now() - began) / 1000
}

/** Each contestant in a process of its own: the most memory it ever held (VmHWM). */
async function memories(name: string): Promise<{ peakMiB: number; torchPeakMiB?: number }> {
  const peak = async (command: string, args: readonly string[]): Promise<number> => {
    const { stdout } = await promisify(execFile)(command, args, { env: environment })
    return (JSON.parse(stdout) as { peakMiB: number }).peakMiB
  }
  const self = process.argv[1] ?? ''
  const peakMiB = await peak(process.execPath, [self, '--memory', name, '--models', folder])
  if (values['no-python']) return { peakMiB }
  return { peakMiB, torchPeakMiB: await peak(values.python, [SCRIPT, '--memory', name]) }
}

async function ownMemory(name: string): Promise<{ name: string; peakMiB: number }> {
  const step = await openStep(name)
  for (let call = 0; call < 2; call++) await step.call()
  await step.dispose()
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return { name, peakMiB: Number(peak?.[1]) / 1024 }
}
