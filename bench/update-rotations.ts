import { join } from 'node:path'
import { concatenate, type Dataset, samples, subset, unitPixels } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { rotateImages } from '../src/tasks/images.ts'
import { randomStream } from '../src/tensor/random.ts'
import {
  argument,
  type BenchStep,
  describeStep,
  exemplarsOf,
  runUpdate,
  settingsFrom,
  summary,
  tuned,
} from './update-bench.ts'

// MNIST, then turned further and further: the same classes in other domains. Each update brings 2,000 digits turned by
// another 15 degrees; old is everything before. `update-unseen` has no old digits at all.
//
//   HOLDFAST_DATA=... node scripts/run.mjs bench/update-rotations.ts [--seeds 3] [--updates 4]
//
// A budget is measured on digits of the training set that nothing is trained on, and judged on the test set.
const methods = argument('methods', 'update,update-unseen,none,replay,joint').split(',')
const updates = Number(argument('updates', '4'))
const settings = settingsFrom({ epochs: 5, learningRate: 1e-3, maxDrop: 0.01 })
const folder = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'mnist')
const train = await readDataset(folder, { split: 'train', preprocessing: unitPixels })
const test = await readDataset(folder, { split: 'test', preprocessing: unitPixels })
const steps: (BenchStep & { readonly last: boolean })[] = []

for (let seed = 1; seed <= Number(argument('seeds', '3')); seed++) {
  const order = randomStream(seed, 'rows').shuffle(
    Int32Array.from({ length: samples(train) }, (_, row) => row),
  )
  let used = 0
  const take = (count: number, degrees: number): Dataset => {
    const rows = order.slice(used, used + count)
    used += count
    const part = subset(train, rows)
    return degrees === 0 ? part : rotateImages(part, degrees)
  }
  const upright = take(10_000, 0)
  const begun = await tuned(
    { ...settings, epochs: 10 },
    mlp({ widths: [784, 200, 200, 10], seed }),
    upright,
    seed,
  )
  const domains = Array.from({ length: updates + 1 }, (_, at) => ({
    train: at === 0 ? upright : take(2000, 15 * at),
    heldOut: take(3000, 15 * at),
    test: at === 0 ? test : rotateImages(test, 15 * at),
  }))
  for (const method of methods) {
    const unseen = method === 'update-unseen'
    let model = begun
    let memory = exemplarsOf(upright, 20, seed)
    let seen = upright
    for (const [at, domain] of domains.entries()) {
      if (at === 0) continue
      const past = domains.slice(0, at)
      const result = await runUpdate(settings, unseen ? 'update' : method, {
        model,
        widened: model,
        train: domain.train,
        heldOut: domain.heldOut,
        memory: unseen ? undefined : memory,
        oldHeldOut: unseen
          ? undefined
          : concatenate(
              past.map(({ heldOut }) => heldOut),
              'old',
            ),
        seen,
        oldTest: concatenate(
          past.map((each) => each.test),
          'old test',
        ),
        newTest: domain.test,
        seed: seed * 100 + at,
      })
      model = result.model
      steps.push({ ...result.step, method, last: at === updates })
      console.log(`seed ${seed}, ${15 * at} degrees, ${describeStep({ ...result.step, method })}`)
      seen = concatenate([seen, domain.train], 'all')
      memory = concatenate([memory, exemplarsOf(domain.train, 20, seed)], 'memory')
    }
  }
}
console.log(`\n${summary(steps, settings.maxDrop)}`)
