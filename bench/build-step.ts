// How long building a training step takes: a residual network of 1,000 nodes (100 blocks of ten), or an ONNX file of images.
// The first build is that of a cold process; the others show what remains once the code is compiled.
//   node scripts/run.mjs bench/build-step.ts [--builds 5] [--blocks 100] [--file model.onnx --size 64]
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { asStored, type Dataset } from '../src/data/dataset.ts'
import { createPool } from '../src/data/memory/pool.ts'
import { median } from '../src/measure/statistics.ts'
import { emptyState, type TaskContext } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { batchNorm2d, conv2d, globalAveragePool } from '../src/model/layers/convolutions.ts'
import { linear, relu, residual, sequential } from '../src/model/layers/layers.ts'
import { network } from '../src/model/layers/network.ts'
import type { Model } from '../src/model/model.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { buildStep } from '../src/train/step/step.ts'

const { values } = parseArgs({
  options: {
    builds: { type: 'string', default: '5' },
    blocks: { type: 'string', default: '100' },
    file: { type: 'string' },
    size: { type: 'string', default: '64' },
  },
})
const BATCH = 16

/** Convolutions of 1, 3 and 1 with their norms and activations, as in the deeper ResNets. */
const block = sequential([
  residual(
    sequential([
      conv2d(64, 16, 1),
      batchNorm2d(16),
      relu(),
      conv2d(16, 16, 3, { padding: 1 }),
      batchNorm2d(16),
      relu(),
      conv2d(16, 64, 1),
      batchNorm2d(64),
    ]),
  ),
  relu(),
])

function residualNetwork(blocks: number): Model {
  return network({
    name: 'residual',
    inputDims: [3, 16, 16],
    layer: sequential([
      conv2d(3, 64, 3, { padding: 1 }),
      sequential(new Array<typeof block>(blocks).fill(block)),
      globalAveragePool(),
      linear(64, 10),
    ]),
    classes: 10,
  })
}

const sample = values.file ? [3, Number(values.size), Number(values.size)] : [3, 16, 16]
const model = values.file ? modelFromOnnx(readFileSync(values.file)) : residualNetwork(Number(values.blocks))
const outputs = Math.max(10, model.classes.length)
const dataset: Dataset = {
  name: 'zeros',
  synthetic: true,
  inputs: float32([BATCH, ...sample]),
  labels: { type: 'int32', dims: [BATCH], data: new Int32Array(BATCH) },
  classes: Array.from({ length: outputs }, (_, unit) => `${unit}`),
  preprocessing: asStored,
}
const task: TaskContext = {
  scenario: 'class',
  index: 0,
  outputs,
  units: [dataset.classes.map((_, unit) => unit)],
  active: undefined,
  train: dataset,
  seen: () => ({ dataset, tasks: new Int32Array(BATCH) }),
  batchSize: BATCH,
}
const source = { name: 'new', dataset, tasks: 0, size: BATCH, weight: 1 }

const wall: number[] = []
const cpu: number[] = []
let bytes: Uint8Array = new Uint8Array()
for (let build = 0; build < Number(values.builds); build++) {
  const before = process.cpuUsage()
  const began = performance.now()
  bytes = buildStep({
    model,
    settings: { optimiser: sgd({ momentum: 0.9 }) },
    method: none(),
    state: emptyState,
    task,
    pool: createPool([source]),
    sources: [source],
    iterations: 1000,
    constants: new Map(),
    slots: new Map(),
  }).bytes
  wall.push(performance.now() - began)
  const { user, system } = process.cpuUsage(before)
  cpu.push((user + system) / 1000)
}
const times = (all: readonly number[]) =>
  `cold ${(all[0] ?? 0).toFixed(0)} ms, then ${median(all.slice(1)).toFixed(0)} ms`
console.log(`${model.graph.nodes.length} nodes in the model; ${bytes.length} bytes of step`)
console.log(`wall: ${times(wall)}; processor, all threads: ${times(cpu)}`)
console.log(`sha256 ${createHash('sha256').update(bytes).digest('hex')}`)
