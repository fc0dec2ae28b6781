import { join } from 'node:path'
import { type Dataset, samples } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { cutsOf } from '../src/evaluate/cuts/index.ts'
import { widenHead } from '../src/model/heads/index.ts'
import { loadModel } from '../src/model/import/files.ts'
import { encodePack, keepModel, type Pack } from '../src/update/pack/index.ts'
import { identify } from '../src/update/pack/index-files.ts'
import { updateModel } from '../src/update/update.ts'
import { packRows } from '../src/update/update-pack.ts'
import { updatedModel } from '../src/update/updated-model.ts'
import {
  cifarClasses as names,
  TRAINED_PER_CLASS as PER_CLASS,
  readCifar,
  cifarRows as rows,
} from './cifar-rows.ts'
import { accuracyOn, argument, cpuSeconds, percent } from './update-bench.ts'

// What held-out rows in a pack are worth as activations: bytes of the pack, and what an update to two new classes of CIFAR-10 ships.
//
//   node scripts/run.mjs bench/keep-activations.ts --arrays ARRAYS --models OUT [--form norms|folded] [--max-drop 0.02] [--seeds 3] [--only head,inputs-4000]
//
// ARRAYS is what bench/cifar-arrays.ts wrote, OUT what bench/reference/cifar-resnet.py wrote. Of the 5,000 training images a class PyTorch
// saw the first 4,500; the others, 4,000 in all, are what is held out. The 1,000 test images a class judge, and nothing else sees them.
const engine = ortNode(argument('threads', '') ? { threads: Number(argument('threads', '')) } : {})
const maxDrop = Number(argument('max-drop', '0.02'))

const arrays = argument('arrays', '')
const [train, test] = [await readCifar(arrays, 'train'), await readCifar(arrays, 'test')]
const loaded = await loadModel(join(argument('models', ''), argument('form', 'norms'), 'model.onnx'))
const { model } = loaded
const fresh = names.filter((name) => !model.classes.includes(name))
const all = [...model.classes, ...fresh]
const widened = widenHead(model, { classes: fresh, seed: 1 })
const lastBlock = cutsOf(model, [3, 32, 32]).at(-2)?.values[0]

/** What is held out as inputs, what as activations and where, and what may train: by default all that is proved by both. */
const cases = {
  'inputs-400': { heldOutRows: 400, rungs: ['closed-form', 'head', 'above'] },
  head: { heldOutRows: 400, heldOutActivations: 3600 },
  block: { heldOutRows: 400, heldOutActivations: 3600, activationsAt: lastBlock },
  'inputs-4000': { heldOutRows: 4000, rungs: ['closed-form', 'head', 'above'] },
} as const

/** What all packs of a seed have in common: exemplars, sums and traffic. */
async function baseOf(seed: number): Promise<Pack> {
  const own = rows(train, model.classes, model.classes, 0, PER_CLASS)
  return (await keepModel({ engine, model, identity: identify(loaded), seed, train: own })).pack
}

async function measure(name: keyof typeof cases, base: Pack, seed: number): Promise<string> {
  const { rungs, ...held } = { rungs: undefined, ...cases[name] }
  const { exemplars, logits, sums, traffic, budget, data } = base
  if (!exemplars) throw new Error('no exemplars')
  const own = await keepModel({
    ...{ engine, model, identity: identify(loaded), seed, ...held, train: exemplars },
    heldOut: rows(train, model.classes, model.classes, PER_CLASS),
  })
  const pack: Pack = { ...own.pack, exemplars, logits, sums, traffic, budget, data }
  const bytes = encodePack(pack).byteLength
  const kept = packRows(pack, {
    ...{ model, identity: identify(loaded), place: 'the pack', classes: all },
    preprocessing: train.preprocessing,
  })
  const began = process.cpuUsage()
  const result = await updateModel({
    ...{ engine, model, widened, budget: { maxDrop }, seed, rungs: rungs && [...rungs] },
    data: {
      train: rows(train, fresh, all, 0, 500),
      heldOut: rows(train, fresh, all, PER_CLASS, PER_CLASS + 100),
      ...{ exemplars: kept.exemplars, oldHeldOut: kept.heldOut, oldActivations: kept.activations },
      ...{ traffic: kept.traffic, sums: kept.sums?.of(widened) },
    },
  })
  const cpu = cpuSeconds(began)
  const updated = updatedModel({ model, widened }, result)
  const [oldTest, newTest] = [rows(test, model.classes, all), rows(test, fresh, all)]
  const drop = (await accuracyOn(engine, widened, oldTest)) - (await accuracyOn(engine, updated, oldTest))
  const stored = pack.activations
    ? `${samples(pack.activations.dataset)} ${pack.activations.dataset.inputs.type} [${pack.activations.dataset.inputs.dims.slice(1).join(', ')}]`
    : 'none'
  const cells = [name, seed, `${(bytes / 1e6).toFixed(2)} MB`, rowsOf(kept.heldOut), stored, result.status]
  const figures = [
    result.old?.drop ?? 0,
    result.old?.upper ?? 0,
    drop,
    await accuracyOn(engine, updated, newTest),
  ]
  const rung = result.trials[result.chosen?.trial ?? 0]?.settings.rung
  return [...cells, ...figures.map(percent), rung, cpu.toFixed(0)].join(' | ')
}

const rowsOf = (dataset: Dataset | undefined): number => (dataset ? samples(dataset) : 0)

console.log(
  `| pack | seed | bytes | inputs | activations | status | drop | at most | drop on test | new on test | rung | CPU s |`,
)
console.log('|---|---:|---:|---:|---|---|---:|---:|---:|---:|---|---:|')
const only = argument('only', Object.keys(cases).join()).split(',')
for (let seed = 1; seed <= Number(argument('seeds', '3')); seed++) {
  const base = await baseOf(seed)
  for (const name of Object.keys(cases) as (keyof typeof cases)[]) {
    if (only.includes(name)) console.log(`| ${await measure(name, base, seed)} |`)
  }
}
