import { spanned } from '../spans.ts'
import type { Tried } from './candidates.ts'
import type { Context } from './context.ts'
import type { Ground } from './ground.ts'
import { crossFits } from './parts.ts'
import { type Look, walkPath } from './path/index.ts'
import {
  type Beginning,
  type ClosedFormKind,
  closedFormTrial,
  type TrialOptions,
  train,
  trainNormed,
} from './recipes/index.ts'
import { stopIfAsked } from './stop-if-asked.ts'
import { trialOptions } from './trial-options.ts'
import type { UpdateOptions } from './update-types.ts'
import type { Variant } from './variants.ts'

/** Trains once, or works a head out, and guesses what points on the way there are worth. */
export async function runTrial(
  context: Context,
  ground: Ground,
  index: number,
  at: Variant & { readonly from: Beginning | undefined },
): Promise<Tried> {
  const { options } = context
  const { engine } = options
  const began = performance.now()
  const { settings, name, trained } =
    'kind' in at ? await workOut(context, ground, index, at.kind) : await trainAt(context, ground, index, at)
  stopIfAsked(options, `training ${ground.rung.place}`)
  options.onEvent?.({ type: 'trained', trial: index, start: trained.start, parameters: trained.end })
  const searching = performance.now()
  const looks: Look[] = []
  const way = {
    engine,
    judge: ground.judge,
    trial: index,
    start: trained.start,
    end: trained.end,
    order: ground.order,
    before: context.baseline.order,
    fresh: ground.choose,
    oldClasses: context.oldClasses,
    shift: context.shift,
    stored: options.stored,
    onLook: crossFits(context.parts) ? (look: Look) => looks.push(look) : undefined,
  }
  const guesses = await spanned('walk the path', () => walkPath(way))
  stopIfAsked(options, 'comparing points of the path')
  return {
    ...{ index, ground, trained, guesses, looks },
    method: name,
    settings,
    seconds: { train: (searching - began) / 1000, search: (performance.now() - searching) / 1000 },
  }
}

/** What a trial came to, before its path is looked at. */
type Trial = Pick<Tried, 'settings' | 'trained'> & { readonly name: string }

async function trainAt(
  context: Context,
  ground: Ground,
  index: number,
  at: { readonly rate: number; readonly from: Beginning | undefined },
): Promise<Trial> {
  const { options, method } = context
  const { onEvent } = options
  const { used, trial, unlabelled } = trialOptions(context, ground, index, at)
  const name = methodName(method, unlabelled, options)
  onEvent?.({ type: 'trial', trial: index, method: name, settings: used })
  const told: TrialOptions = {
    ...trial,
    onProgress: (progress) => onEvent?.({ type: 'progress', trial: index, ...progress }),
  }
  const { rung, exemplars } = ground
  const trained = await (rung.follows ? trainNormed(told, exemplars) : train(told))
  return { settings: used, trained, name }
}

async function workOut(
  { options }: Context,
  { rung, task, summed }: Ground,
  index: number,
  kind: ClosedFormKind,
): Promise<Trial> {
  const settings = {
    ...{ rung: rung.place, ...rung.protection, epochs: 0, batchSize: task.batchSize, learningRate: 0 },
  }
  options.onEvent?.({ type: 'trial', trial: index, method: kind, settings })
  const { seed = 0, signal } = options
  const trained = await closedFormTrial(await summed(), { kind, seed, signal })
  return { settings, trained, name: kind }
}

function methodName(method: string, unlabelled: boolean, { lora, select }: UpdateOptions): string {
  const tuned = lora ? ' by LoRA' : select && select.kind !== 'all' ? ` of ${select.kind}` : ''
  return `${method}${unlabelled ? '+unlabelled' : ''}${tuned}`
}
