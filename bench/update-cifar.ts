import { cpus } from 'node:os'
import { join } from 'node:path'
import { classLabels, type Dataset } from '../src/data/dataset.ts'
import { featureSums, featureVectors, withWeights } from '../src/evaluate/index.ts'
import { followNorms } from '../src/model/adapters/index.ts'
import { expandHead, expansionOf } from '../src/model/heads/expand.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import type { Model } from '../src/model/model.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import type { UpdateData } from '../src/update/parts.ts'
import type { RungName } from '../src/update/recipes/rungs.ts'
import { updateModel } from '../src/update/update.ts'
import { updatedModel } from '../src/update/updated-model.ts'
import {
  cifarClasses as names,
  TRAINED_PER_CLASS as PER_CLASS,
  readCifar,
  cifarRows as rows,
} from './cifar-rows.ts'
import {
  accuracyOn,
  argument,
  byOracle,
  cpuSeconds,
  exemplarsOf,
  percent,
  settingsFrom,
} from './update-bench.ts'

// Two new classes of CIFAR-10 for a residual network that PyTorch trained on the other eight (bench/reference/cifar-resnet.py).
//
//   node scripts/run.mjs bench/update-cifar.ts --arrays ARRAYS --models OUT1,OUT2 [--form norms|folded] [--memory 1000] [--max-drop 0.02,0.05]
//     [--new-rows 500] [--seeds 1] [--rungs head,whole] [--time 60] [--threads 1] [--oracle]
//     [--sums [--expand-head 2000]] [--cpu-time]
//
// With --cpu-time what --time allows is counted in CPU seconds, which of one thread are what a quiet machine takes.
// With --sums the old training images are there as sums of their features, beside those of --memory, which may be 0.
//
// ARRAYS is what bench/cifar-arrays.ts wrote, each OUT what cifar-resnet.py wrote. Of the 5,000 training images a class PyTorch saw the
// first 4,500; the others are what the budget is proved on. New classes have 500 images to train on and 100 to compare candidates on. The
// 1,000 test images a class judge, and nothing else sees them.
if (process.argv.includes('--cpu-time')) {
  performance.now = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}
const arrays = argument('arrays', '')
const settings = settingsFrom({ epochs: Number(argument('epochs', '5')), learningRate: 1e-3, maxDrop: 0 })
const budgets = argument('max-drop', '0.02,0.05').split(',').map(Number)
const memory = Number(argument('memory', '1000'))
const newRows = Number(argument('new-rows', '500'))

const [train, test] = [await readCifar(arrays, 'train'), await readCifar(arrays, 'test')]

interface Shipped {
  readonly budget: number
  readonly status: string
  readonly drop: number
  readonly gained: number
  readonly cpu: number
}

/** What one update ships, on test images. */
async function shipped(
  data: { readonly update: UpdateData; readonly oldTest: Dataset; readonly newTest: Dataset },
  { model, widened, maxDrop, seed }: { model: Model; widened: Model; maxDrop: number; seed: number },
): Promise<Shipped> {
  const { engine } = settings
  const began = process.cpuUsage()
  const trained: ReadonlyMap<string, Tensor>[] = []
  const result = await updateModel({
    ...{ engine, model, widened, data: data.update, seed },
    budget: { maxDrop },
    time: Number(argument('time', '60')),
    ...(argument('epochs', '') ? { epochs: Number(argument('epochs', '')) } : {}),
    ...(argument('rungs', '') ? { rungs: argument('rungs', '').split(',') as RungName[] } : {}),
    ...(argument('rate', '') ? { learningRate: Number(argument('rate', '')) } : {}),
    onEvent: (event) => {
      if (event.type === 'trial') {
        const { rung, learningRate } = event.settings
        console.log(`  ${cpuSeconds(began).toFixed(1)} CPU s: ${rung}, rate ${learningRate}`)
      }
      if (event.type === 'trained') trained.push(event.parameters)
    },
  })
  const cpu = cpuSeconds(began)
  const before = await accuracyOn(engine, model, data.oldTest)
  const after = updatedModel({ model, widened }, result)
  const drop = before - (await accuracyOn(engine, after, data.oldTest))
  const gained = await accuracyOn(engine, after, data.newTest)
  const { old, new: fresh, chosen, trials } = result
  console.log(
    `  ${result.status}: drop ${percent(drop)}, new ${percent(gained)}; announced drop ${percent(old?.drop ?? 0)} at most ${percent(old?.upper ?? 0)}, new ${percent(fresh.after)}; ${trials[chosen?.trial ?? 0]?.settings.rung}, alpha ${chosen?.alpha}, ${chosen?.tested} tested; ${cpu.toFixed(1)} CPU s`,
  )
  if (process.argv.includes('--oracle')) {
    for (const [at, weights] of trained.entries()) {
      const found = await byOracle(
        settings.engine,
        withWeights(followNorms(widened), weights),
        data,
        budgets.map((budget) => before - budget),
      )
      console.log(
        `  by the border that is best on test images: ${trials[at]?.settings.rung}: ${found.map(percent).join(', ')}`,
      )
    }
  }
  return { budget: maxDrop, status: result.status, drop, gained, cpu }
}

const all: Shipped[] = []
for (const folder of argument('models', '').split(',')) {
  const { model } = await loadModel(join(folder, argument('form', 'norms'), 'model.onnx'))
  const fresh = names.filter((name) => !model.classes.includes(name))
  const classes = [...model.classes, ...fresh]
  const old = rows(train, model.classes, classes, 0, PER_CLASS)
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
      train: rows(train, fresh, classes, 0, newRows),
      heldOut: rows(train, fresh, classes, PER_CLASS, PER_CLASS + 100),
      ...(memory > 0 && {
        exemplars: exemplarsOf(old, Math.min(PER_CLASS, memory / model.classes.length), seed),
      }),
      oldHeldOut: rows(train, model.classes, classes, PER_CLASS),
    }
    const oldTest = rows(test, model.classes, classes)
    const newTest = rows(test, fresh, classes)
    for (const maxDrop of budgets) {
      console.log(`${fresh.join('+')} (${folder}), seed ${seed}, budget ${percent(maxDrop)}`)
      const widened = widenHead(base, { classes: fresh, seed })
      all.push(await shipped({ update, oldTest, newTest }, { model: base, widened, maxDrop, seed }))
    }
  }
}
console.log(
  `\n${cpus()[0]?.model}, ${settings.engine.options.threads} threads; means over ${all.length / budgets.length} updates`,
)
for (const budget of budgets) {
  const found = all.filter((each) => each.budget === budget)
  const mean = (of: (each: Shipped) => number) =>
    found.reduce((sum, each) => sum + of(each), 0) / found.length
  const met = found.filter(({ status }) => status === 'met')
  console.log(
    `budget ${percent(budget)}: ${met.length} of ${found.length} met, ${met.filter(({ drop }) => drop <= budget).length} of these kept; drop ${percent(mean(({ drop }) => drop))}, new ${percent(mean(({ gained }) => gained))}, ${mean(({ cpu }) => cpu).toFixed(1)} CPU s`,
  )
}
