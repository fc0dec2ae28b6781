// What frozen parts cost: of exported models the trunk's inference by the runtime alone, and steps that train the head, the last two layers, and
// all; milliseconds, in turns, medians.
//   node scripts/run.mjs bench/frozen.ts [--only resnet18,vit] [--rounds 7] [--seconds 0.5] [--threads 2] [--plain] [--models FOLDER] [--python /usr/bin/python3] [--json]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { median } from '../src/measure/statistics.ts'
import { parseSelection } from '../src/model/adapters/index.ts'
import { requireHead } from '../src/model/heads/index.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { nodesBehind } from '../src/onnx/walk.ts'
import { required } from '../src/required.ts'
import { architecture, architectureModel, exportedTo } from './architectures.ts'
import { timed } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'resnet18,vit' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.5' },
    threads: { type: 'string', default: '1' },
    plain: { type: 'boolean', default: false },
    models: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
  },
})
const engine = ortNode({ threads: Number(values.threads), blocked: !values.plain })
const selections = ['head', 'last:2', 'all'] as const

interface Contestant {
  readonly name: string
  readonly call: () => Promise<void>
  readonly dispose: () => Promise<void>
}

const folder = values.models ?? mkdtempSync(join(tmpdir(), 'holdfast-models-'))
try {
  exportedTo(folder, values.python)
  const rows = []
  for (const name of values.only.split(',')) rows.push(await compared(name))
  if (values.json) console.log(JSON.stringify(rows))
  else tell(rows)
} finally {
  if (!values.models) rmSync(folder, { recursive: true })
}

async function compared(name: string) {
  const contestants = [await trunk(name)]
  for (const selection of selections) contestants.push(await stepOf(name, selection))
  const turns = []
  for (const { name: called, call } of contestants) {
    await call()
    const calls = Math.max(1, Math.round(Number(values.seconds) / (await timed(call, 1)).wall))
    turns.push({ called, call, calls, wall: [] as number[], processor: [] as number[] })
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { call, calls, wall, processor } of turns) {
      const took = await timed(call, calls)
      wall.push((1000 * took.wall) / calls)
      processor.push((1000 * took.processor) / calls)
    }
  }
  for (const { dispose } of contestants) await dispose()
  const ms = turns.map(({ called, wall, processor }) => ({
    ...{ called, ms: median(wall), processorMs: median(processor) },
  }))
  return { name, ms }
}

/** What the head reads, by the file's own nodes with constant weights. */
async function trunk(name: string): Promise<Contestant> {
  const model = architectureModel(name, folder)
  const session = await engine.load(encodeGraph(below(model), { opsets: model.opsets }))
  const { feeds } = architecture(name, folder)()
  const batches = required(feeds, 'batches', 'input')
  const batch = new Map([[model.input.name, { ...batches, dims: batches.dims.slice(1) }]])
  return {
    name: 'trunk, inference',
    call: async () => {
      await session.run(batch)
    },
    dispose: () => session.dispose(),
  }
}

function below({ graph, parameters, buffers, ...model }: Model) {
  const { features } = requireHead({ graph, parameters, buffers, ...model })
  const { nodes, read } = nodesBehind(graph.nodes, [features])
  const weights = [...graph.initializers, ...parameters, ...buffers].filter(([key]) => read.has(key))
  return {
    ...{ name: 'trunk', nodes, inputs: [model.input], initializers: new Map(weights) },
    outputs: [{ name: features, type: 'float32' as const, dims: undefined }],
  }
}

async function stepOf(name: string, selection: (typeof selections)[number]): Promise<Contestant> {
  const block = await engine.channelBlock?.()
  const step = architecture(name, folder, block, parseSelection(selection))()
  const program = await loadProgram(engine, step.model, step.slots, step.initial)
  return {
    name: `step, ${selection}`,
    call: async () => {
      await program.run(step.feeds)
    },
    dispose: () => program.dispose(),
  }
}

function tell(rows: readonly Awaited<ReturnType<typeof compared>>[]): void {
  const titles = rows[0]?.ms.map(({ called }) => called) ?? []
  console.log(`| ms (of the processor) | ${titles.join(' | ')} | head / trunk | head / all |`)
  console.log(`|---|${'---:|'.repeat(titles.length + 2)}`)
  for (const { name, ms } of rows) {
    const [first, head] = ms
    const all = ms.at(-1)
    const ratios = [first, all].map((other) => ((head?.ms ?? 0) / (other?.ms ?? 1)).toFixed(2))
    const cells = ms.map((each) => `${each.ms.toFixed(1)} (${each.processorMs.toFixed(1)})`)
    console.log(`| \`${name}\` | ${[...cells, ...ratios].join(' | ')} |`)
  }
}
