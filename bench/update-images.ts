import { spawnSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Dataset, samples, subset, withLabels } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import {
  argument,
  type BenchStep,
  describeStep,
  exemplarsOf,
  runUpdate,
  settingsFrom,
  summary,
} from './update-bench.ts'

// Five classes of the CIFAR-10 subset, then five more, with a network that PyTorch trained on the first five and
// exported for inference. Batch statistics are folded into the convolutions by the exporter.
//
//   HOLDFAST_DATA=... node scripts/run.mjs bench/update-images.ts [--model model.onnx] [--seeds 3] [--python /usr/bin/python3]
//
// Of the 500 training images a class PyTorch sees 400; the last 100 are what a budget is measured on, and the 100 test
// images a class judge it. `update-unseen` has no old images at all.
const root = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'cifar10-subset')
const first = ['airplane', 'automobile', 'bird', 'cat', 'deer']
const second = ['dog', 'frog', 'horse', 'ship', 'truck']
const KEEP = 400
const methods = argument('methods', 'update,update-unseen,none,replay,joint').split(',')
const settings = settingsFrom({ epochs: 10, learningRate: 1e-3, maxDrop: 0.05 })

let path = argument('model', '')
if (path === '') {
  path = join(await mkdtemp(join(tmpdir(), 'holdfast-cnn-')), 'model.onnx')
  const script = [
    'bench/reference/cnn.py',
    join(root, 'train'),
    path,
    '--classes',
    first.join(),
    '--keep',
    String(KEEP),
  ]
  const made = spawnSync(argument('python', '/usr/bin/python3'), script, { stdio: 'inherit' })
  if (made.status !== 0) throw new Error('PyTorch could not make the model')
}
const { model } = await loadModel(path)
const train = await readDataset(root, { split: 'train' })
const test = await readDataset(root, { split: 'test' })

/** Rows of these classes as units of all ten, from the `from`th to the `to`th of each class. */
function rows(dataset: Dataset, wanted: readonly string[], from = 0, to = Number.POSITIVE_INFINITY): Dataset {
  const classes = [...first, ...second]
  const counts = new Map<string, number>()
  const kept = [...dataset.labels.data].flatMap((label, row) => {
    const name = dataset.classes[label] ?? ''
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return wanted.includes(name) && count >= from && count < to ? [row] : []
  })
  const chosen = subset(dataset, Int32Array.from(kept))
  const labels = Int32Array.from(chosen.labels.data, (label) => classes.indexOf(dataset.classes[label] ?? ''))
  return withLabels(chosen, { type: 'int32', dims: [labels.length], data: labels }, classes)
}

const steps: (BenchStep & { readonly last: boolean })[] = []
for (let seed = 1; seed <= Number(argument('seeds', '3')); seed++) {
  const widened = widenHead(model, { classes: second, seed })
  const seen = rows(train, first, 0, KEEP)
  for (const method of methods) {
    const unseen = method === 'update-unseen'
    const { step } = await runUpdate(settings, unseen ? 'update' : method, {
      model,
      widened,
      train: rows(train, second, 0, KEEP),
      heldOut: rows(train, second, KEEP),
      memory: unseen ? undefined : exemplarsOf(seen, Number(argument('per-class', '20')), seed),
      oldHeldOut: unseen ? undefined : rows(train, first, KEEP),
      seen,
      oldTest: rows(test, first),
      newTest: rows(test, second),
      seed,
    })
    steps.push({ ...step, method, last: true })
    console.log(`seed ${seed}, ${describeStep({ ...step, method })} (${samples(seen)} old images)`)
  }
}
console.log(`\n${summary(steps, settings.maxDrop)}`)
