import { join } from 'node:path'
import { classLabels, type Dataset } from '../src/data/dataset.ts'
import { featureSums, featureVectors } from '../src/evaluate/index.ts'
import { expandHead, expansionOf } from '../src/model/heads/expand.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import type { UpdateData } from '../src/update/parts.ts'
import { type CifarUpdate, cifarUpdate, readCifar, TRAINED_PER_CLASS } from './cifar-rows.ts'
import { type Shipped, shipped, shippedText } from './shipped.ts'
import { argument, exemplarsOf, percent, settingsFrom } from './update-bench.ts'

// Two new classes of CIFAR-10 for a residual network that PyTorch trained on the other eight (bench/reference/cifar-resnet.py).
//
//   node scripts/run.mjs bench/update-cifar.ts --arrays ARRAYS --models OUT1,OUT2 [--form norms|folded] [--memory 1000] [--max-drop 0.02,0.05]
//     [--new-rows 500] [--seeds 1] [--rungs head,whole] [--time 60] [--threads 1] [--oracle]
//     [--sums [--expand-head 2000]] [--cpu-time] [--prove training|first-half|second-half]
//
// With --prove first-half the budget is proved on the first half of the test images of each class and judged on the second, and the other way
// round: whether it is the choice of images that lets a claim be kept.
//
// With --cpu-time what --time allows is counted in CPU seconds, which of one thread are what a quiet machine takes.
// With --sums the old training images are there as sums of their features, beside those of --memory, which may be 0.
//
// ARRAYS is what bench/cifar-arrays.ts wrote, each OUT what cifar-resnet.py wrote. Of the 5,000 training images a class PyTorch saw the
// first 4,500; the others are what the budget is proved on. New classes have 500 images to train on and 100 to compare candidates on. The
// 1,000 test images a class judge, and nothing else sees them.
const arrays = argument('arrays', '')
const settings = settingsFrom({ epochs: Number(argument('epochs', '5')), learningRate: 1e-3, maxDrop: 0 })
const budgets = argument('max-drop', '0.02,0.05').split(',').map(Number)
const memory = Number(argument('memory', '1000'))
const newRows = Number(argument('new-rows', '500'))
const proves = argument('prove', 'training')

/** Old images that prove the budget, and those that judge it. */
function judges({ known, oldHeldOut }: CifarUpdate): { proof: Dataset; oldTest: Dataset } {
  const half = (from: number) => known(test, from, from + 500)
  if (proves === 'first-half') return { proof: half(0), oldTest: half(500) }
  if (proves === 'second-half') return { proof: half(500), oldTest: half(0) }
  return { proof: oldHeldOut, oldTest: known(test) }
}

const [train, test] = [await readCifar(arrays, 'train'), await readCifar(arrays, 'test')]

const all: Shipped[] = []
for (const folder of argument('models', '').split(',')) {
  const { model } = await loadModel(join(folder, argument('form', 'norms'), 'model.onnx'))
  const given = cifarUpdate(model.classes, train, newRows)
  const { added, classes, old } = given
  const { proof, oldTest } = judges(given)
  const features = process.argv.includes('--sums')
    ? await featureVectors(settings.engine, model, old)
    : undefined
  for (let seed = 1; seed <= Number(argument('seeds', '1')); seed++) {
    const width = Number(argument('expand-head', '0'))
    const base = width > 0 ? expandHead(model, { width, seed }) : model
    const update: UpdateData = {
      ...(features && {
        sums: await featureSums({
          ...{ engine: settings.engine, features, labels: classLabels(old), classes: classes.length },
          expansion: expansionOf(base)?.weight,
        }),
      }),
      train: given.train,
      heldOut: given.heldOut,
      ...(memory > 0 && {
        exemplars: exemplarsOf(old, Math.min(TRAINED_PER_CLASS, memory / model.classes.length), seed),
      }),
      oldHeldOut: proof,
    }
    const newTest = given.fresh(test)
    for (const maxDrop of budgets) {
      console.log(`${added.join('+')} (${folder}), seed ${seed}, budget ${percent(maxDrop)}`)
      const widened = widenHead(base, { classes: added, seed })
      all.push(
        await shipped(
          settings.engine,
          { update, oldTest, newTest },
          { model: base, widened, maxDrop, seed, budgets },
        ),
      )
    }
  }
}
console.log(shippedText(all, settings.engine, budgets))
