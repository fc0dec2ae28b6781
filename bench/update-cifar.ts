import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dataset, samples, subset, withLabels } from '../src/data/dataset.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import { readNpy } from '../src/tensor/npy.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import type { RungName } from '../src/update/recipes/rungs.ts'
import { updateModel } from '../src/update/update.ts'
import { accuracyOn, argument, exemplarsOf, percent, settingsFrom } from './update-bench.ts'

// Two new classes of CIFAR-10 for a residual network that PyTorch trained on the other eight (bench/reference/cifar-resnet.py).
//
//   node scripts/run.mjs bench/update-cifar.ts --arrays ARRAYS --models OUT1,OUT2 [--form norms|folded] [--memory 1000] [--max-drop 0.02,0.05]
//     [--new-rows 500] [--seeds 1] [--rungs head,whole]
//
// ARRAYS is what bench/cifar-arrays.ts wrote, each OUT what cifar-resnet.py wrote. Of the 5,000 training images a class PyTorch saw the
// first 4,500; the others are what the budget is proved on. New classes have 500 images to train on and 100 to compare candidates on. The
// 1,000 test images a class judge, and nothing else sees them.
const PER_CLASS = 4500
const arrays = argument('arrays', '')
const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
const settings = settingsFrom({ epochs: Number(argument('epochs', '5')), learningRate: 1e-3, maxDrop: 0 })
const budgets = argument('max-drop', '0.02,0.05').split(',').map(Number)
const memory = Number(argument('memory', '1000'))
const newRows = Number(argument('new-rows', '500'))

async function read(split: 'train' | 'test'): Promise<Dataset> {
  const tensor = async (what: string) => readNpy(await readFile(join(arrays, `${split}-${what}.npy`)))
  return {
    name: `cifar10 ${split}`,
    inputs: await tensor('images'),
    labels: (await tensor('labels')) as Tensor<'int32'>,
    classes: names,
    preprocessing: { scale: 1 / 255, mean: 0, std: 1 },
    synthetic: false,
  } as Dataset
}
const train = await read('train')
const test = await read('test')

/** Rows of these classes, from the `from`th to the `to`th of each, as units in their order. */
function rows(
  dataset: Dataset,
  wanted: readonly string[],
  classes: readonly string[],
  from = 0,
  to = 1e9,
): Dataset {
  const counts = new Map<string, number>()
  const kept = [...dataset.labels.data].flatMap((label, row) => {
    const name = String(names[Number(label)])
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return wanted.includes(name) && count >= from && count < to ? [row] : []
  })
  const chosen = subset(dataset, Int32Array.from(kept))
  const labels = Int32Array.from(chosen.labels.data, (label) => classes.indexOf(String(names[Number(label)])))
  return withLabels(chosen, { type: 'int32', dims: [labels.length], data: labels }, classes)
}

/** CPU seconds since. */
function seconds(began: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(began)
  return ((user + system) / 1e6).toFixed(1)
}

for (const folder of argument('models', '').split(',')) {
  const { model } = await loadModel(join(folder, argument('form', 'norms'), 'model.onnx'))
  const fresh = names.filter((name) => !model.classes.includes(name))
  const all = [...model.classes, ...fresh]
  for (let seed = 1; seed <= Number(argument('seeds', '1')); seed++) {
    const widened = widenHead(model, { classes: fresh, seed })
    const old = rows(train, model.classes, all, 0, PER_CLASS)
    const oldTest = rows(test, model.classes, all)
    const newTest = rows(test, fresh, all)
    const before = await accuracyOn(settings.engine, widened, oldTest)
    for (const maxDrop of budgets) {
      const began = process.cpuUsage()
      const result = await updateModel({
        engine: settings.engine,
        model,
        widened,
        data: {
          train: rows(train, fresh, all, 0, newRows),
          heldOut: rows(train, fresh, all, PER_CLASS, PER_CLASS + 100),
          exemplars: exemplarsOf(old, memory / model.classes.length, seed),
          oldHeldOut: rows(train, model.classes, all, PER_CLASS),
        },
        budget: { maxDrop },
        time: Number(argument('time', '60')),
        ...(argument('epochs', '') ? { epochs: Number(argument('epochs', '')) } : {}),
        seed,
        ...(argument('rungs', '') ? { rungs: argument('rungs', '').split(',') as RungName[] } : {}),
        ...(argument('rate', '') ? { learningRate: Number(argument('rate', '')) } : {}),
        onEvent: (event) => {
          if (event.type === 'trial')
            console.log(
              `  ${seconds(began)} CPU s: ${event.settings.rung}, rate ${event.settings.learningRate}`,
            )
          if (event.type === 'point') console.log(`  ${seconds(began)} CPU s: tested`)
        },
      })
      const used = seconds(began)
      const updated = { ...widened, parameters: result.parameters }
      const own = <T>(from: ReadonlyMap<string, T>) =>
        new Map([...from].map(([name, tensor]) => [name, (result.parameters.get(name) as T) ?? tensor]))
      const weights = { ...updated, parameters: own(widened.parameters), buffers: own(widened.buffers) }
      const after = await accuracyOn(settings.engine, weights, oldTest)
      const gained = await accuracyOn(settings.engine, weights, newTest)
      console.log(
        `${fresh.join('+')} seed ${seed} budget ${percent(maxDrop)}: ${result.status}, old ${percent(before)} -> ${percent(after)} (drop ${percent(before - after)}), new ${percent(gained)}; announced drop ${percent(result.old?.drop ?? 0)} at most ${percent(result.old?.upper ?? 0)}, new ${percent(result.new.after)}; ${result.chosen?.method} rung ${result.trials[result.chosen?.trial ?? 0]?.settings.rung} alpha ${result.chosen?.alpha} tested ${result.chosen?.tested}; ${used} CPU s (${samples(old)} old images)`,
      )
      for (const trial of result.trials)
        console.log(
          '   ',
          trial.settings.rung,
          trial.curve.map((p) => `${(100 * p.drop).toFixed(1)}/${(100 * p.new).toFixed(0)}`).join(' '),
        )
    }
  }
}
