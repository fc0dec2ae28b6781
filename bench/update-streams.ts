import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concatenate, type Dataset, samples, subset, withLabels } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { chooseBalanced } from '../src/data/sampling.ts'
import { createTokenizer } from '../src/data/tokens.ts'
import { wordVocabulary } from '../src/data/vocabulary.ts'
import type { Engine } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { rehearsal } from '../src/methods/rehearsal.ts'
import { embedding, linear, network, relu, sequential, tokenMean } from '../src/model/index.ts'
import type { Model } from '../src/model/model.ts'
import { widenHead } from '../src/model/widen.ts'
import { randomStream } from '../src/tensor/random.ts'
import { adam } from '../src/train/optimisers.ts'
import { schedule } from '../src/train/schedules.ts'
import { fineTune } from '../src/update/fine-tune.ts'
import { openJudge } from '../src/update/judge.ts'
import { flipsBetween, predicted } from '../src/update/search.ts'
import { updateModel } from '../src/update/update.ts'

/**
 * CLINC150 as a stream of domains: a text classifier that knows the intents of one domain is updated with the next,
 * nine times, and a tenth time with more examples of the first. Methods: `update` (this project's), plain fine-tuning,
 * replay of the same exemplars, and training on everything again.
 *
 *   HOLDFAST_DATA=... node scripts/run.mjs bench/update-streams.ts --orders 5 --methods update,none,replay,joint
 *
 * The held-out old rows that `update` may look at are the validation split's and 20 training examples an intent; the budget is then judged on the test split,
 * which no method sees.
 */
const argument = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback)
}
const orders = Number(argument('orders', '5'))
const firstOrder = Number(argument('from', '1'))
const methods = argument('methods', 'update,none,replay,joint').split(',')
const perClass = Number(argument('per-class', '10'))
const epochs = Number(argument('epochs', '15'))
const maxDrop = Number(argument('max-drop', '0.01'))
const trials = Number(argument('trials', '2'))
const learningRate = Number(argument('learning-rate', '2e-3'))
const out = argument('out', '')
const BATCH = 32

interface Splits {
  readonly train: Dataset
  readonly validation: Dataset
  readonly test: Dataset
}

const engine = ortNode()
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
const given: Splits = { train: await read('train'), validation: await read('val'), test: await read('test') }
// Of the 100 training examples an intent, 20 are held out beside the 20 of the validation split.
const apart = new Set(chooseBalanced(given.train, 20, randomStream(0, 'held out')))
const rest = Int32Array.from({ length: samples(given.train) }, (_, row) => row).filter(
  (row) => !apart.has(row),
)
const whole: Splits = {
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

/** The same rows in a wider list of classes: old ones keep their places. */
const among = (dataset: Dataset, classes: readonly string[]): Dataset =>
  withLabels(dataset, dataset.labels, classes)

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

const plain = rehearsal({ rehearsed: [] })
const iterations = (dataset: Dataset): number => Math.ceil((samples(dataset) * epochs) / BATCH)

async function tuned(model: Model, train: Dataset, seed: number, method = plain, passes = 1): Promise<Model> {
  const { parameters } = await fineTune({
    engine,
    model,
    train,
    method,
    settings: { optimiser: adam() },
    iterations: passes * iterations(train),
    batchSize: BATCH,
    learningRate,
    schedule: schedule({ kind: 'cosine' }),
    seed,
  })
  return { ...model, parameters }
}

async function predictions(
  on: Engine,
  model: Model,
  data: Dataset,
): Promise<{ found: Int32Array; labels: Int32Array }> {
  const judge = openJudge(on, model, model.classes.length)
  const answers = await judge.answers(data)
  await judge.dispose()
  return { found: predicted(answers, model.classes.length, 0), labels: answers.labels }
}

interface Step {
  readonly order: number
  readonly update: number
  readonly method: string
  readonly old: number
  readonly oldBefore: number
  readonly new: number
  readonly drop: number
  readonly status: string
  readonly seconds: number
  readonly announced?: { readonly drop: number; readonly upper: number; readonly n: number }
}

const steps: Step[] = []
for (let order = firstOrder; order < firstOrder + orders; order++) {
  const random = randomStream(order, 'order')
  const names = random.shuffle(Object.keys(domains))
  // A part of the first domain's examples comes last, as the tenth update.
  const first = names[0] ?? ''
  const intents = domains[first] ?? []
  const whole1 = rowsOf(whole.train, intents, intents)
  const count = samples(whole1)
  const shuffled = random.shuffle(Int32Array.from({ length: count }, (_, row) => row))
  const early = subset(whole1, shuffled.slice(0, count / 2).sort())
  const late = subset(whole1, shuffled.slice(count / 2).sort())
  const begun = await tuned(textModel(intents, order), early, order, plain, 4)
  for (const method of methods) {
    let model = begun
    let memory = chosen(early, order)
    let seen = early
    for (let update = 1; update <= 10; update++) {
      const known = model.classes
      const added = update <= 9 ? (domains[names[update] ?? ''] ?? []) : []
      const classes = [...known, ...added]
      const topics = added.length > 0 ? added : intents
      const widened =
        added.length > 0 ? widenHead(model, { classes: added, seed: order * 100 + update }) : model
      const train = added.length > 0 ? rowsOf(whole.train, added, classes) : among(late, classes)
      const oldTest = rowsOf(whole.test, known, classes)
      const newTest = rowsOf(whole.test, topics, classes)
      const before = await predictions(engine, model, oldTest)
      const began = performance.now()
      let status = ''
      let announced: Step['announced']
      const seed = order * 1000 + update
      if (method === 'update') {
        const result = await updateModel({
          engine,
          model,
          widened,
          data: {
            train,
            heldOut: rowsOf(whole.validation, topics, classes),
            exemplars: among(memory, classes),
            oldHeldOut: rowsOf(whole.validation, known, classes),
          },
          budget: { maxDrop },
          trials,
          epochs,
          batchSize: BATCH,
          learningRate,
          seed,
        })
        model = { ...widened, parameters: result.parameters }
        status = result.status
        announced = result.old ?? undefined
      } else if (method === 'none') model = await tuned(widened, train, seed)
      else if (method === 'joint') {
        model = await tuned(widened, concatenate([among(seen, classes), train], 'all'), seed)
      } else {
        const old = among(memory, classes)
        const share = Math.max(0.5, known.length / classes.length)
        const logits = {
          type: 'float32' as const,
          dims: [samples(old), 1],
          data: new Float32Array(samples(old)),
        }
        const replayed = { name: 'replay', dataset: old, logits, size: Math.min(BATCH, samples(old)), share }
        model = await tuned(widened, train, seed, rehearsal({ rehearsed: [replayed], weight: 0 }))
      }
      const seconds = (performance.now() - began) / 1000
      const after = await predictions(engine, model, oldTest)
      const fresh = await predictions(engine, model, newTest)
      const flips = flipsBetween(before.found, after.found, after.labels)
      const step: Step = {
        order,
        update,
        method,
        old: accuracy(after),
        oldBefore: accuracy(before),
        new: accuracy(fresh),
        drop: (flips.negative - flips.positive) / flips.total,
        status,
        seconds,
        ...(announced ? { announced: { drop: announced.drop, upper: announced.upper, n: announced.n } } : {}),
      }
      steps.push(step)
      console.log(
        `order ${order} ${method} ${update}: old ${percent(step.old)} (drop ${percent(step.drop)}) new ${percent(step.new)} ${status} ${announced ? `announced <= ${percent(announced.upper)} on ${announced.n}` : ''} ${seconds.toFixed(1)} s`,
      )
      seen = concatenate([among(seen, classes), train], 'all')
      const kept = update <= 9 ? [among(memory, classes), chosen(train, seed)] : [memory]
      memory = concatenate(kept, 'memory')
      if (out) await writeFile(out, JSON.stringify(steps, null, 1))
    }
  }
}

function chosen(train: Dataset, seed: number): Dataset {
  return subset(train, chooseBalanced(train, perClass, randomStream(seed, 'memory')))
}

function accuracy({ found, labels }: { found: Int32Array; labels: Int32Array }): number {
  return labels.reduce((sum, label, row) => sum + (found[row] === label ? 1 : 0), 0) / labels.length
}

function percent(value: number): string {
  return `${(100 * value).toFixed(2)} %`
}

console.log(
  '\n| method | old accuracy at the end | new accuracy, mean of updates | updates whose drop on the test set is inside the budget | seconds an update |',
)
console.log('|---|---|---|---|---|')
for (const method of methods) {
  const own = steps.filter((step) => step.method === method)
  const last = own.filter(({ update }) => update === 10)
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  console.log(
    `| ${method} | ${percent(mean(last.map(({ old }) => old)))} | ${percent(mean(own.map((step) => step.new)))} | ${own.filter(({ drop }) => drop <= maxDrop).length} of ${own.length} | ${mean(own.map(({ seconds }) => seconds)).toFixed(1)} |`,
  )
}
const claimed = steps.filter(({ status }) => status === 'met')
if (methods.includes('update')) {
  console.log(
    `\n${claimed.length} updates claimed the budget; on the test set ${claimed.filter(({ drop }) => drop <= maxDrop).length} of them keep it.`,
  )
}
