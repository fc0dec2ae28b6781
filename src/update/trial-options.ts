import { augmentText } from '../data/augment/index.ts'
import { samples } from '../data/dataset.ts'
import { present } from '../required.ts'
import { augmentationOf } from '../train/augment/index.ts'
import { taskSources } from '../train/run/index.ts'
import { adam, schedule } from '../train/step/index.ts'
import { outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { updateDefaults } from './defaults.ts'
import type { Ground } from './ground.ts'
import { type Beginning, type Rung, type TrialOptions, trialMethod } from './recipes/index.ts'
import type { TrialSettings, UpdateOptions } from './update-types.ts'

/** Rows a step: of new data. */
export const batchOf = ({ batchSize = updateDefaults.batchSize, data }: UpdateOptions): number =>
  Math.min(batchSize, samples(data.train))

/** What of an update a method's options depend on, in the trial of that number. */
export const placeOf = (
  { options, parts }: Pick<Context, 'options' | 'parts'>,
  trial: number,
  rung: Rung,
) => ({
  ...{ trial, protection: rung.protection, batchSize: batchOf(options) },
  oldRows: parts.exemplars ? samples(parts.exemplars) : 0,
  oldClasses: outputsOf(options),
  classes: options.widened.classes.length,
})

/** What a rung trains with at one rate, in the trial of that number. */
export function trialOptions(
  context: Context,
  ground: Ground,
  index: number,
  { rate, from }: { readonly rate: number; readonly from?: Beginning | undefined },
) {
  const { options, method: name } = context
  const { rung, past, reader, widened, task } = ground
  const { passes, protection } = rung
  const place = placeOf(context, index, rung)
  const { method, options: methodOptions } = trialMethod(name, options.methodOptions ?? {}, place)
  const [fresh, ...others] = taskSources(method, past, task)
  const rows = samples(present(fresh, 'new rows').dataset)
  const asked = options.epochs === undefined ? undefined : steps(rows, options.epochs, task.batchSize)
  const iterations =
    asked ?? Math.min(passes.most, Math.max(passes.least, steps(rows, passes.epochs, task.batchSize)))
  // Activations are of images as they are.
  const augment = rung.cut ? undefined : options.augment
  const augmentation = augmentationOf(augment, task.train)
  const used: TrialSettings = {
    ...{ rung: rung.place, ...protection, methodOptions },
    ...(augmentation && { augment: augmentText(augmentation.spec) }),
    ...{ batchSize: task.batchSize, learningRate: rate },
    epochs: options.epochs ?? Math.round((10 * iterations * task.batchSize) / rows) / 10,
  }
  const trial: TrialOptions = {
    engine: options.engine,
    model: widened,
    from,
    oldClasses: context.oldClasses,
    ...{ method, state: past, task, reader },
    settings: { optimiser: options.optimiser ?? adam(), augment: options.augment },
    select: options.select ?? { kind: 'all' },
    lora: options.lora,
    iterations,
    learningRate: rate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    signal: options.signal,
  }
  return { used, trial, unlabelled: others.some((source) => source.labelled === false) }
}

const steps = (rows: number, epochs: number, batchSize: number): number =>
  Math.max(1, Math.ceil((rows * epochs) / batchSize))
