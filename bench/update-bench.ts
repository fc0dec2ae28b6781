import { concatenate, type Dataset, samples, subset, withLabels } from '../src/data/dataset.ts'
import { chooseBalanced } from '../src/data/memory/sampling.ts'
import type { Engine } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { openJudge } from '../src/evaluate/judge.ts'
import type { PairedCounts } from '../src/measure/drop-test.ts'
import { normalCdf, normalQuantile } from '../src/measure/statistics.ts'
import { judgeDrop } from '../src/measure/verdict.ts'
import type { Method } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { schedule } from '../src/train/step/schedules.ts'
import { accuracyOf, answersAt, flipsBetween, predicted, split } from '../src/update/path/search.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'
import { updateModel } from '../src/update/update.ts'
import { updatedModel } from '../src/update/updated-model.ts'

/** What a stream of updates is measured with. */
export interface BenchSettings {
  readonly engine: Engine
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  readonly maxDrop: number
}

/** One update: the data, and what it is judged on, which no method sees. */
export interface BenchUpdate {
  readonly model: Model
  readonly widened: Model
  readonly train: Dataset
  readonly heldOut: Dataset
  /** Old exemplars; none where the old data are gone. */
  readonly memory: Dataset | undefined
  readonly oldHeldOut: Dataset | undefined
  /** Everything seen before, for training on all of it again. */
  readonly seen: Dataset
  readonly oldTest: Dataset
  readonly newTest: Dataset
  readonly seed: number
}

export interface BenchStep {
  readonly method: string
  readonly oldBefore: number
  readonly old: number
  readonly new: number
  readonly drop: number
  readonly status: string
  /** Trials that `update` took. */
  readonly trials?: number | undefined
  readonly seconds: number
  readonly cpu: number
  /** New accuracy with the border between old and new that is best on the test set inside the budget. */
  readonly best?: number | undefined
  readonly announced?: { readonly drop: number; readonly upper: number; readonly n: number }
  /** Flips of old test rows, and how many rows there are. */
  readonly flips: PairedCounts
}

export const argument = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback)
}

/** The settings that the command line asks for, else these. */
export const settingsFrom = (defaults: Omit<BenchSettings, 'engine' | 'batchSize'>): BenchSettings => ({
  // CPU seconds are those of one core where one thread is asked for: several wait for each other by spinning.
  engine: ortNode(argument('threads', '') ? { threads: Number(argument('threads', '')) } : {}),
  batchSize: 32,
  epochs: Number(argument('epochs', String(defaults.epochs))),
  learningRate: Number(argument('learning-rate', String(defaults.learningRate))),
  maxDrop: Number(argument('max-drop', String(defaults.maxDrop))),
})

/** CPU seconds since; default since the process began. */
export function cpuSeconds(began?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1e6
}

const plain = none()

export async function tuned(
  settings: BenchSettings,
  model: Model,
  train: Dataset,
  seed: number,
  method: Method = plain,
): Promise<Model> {
  const { engine, epochs, batchSize, learningRate } = settings
  const { parameters } = await fineTune({
    engine,
    model,
    train,
    method,
    settings: { optimiser: adam() },
    iterations: Math.ceil((samples(train) * epochs) / batchSize),
    batchSize,
    learningRate,
    schedule: schedule({ kind: 'cosine' }),
    seed,
  })
  return { ...model, parameters }
}

interface Found {
  readonly found: Int32Array
  readonly labels: Int32Array
}

async function predictions(engine: Engine, model: Model, data: Dataset): Promise<Found> {
  const judge = openJudge(engine, model, model.classes.length)
  const answers = await judge.answers(data)
  await judge.dispose()
  return { found: predicted(answers, model.classes.length, 0), labels: answers.labels }
}

export async function accuracyOn(engine: Engine, model: Model, data: Dataset): Promise<number> {
  const { found, labels } = await predictions(engine, model, data)
  return accuracyOf(found, labels)
}

/**
 * New test accuracy with the largest offset of new classes at which old test accuracy is still as said: what weights are good for, whoever
 * sets the border.
 */
export async function byOracle(
  engine: Engine,
  model: Model,
  { oldTest, newTest }: Pick<BenchUpdate, 'oldTest' | 'newTest'>,
  kept: readonly number[],
): Promise<number[]> {
  const oldClasses = new Set(oldTest.labels.data).size
  const judge = openJudge(engine, model, model.classes.length)
  try {
    const [old, fresh] = [await judge.answersOnce(oldTest), await judge.answersOnce(newTest)]
    const [onOld, onNew] = [split(old, oldClasses), split(fresh, oldClasses)]
    return kept.map((least) => {
      let [low, high] = [-100, 100]
      for (let round = 0; round < 40; round++) {
        const middle = (low + high) / 2
        if (accuracyOf(answersAt(onOld, middle), old.labels) >= least) low = middle
        else high = middle
      }
      return accuracyOf(answersAt(onNew, low), fresh.labels)
    })
  } finally {
    await judge.dispose()
  }
}

/** Does one update by one method, and measures it. */
export async function runUpdate(
  settings: BenchSettings,
  method: string,
  given: BenchUpdate,
): Promise<{ model: Model; step: BenchStep }> {
  const { engine, maxDrop } = settings
  const { model, widened, train, memory, seed } = given
  const before = await predictions(engine, model, given.oldTest)
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  let updated = widened
  let status = ''
  let trials: number | undefined
  let announced: BenchStep['announced']
  const classes = widened.classes
  if (method === 'update') {
    const result = await updateModel({
      engine,
      model,
      widened,
      data: {
        train,
        heldOut: given.heldOut,
        ...(memory ? { exemplars: among(memory, classes) } : {}),
        ...(given.oldHeldOut ? { oldHeldOut: given.oldHeldOut } : {}),
      },
      budget: { maxDrop },
      epochs: settings.epochs,
      batchSize: settings.batchSize,
      learningRate: settings.learningRate,
      seed,
    })
    updated = updatedModel({ model, widened }, result)
    status = result.status
    trials = result.trials.length
    announced = result.old ?? undefined
  } else if (method === 'none') updated = await tuned(settings, widened, train, seed)
  else if (method === 'joint') {
    updated = await tuned(settings, widened, concatenate([among(given.seen, classes), train], 'all'), seed)
  } else if (memory) {
    const old = among(memory, classes)
    const count = samples(old)
    const share = Math.max(
      0.5,
      model.classes.length / classes.length / (classes.length > model.classes.length ? 1 : 2),
    )
    // Replay of these rows alone, with no trial that changes its share.
    const replayed: Method = {
      name: 'replay',
      settings: {},
      sources: (sources) => [
        ...sources.map((source) => ({ ...source, weight: 1 - share })),
        { name: 'replay', dataset: old, tasks: 0, size: Math.min(settings.batchSize, count), weight: share },
      ],
    }
    updated = await tuned(settings, widened, train, seed, replayed)
  }
  const seconds = (performance.now() - began) / 1000
  const spent = cpuSeconds(cpu)
  const after = await predictions(engine, updated, given.oldTest)
  const fresh = await accuracyOn(engine, updated, given.newTest)
  const flips = flipsBetween(before.found, after.found, after.labels)
  return {
    model: updated,
    step: {
      method,
      oldBefore: accuracyOf(before.found, before.labels),
      old: accuracyOf(after.found, after.labels),
      new: fresh,
      drop: (flips.negative - flips.positive) / flips.total,
      flips,
      status,
      trials,
      seconds,
      cpu: spent,
      // Where classes are added there is a border to set.
      best:
        classes.length > model.classes.length
          ? (await byOracle(engine, updated, given, [accuracyOf(before.found, before.labels) - maxDrop]))[0]
          : undefined,
      ...(announced ? { announced: { drop: announced.drop, upper: announced.upper, n: announced.n } } : {}),
    },
  }
}

/** The same rows in a wider list of classes: old ones keep their places. */
export const among = (dataset: Dataset, classes: readonly string[]): Dataset =>
  withLabels(dataset, dataset.labels, classes)

/** Exemplars, the same number of each class. */
export const exemplarsOf = (train: Dataset, perClass: number, seed: number): Dataset =>
  subset(train, chooseBalanced(train, perClass, randomStream(seed, 'memory')))

export const percent = (value: number): string => `${(100 * value).toFixed(2)} %`

export function describeStep({
  old,
  oldBefore,
  drop,
  status,
  announced,
  trials,
  cpu,
  best,
  ...step
}: BenchStep): string {
  const bound = announced ? ` (announced: at most ${percent(announced.upper)}, on ${announced.n} rows)` : ''
  return `${step.method}: old ${percent(oldBefore)} -> ${percent(old)}, drop ${percent(drop)}; new ${percent(step.new)}; ${status}${trials === undefined ? '' : `, trials ${trials}`}${best === undefined ? '' : `, by the best border ${percent(best)}`}${bound} ${cpu.toFixed(1)} CPU s`
}

/** A Markdown table of methods, and what became of the budgets that were claimed. */
export function summary(steps: readonly (BenchStep & { readonly last: boolean })[], maxDrop: number): string {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const rows = [...new Set(steps.map(({ method }) => method))].map((method) => {
    const own = steps.filter((step) => step.method === method)
    const inside = own.filter(({ drop }) => drop <= maxDrop).length
    return `| ${method} | ${percent(mean(own.filter(({ last }) => last).map(({ old }) => old)))} | ${percent(mean(own.map((step) => step.new)))} | ${inside} of ${own.length} | ${percent(mean(own.flatMap(({ best }) => best ?? [])))} | ${mean(own.map(({ seconds }) => seconds)).toFixed(2)} | ${mean(own.map(({ cpu }) => cpu)).toFixed(2)} |`
  })
  const claimed = steps.filter(({ status }) => status === 'met')
  return [
    '| method | old accuracy at the end | new accuracy, mean of the updates | updates inside the budget on the test set | new, by the best border inside the budget | seconds an update | CPU seconds |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `${claimed.length} updates claimed the budget; ${claimed.filter(({ drop }) => drop <= maxDrop).length} of them keep it on the test set.`,
    judgedText(claimed, maxDrop),
  ].join('\n')
}

/** z of one side, 95 %. */
const Z = normalQuantile(0.95)

/**
 * What a test set says of claims has its own luck: a claim at the border of what its rows show is seen broken by another draw of rows more often than it
 * is false. How many are expected to be, where the drop is what was announced give or take the errors of both draws; how many the test rows show to be
 * false; and what is lost there beyond what was announced.
 */
function judgedText(claimed: readonly BenchStep[], maxDrop: number): string {
  let [expected, shown, beyond] = [0, 0, 0]
  for (const { announced, drop, flips } of claimed) {
    if (!announced) continue
    const error = (announced.upper - announced.drop) / Z
    const both = error * Math.sqrt(1 + announced.n / flips.total)
    expected += 1 - normalCdf((maxDrop - announced.drop) / both)
    if (judgeDrop(flips, { budget: maxDrop }).verdict === 'fail') shown++
    beyond += (drop - announced.drop) / claimed.length
  }
  return `Of claims as these ${expected.toFixed(1)} are seen broken by so many test rows for luck alone; ${shown} are shown to be false by them. Drops there are ${percent(beyond)} larger than announced, in the mean.`
}
