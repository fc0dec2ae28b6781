import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asStored, createDataset, type Dataset } from '../src/data/dataset.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import { readNpy } from '../src/tensor/npy.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { type Shipped, shipped, shippedText } from './shipped.ts'
import { argument, settingsFrom } from './update-bench.ts'

// New classes for a BERT and a ViT that PyTorch trained and exported (bench/reference/update-peers.py prepare), with 500 new rows and 1,000
// old ones: CPU seconds by rung, and what each is good for; update-peers.py tune is the peer that trains all weights in PyTorch.
//
//   node scripts/run.mjs bench/update-transformers.ts OUT1,OUT2 [--max-drop 0.02,0.05] [--rungs closed-form,head] [--time 600] [--threads 1] [--cpu-time] --oracle
const [folders = ''] = process.argv.slice(2)
const { engine } = settingsFrom({ epochs: 0, learningRate: 0, maxDrop: 0 })
const budgets = argument('max-drop', '0.02,0.05').split(',').map(Number)

const all: Shipped[] = []
for (const folder of folders.split(',')) {
  const { model } = await loadModel(join(folder, 'model.onnx'))
  const classes = JSON.parse(await readFile(join(folder, 'names.json'), 'utf8')) as string[]
  const fresh = classes.slice(model.classes.length)
  const rows = async (part: string): Promise<Dataset> => {
    const tensor = async (what: string) => readNpy(await readFile(join(folder, `${part}.${what}.npy`)))
    const inputs = await tensor('x')
    return createDataset({
      name: part,
      kind: 'classification',
      inputs,
      labels: (await tensor('y')) as Tensor<'int32'>,
      classes,
      preprocessing: inputs.type === 'uint8' ? { scale: 1 / 255, mean: 0, std: 1 } : asStored,
    })
  }
  const update = {
    train: await rows('new-train'),
    heldOut: await rows('new-held'),
    exemplars: await rows('exemplars'),
    oldHeldOut: await rows('old-held'),
  }
  const [oldTest, newTest] = [await rows('old-test'), await rows('new-test')]
  for (const maxDrop of budgets) {
    console.log(`${folder}, ${fresh.length} new classes beside ${model.classes.length}, budget ${maxDrop}`)
    const widened = widenHead(model, { classes: fresh, seed: 1 })
    all.push(
      await shipped(engine, { update, oldTest, newTest }, { model, widened, maxDrop, seed: 1, budgets }),
    )
  }
}
console.log(shippedText(all, engine, budgets))
