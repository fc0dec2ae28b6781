// What `holdfast inspect` announces for a step, against the most memory that a fresh process takes for it.
//   node scripts/run.mjs bench/memory.ts [--only mlp,cnn,transformer] [--json]
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { createDataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { none } from '../src/methods/none.ts'
import { modelFromOnnx, modelToOnnx } from '../src/model/import/index.ts'
import { cnn, mlp, transformerEncoder } from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { inspectModel } from '../src/train/inspect/index.ts'
import { adam } from '../src/train/step/index.ts'
import { fineTune } from '../src/update/recipes/index.ts'

const classes = 10
const kinds: Readonly<Record<string, { readonly dims: readonly number[]; readonly make: () => Model }>> = {
  mlp: { dims: [784], make: () => mlp({ widths: [784, 5000, 5000, 2000, classes], seed: 1 }) },
  'mlp-small': { dims: [784], make: () => mlp({ widths: [784, 400, 400, classes], seed: 1 }) },
  cnn: {
    dims: [3, 64, 64],
    make: () => cnn({ channels: [64, 128, 256, 512], blocks: 2, inputDims: [3, 64, 64], classes, seed: 1 }),
  },
  transformer: {
    dims: [64, 128],
    make: () =>
      transformerEncoder({
        tokens: 64,
        inputWidth: 128,
        width: 384,
        heads: 6,
        layers: 6,
        feedForward: 1536,
        classes,
        seed: 1,
      }),
  },
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean' },
    child: { type: 'string' },
    batch: { type: 'string', default: '32' },
  },
})
const batch = Number(values.batch)
if (values.child === undefined) compareAll()
else await measure(values.child)

async function measure(name: string): Promise<void> {
  const kind = kinds[name]
  if (!kind) throw new Error(`There is no model called ${name}.`)
  const bytes = modelToOnnx(kind.make())
  const model = modelFromOnnx(bytes)
  const { step } = inspectModel(model, { batch, fileBytes: bytes.byteLength })
  const rows = 256
  const inputs = float32([rows, ...kind.dims])
  for (let at = 0; at < inputs.data.length; at++) inputs.data[at] = Math.sin(at)
  const labels = {
    type: 'int32' as const,
    dims: [rows],
    data: Int32Array.from({ length: rows }, (_, at) => at % classes),
  }
  const names = Array.from({ length: classes }, (_, at) => String(at))
  await fineTune({
    engine: ortNode({ threads: 1 }),
    model,
    train: createDataset({ name, inputs, labels, classes: names }),
    method: none(),
    settings: { optimiser: adam() },
    iterations: 4,
    batchSize: batch,
    learningRate: 1e-3,
    seed: 0,
  })
  console.log(JSON.stringify({ name, step, peak: process.resourceUsage().maxRSS * 1024 }))
}

function compareAll(): void {
  const rows = (values.only?.split(',') ?? Object.keys(kinds)).map((name) => {
    const [, script = ''] = process.argv
    const arguments_ = ['--enable-source-maps', script, '--child', name, '--batch', String(batch)]
    const { stdout, stderr } = spawnSync(process.execPath, arguments_, { encoding: 'utf8' })
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as { name: string; peak: number; step: Record<string, number> }
  })
  if (values.json) console.log(JSON.stringify(rows))
  for (const { name, peak, step } of values.json ? [] : rows) {
    const { bytes = 0, parameterBytes = 0, activationBytes = 0 } = step
    const mib = (value: number) => `${(value / 2 ** 20).toFixed(0)} MiB`
    console.log(
      `${name.padEnd(12)} parameters ${mib(parameterBytes)}, activations ${mib(activationBytes)}: announced ${mib(bytes)}, peak ${mib(peak)} (${(100 * (bytes / peak - 1)).toFixed(0)} %)`,
    )
  }
}
