// Exact Fisher of the 784-400-400-10 MLP, milliseconds a sample, against one backward pass per sample and class in PyTorch.
//   node scripts/run.mjs bench/fisher.ts [--samples 4096] [--rounds 5] [--python /usr/bin/python3]
import { parseArgs } from 'node:util'
import { createDataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { fisherDiagonal } from '../src/methods/fisher/fisher.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { startPeer } from './torch-peer.ts'

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
const samples = Number(values.samples)
const random = randomStream(1, 'fisher')
const inputs = float32([samples, 784])
random.fillUniform(inputs.data, 0, 1)
const labels = Int32Array.from({ length: samples }, () => random.integer(10))
const dataset = createDataset({
  name: 'random',
  inputs,
  labels: { type: 'int32', dims: [samples], data: labels },
  classes: [...'0123456789'],
})
const model = mlp({ widths: [784, 400, 400, 10] })
const engine = ortNode({ threads: 1 })
const peer = await startPeer(values.python)
const ours: number[] = []
const usual: number[] = []
const tuned: number[] = []
for (let round = 0; round <= Number(values.rounds); round++) {
  const began = performance.now()
  await fisherDiagonal({ engine, model, parameters: model.parameters, dataset, random })
  const mine = (performance.now() - began) / samples
  const theirs = (await peer.run('fisher', 60)).wall * 1000
  const best = (await peer.run('fisher-tuned', 120)).wall * 1000
  // The first round warms all sides.
  if (round === 0) continue
  ours.push(mine)
  usual.push(theirs)
  tuned.push(best)
}
await peer.close()
const [mine, theirs, best] = [median(ours), median(usual), median(tuned)]
console.log(
  `exact Fisher, ${samples} samples, graph built and loaded anew each time: ${mine.toFixed(4)} ms a sample`,
)
console.log(
  `PyTorch, one backward pass per sample and class: ${theirs.toFixed(2)} ms (${(theirs / mine).toFixed(0)} times as long)`,
)
console.log(
  `the same, tuned (autograd.grad, addcmul_): ${best.toFixed(2)} ms (${(best / mine).toFixed(0)} times as long)`,
)
