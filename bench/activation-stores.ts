import { type Dataset, samples } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { activationsAt, cutsOf, modelAbove, worthwhileCuts } from '../src/evaluate/cuts/index.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { none } from '../src/methods/none.ts'
import { loadModel } from '../src/model/import/files.ts'
import { transformerEncoder } from '../src/model/layers/transformer-network.ts'
import type { Model } from '../src/model/model.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'
import { argument } from './update-bench.ts'

// What storing activations in fewer bits changes: answers that flip, the farthest logit, seconds and bytes.
//
//   node scripts/run.mjs bench/activation-stores.ts --data FOLDER [--split test] [--model model.onnx]
//
// Without a model a small transformer is trained first, which reads images row of pixels by row of pixels.
const engine = ortNode({ threads: 1 })
const path = argument('model', '')
const given = await readDataset(argument('data', ''), { split: argument('split', 'test') })
const data = path === '' ? asSequences(given) : given
const model = path === '' ? await trainedTransformer() : (await loadModel(path)).model

/** Images [N, C, H, W] as H tokens of W * C values each. */
function asSequences(images: Dataset): Dataset {
  const [count = 0, channels = 1, height = 1, width = 1] = images.inputs.dims
  const pixels = images.inputs.data as Uint8Array
  const values = new Uint8Array(pixels.length)
  for (let at = 0; at < values.length; at++) {
    const channel = at % channels
    const column = Math.floor(at / channels) % width
    const row = Math.floor(at / channels / width) % height
    const image = Math.floor(at / channels / width / height)
    values[at] = pixels[((image * channels + channel) * height + row) * width + column] ?? 0
  }
  const dims = [count, height, width * channels]
  return { ...images, inputs: { type: 'uint8', dims, data: values } }
}

async function trainedTransformer(): Promise<Model> {
  const train = asSequences(await readDataset(argument('data', ''), { split: 'train' }))
  const [, tokens = 1, inputWidth = 1] = train.inputs.dims
  const fresh = transformerEncoder({
    ...{ layers: 3, width: 64, heads: 4, feedForward: 128, tokens, inputWidth },
    ...{ classes: train.classes, seed: 1 },
  })
  const iterations = Number(argument('steps', '1500'))
  const { parameters } = await fineTune({
    ...{ engine, model: fresh, train, method: none(), settings: { optimiser: adam() } },
    ...{ iterations, batchSize: 64, learningRate: 1e-3, seed: 1 },
  })
  return { ...fresh, parameters }
}

const rowDims = data.inputs.dims.slice(1)
const cuts = cutsOf(model, rowDims)
const worth = worthwhileCuts(cuts, { rows: samples(data) })

async function logitsOf(of: Model, dataset: Dataset): Promise<Float32Array> {
  const reader = openReader(engine, of, model.classes.length)
  const { data: logits } = await reader.logits(dataset).finally(() => reader.dispose())
  return logits
}

function answers(logits: Float32Array): Int32Array {
  const width = model.classes.length
  return Int32Array.from({ length: logits.length / width }, (_, row) => {
    const own = logits.subarray(row * width, (row + 1) * width)
    return own.indexOf(Math.max(...own))
  })
}

const whole = await logitsOf(model, data)
const expected = answers(whole)
const spread = Math.sqrt(whole.reduce((sum, value) => sum + value * value, 0) / whole.length)
console.log(`${samples(data)} rows; logits have a root mean square of ${spread.toFixed(2)}`)
console.log('| cut | values a row | weights above | work above | store | flips | farthest logit | s | MiB |')
console.log('|---|---:|---:|---:|---|---:|---:|---:|---:|')
for (const cut of cuts) {
  const { above, below, floats, values } = cut
  for (const store of ['float32', 'float16', 'uint8'] as const) {
    const began = performance.now()
    const stored = await activationsAt(engine, model, cut, data, { store })
    const seconds = (performance.now() - began) / 1000
    const logits = await logitsOf(modelAbove(model, cut), stored)
    const flips = answers(logits).filter((answer, row) => answer !== expected[row]).length
    const farthest = logits.reduce((most, value, at) => Math.max(most, Math.abs(value - (whole[at] ?? 0))), 0)
    const share = (part: number, all: number) => `${((100 * part) / all).toFixed(0)} %`
    const cells = [
      `${values[0]}${worth.includes(cut) ? ' *' : ''}`,
      floats,
      share(above.elements, above.elements + below.elements),
      share(above.work, above.work + below.work),
      store,
      flips,
      farthest.toFixed(5),
      seconds.toFixed(1),
      ((stored.inputs.data as Float32Array).byteLength / 2 ** 20).toFixed(0),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}
