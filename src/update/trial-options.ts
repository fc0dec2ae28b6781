import { augmentText } from '../data/augment/index.ts'
import { samples } from '../data/dataset.ts'
import type { TaskContext } from '../methods/method.ts'
import { present } from '../required.ts'
import { augmentationOf } from '../train/augment/index.ts'
import { taskSources } from '../train/run/index.ts'
import { adam, schedule } from '../train/step/index.ts'
import { outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { updateDefaults } from './defaults.ts'
import { type Protection, type TrialOptions, trialMethod } from './recipes/index.ts'
import type { TrialSettings, UpdateOptions } from './update-types.ts'

/**
 * What all trials train with.
 *
 * @throws UsageError `augment-data` for new rows that cannot be augmented as asked.
 */
export function settingsOf(options: UpdateOptions): Context['settings'] {
  const { model, epochs, batchSize, learningRate, data } = options
  const augmentation = augmentationOf(options.augment, data.train)
  const normed = model.graph.nodes.some(({ op }) => /Layer(Norm|Normalization)$|RMSNorm/.test(op))
  return {
    epochs: epochs ?? updateDefaults.epochs,
    batchSize: batchSize ?? updateDefaults.batchSize,
    learningRate: learningRate ?? (normed ? 1e-4 : 1e-3),
    ...(augmentation && { augment: augmentText(augmentation.spec) }),
  }
}

/** Steps of a trial that passes over `rows` rows; where classes are added, a fifth as many come before for the head. */
const stepsOf = (rows: number, { epochs, passes, batchSize }: TrialSettings): number =>
  Math.max(1, Math.ceil((rows * epochs * passes) / batchSize))

/** What of an update a method's options depend on, in the trial of that number. */
export const placeOf = (
  options: UpdateOptions,
  { batchSize }: TaskContext,
  trial: number,
  protection: Protection,
) => ({
  ...{ trial, protection, batchSize },
  oldRows: options.data.exemplars ? samples(options.data.exemplars) : 0,
  oldClasses: outputsOf(options),
  classes: options.widened.classes.length,
})

/** What the trial of that number trains with. */
export function trialOptions(context: Context, index: number, protection: Protection) {
  const { options, method: name, past, reader, settings } = context
  const place = placeOf(options, context.task, index, protection)
  const { method, options: methodOptions } = trialMethod(name, options.methodOptions ?? {}, place)
  const used: TrialSettings = { ...protection, ...settings, methodOptions }
  const [fresh, ...others] = taskSources(method, past, context.task)
  const rows = samples(present(fresh, 'new rows').dataset)
  const task = { ...context.task, batchSize: Math.min(used.batchSize, rows) }
  const trial: TrialOptions = {
    engine: options.engine,
    model: options.widened,
    oldClasses: context.oldClasses,
    ...{ method, state: past, task, reader },
    settings: { optimiser: options.optimiser ?? adam(), augment: options.augment },
    select: options.select ?? { kind: 'all' },
    lora: options.lora,
    iterations: stepsOf(rows, used),
    learningRate: used.learningRate * protection.rate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    signal: options.signal,
  }
  return {
    used,
    trial,
    /** Rows in a batch. */
    width: others.reduce((sum, { size }) => sum + size, task.batchSize),
    unlabelled: others.some((source) => source.labelled === false),
  }
}
