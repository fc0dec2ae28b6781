import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concatenate, type Dataset, samples, subset, withLabels } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { chooseBalanced } from '../src/data/memory/sampling.ts'
import { createTokenizer } from '../src/data/text/tokens.ts'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { embedding, linear, network, relu, sequential, tokenMean } from '../src/model/index.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import {
  among,
  argument,
  type BenchStep,
  describeStep,
  exemplarsOf,
  runUpdate,
  settingsFrom,
  summary,
  tuned,
} from './update-bench.ts'

// CLINC150 as a stream of domains: a text classifier that knows the intents of one domain is updated with the next,
// nine times, and a tenth time with more examples of the first. Methods: `update` (this project's), plain fine-tuning,
// replay of the same exemplars, and training on everything again.
//
//   HOLDFAST_DATA=... node scripts/run.mjs bench/update-streams.ts --orders 5 --methods update,none,replay,joint
//
// The held-out old rows that `update` may look at are the validation split's and 20 training examples an intent; the budget is then judged on the test split,
// which no method sees.
const orders = Number(argument('orders', '5'))
const firstOrder = Number(argument('from', '1'))
const methods = argument('methods', 'update,none,replay,joint').split(',')
const perClass = Number(argument('per-class', '10'))
const out = argument('out', '')
const settings = settingsFrom({ epochs: 15, learningRate: 2e-3, maxDrop: 0.01 })

const folder = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'clinc150')
const domains = JSON.parse(await readFile(join(folder, 'domains.json'), 'utf8')) as Record<string, string[]>

const texts = async (split: string): Promise<string[]> =>
  (await readFile(join(folder, `${split}.jsonl`), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text)
const tokenizer = createTokenizer({ tokenizer: wordVocabulary(await texts('train'), { size: 4000 }) })
const read = (split: string) =>
  readDataset(join(folder, `${split}.jsonl`), { tokenizer, maxLength: 24, split: 'train' })
const given = { train: await read('train'), validation: await read('val'), test: await read('test') }
// Of the 100 training examples an intent, 20 are held out beside the 20 of the validation split.
const apart = new Set(chooseBalanced(given.train, 20, randomStream(0, 'held out')))
const rest = Int32Array.from({ length: samples(given.train) }, (_, row) => row).filter(
  (row) => !apart.has(row),
)
const whole = {
  train: subset(given.train, rest),
  validation: concatenate([given.validation, subset(given.train, Int32Array.from(apart).sort())], 'held out'),
  test: given.test,
}

/** Rows of these classes, labelled by their place in `classes`. */
function rowsOf(dataset: Dataset, wanted: readonly string[], classes: readonly string[]): Dataset {
  const unit = new Map(classes.map((name, at) => [name, at]))
  const kept = new Set(wanted)
  const rows = Int32Array.from(
    [...dataset.labels.data].flatMap((label, row) => (kept.has(dataset.classes[label] ?? '') ? [row] : [])),
  )
  const part = subset(dataset, rows)
  const labels = Int32Array.from(part.labels.data, (label) => unit.get(dataset.classes[label] ?? '') ?? 0)
  return withLabels(part, { type: 'int32', dims: [labels.length], data: labels }, classes)
}

const textModel = (classes: readonly string[], seed: number): Model =>
  network({
    name: 'intents',
    inputDims: [24],
    inputType: 'int64',
    layer: sequential({
      embedding: embedding(tokenizer.size, 128),
      mean: tokenMean(),
      hidden: linear(128, 256),
      act: relu(),
      head: linear(256, classes.length),
    }),
    classes,
    seed,
  })

const steps: (BenchStep & { readonly order: number; readonly update: number; readonly last: boolean })[] = []
for (let order = firstOrder; order < firstOrder + orders; order++) {
  const random = randomStream(order, 'order')
  const names = random.shuffle(Object.keys(domains))
  // Half of the first domain's examples come last, as the tenth update.
  const intents = domains[names[0] ?? ''] ?? []
  const firstRows = rowsOf(whole.train, intents, intents)
  const count = samples(firstRows)
  const shuffled = random.shuffle(Int32Array.from({ length: count }, (_, row) => row))
  const early = subset(firstRows, shuffled.slice(0, count / 2).sort())
  const late = subset(firstRows, shuffled.slice(count / 2).sort())
  const begun = await tuned(
    { ...settings, epochs: 4 * settings.epochs },
    textModel(intents, order),
    early,
    order,
  )
  for (const method of methods) {
    let model = begun
    let memory = exemplarsOf(early, perClass, order)
    let seen = early
    for (let update = 1; update <= 10; update++) {
      const known = model.classes
      const added = update <= 9 ? (domains[names[update] ?? ''] ?? []) : []
      const classes = [...known, ...added]
      const topics = added.length > 0 ? added : intents
      const seed = order * 1000 + update
      const train = added.length > 0 ? rowsOf(whole.train, added, classes) : among(late, classes)
      const result = await runUpdate(settings, method, {
        model,
        widened: added.length > 0 ? widenHead(model, { classes: added, seed }) : model,
        train,
        heldOut: rowsOf(whole.validation, topics, classes),
        memory,
        oldHeldOut: rowsOf(whole.validation, known, classes),
        seen,
        oldTest: rowsOf(whole.test, known, classes),
        newTest: rowsOf(whole.test, topics, classes),
        seed,
      })
      model = result.model
      steps.push({ ...result.step, order, update, last: update === 10 })
      console.log(`order ${order}, update ${update}, ${describeStep(result.step)}`)
      seen = concatenate([among(seen, classes), train], 'all')
      if (added.length > 0) {
        memory = concatenate([among(memory, classes), exemplarsOf(train, perClass, seed)], 'memory')
      }
      if (out) await writeFile(out, JSON.stringify(steps, null, 1))
    }
  }
}
console.log(`\n${summary(steps, settings.maxDrop)}`)
