import { samples } from '../data/dataset.ts'
import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { present } from '../required.ts'
import { taskSources } from '../train/run/index.ts'
import { adam, schedule } from '../train/step/index.ts'
import type { Context } from './context.ts'
import type { Ground } from './ground.ts'
import { type Beginning, readsFeatures, type TrialOptions, trialMethod } from './recipes/index.ts'
import { placeOf } from './trial-place.ts'
import type { TrialSettings, UpdateOptions } from './update-types.ts'
import { augmentationTold, viewsOf } from './views.ts'

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
  const rows = samples(present(fresh, 'new rows').dataset) / viewsOf(options, rung)
  // Passes are asked for because of what they cost: a head on stored features trains to its end, unless it is all that trains.
  const epochs = readsFeatures(rung) && !context.rungs.every(readsFeatures) ? undefined : options.epochs
  const asked = epochs === undefined ? undefined : steps(rows, epochs, task.batchSize)
  const iterations =
    asked ?? Math.min(passes.most, Math.max(passes.least, steps(rows, passes.epochs, task.batchSize)))
  // Above a cut views of the images were taken before.
  const augment = rung.cut ? undefined : options.augment
  const told = augmentationTold(options, rung)
  const used: TrialSettings = {
    ...{ rung: rung.place, ...protection, methodOptions },
    ...(told !== undefined && { augment: told }),
    ...{ batchSize: task.batchSize, learningRate: rate },
    epochs: epochs ?? Math.round((10 * iterations * task.batchSize) / rows) / 10,
  }
  const trial: TrialOptions = {
    engine: options.engine,
    model: widened,
    from,
    oldClasses: context.oldClasses,
    ...{ method, state: past, task, reader },
    settings: { optimiser: options.optimiser ?? adam(), augment, recompute: options.recompute },
    ...whatTrains(options, widened),
    iterations,
    learningRate: rate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    signal: options.signal,
  }
  return { used, trial, unlabelled: others.some((source) => source.labelled === false) }
}

/** As asked; beside layers of few bits their updates are low-rank ones that the file has, and all else but the head stays. */
function whatTrains(
  { select, lora, updates }: UpdateOptions,
  part: Model,
): Pick<TrialOptions, 'select' | 'lora'> {
  if (!updates) return { select: select ?? { kind: 'all' }, lora }
  if (select && select.kind !== 'all' && !lora) return { select, lora }
  const head = lora?.head === false ? undefined : findHead(part)
  const wanted = new Set([...updates, head?.weight, head?.bias])
  return {
    select: { kind: 'names', patterns: [...part.parameters.keys()].filter((name) => wanted.has(name)) },
    lora: undefined,
  }
}

const steps = (rows: number, epochs: number, batchSize: number): number =>
  Math.max(1, Math.ceil((rows * epochs) / batchSize))
