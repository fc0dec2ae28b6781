import { spanned } from '../spans.ts'
import type { Tried } from './candidates.ts'
import { conclude } from './conclude.ts'
import type { Context } from './context.ts'
import { type Ground, openGround } from './ground.ts'
import { type Aim, accuracyOf, predicted, withinBudget, worthClimbing } from './path/index.ts'
import { type Beginning, type Rung, readsFeatures, timeTrial } from './recipes/index.ts'
import { runTrial } from './run-trial.ts'
import { trialOptions } from './trial-options.ts'
import type { UpdateResult } from './update-types.ts'
import { firstRate, variantsOf } from './variants.ts'

/** Climbs the ladder for as long as the next rung can pay, and concludes. */
export async function runTrials(context: Context): Promise<UpdateResult> {
  if (await knowsAll(context)) return conclude(context, [])
  return climbed(context, ({ rungs, stopped }) =>
    spanned('conclude', () => conclude(context, rungs.flat(), stopped)),
  )
}

/** What was tried on each rung, from the cheapest on, and the rung that would have taken too long. */
export interface Climb {
  readonly rungs: readonly (readonly Tried[])[]
  readonly stopped: UpdateResult['stopped']
}

/**
 * Climbs the ladder for as long as the next rung can pay.
 *
 * @param use Makes something of the trials, whose rungs are given back afterwards.
 */
export async function climbed<T>(context: Context, use: (climb: Climb) => T | Promise<T>): Promise<T> {
  const { aim, rungs } = context
  const done: Climbed[] = []
  let stopped: UpdateResult['stopped'] = null
  const began = performance.now()
  try {
    for (const rung of rungs) {
      const heads = done.filter(({ ground }) => readsFeatures(ground.rung)).length
      const guesses = done.map(({ tried }) => tried.flatMap((each) => each.guesses))
      if (!worthClimbing(guesses, aim, heads)) break
      const next = await spanned('rung', () => climb(context, done, rung, began), { rung: rung.place })
      if ('seconds' in next) {
        stopped = next
        break
      }
      done.push(next)
    }
    return await use({ rungs: done.map(({ tried }) => tried), stopped })
  } finally {
    for (const { ground } of done) await ground.dispose()
  }
}

/** A rung, and its trials. */
interface Climbed {
  readonly ground: Ground
  readonly tried: readonly Tried[]
}

/** Whether the old model answers every new row right, those to train on included: then there is nothing to train for. */
async function knowsAll({ judge, options, oldClasses, aim }: Context): Promise<boolean> {
  if (aim.before < 1 || aim.added) return false
  const answers = await judge.answersOnce(options.data.train)
  return accuracyOf(predicted(answers, oldClasses, 0), answers.labels) === 1
}

/** Seconds that have to be allowed for a rung to be climbed, where these are more than are. */
async function tooDear(context: Context, ground: Ground, start: number): Promise<number | undefined> {
  const { options } = context
  if (options.time === undefined) return undefined
  const tries = variantsOf(options, ground.rung).length
  const { trial } = trialOptions(context, ground, 0, { rate: firstRate(options, ground.rung) })
  const seconds = (await timeTrial(trial)) * trial.iterations * tries
  const needed = seconds + (performance.now() - start) / 1000
  return needed > options.time ? needed : undefined
}

/**
 * Tries a rung at each of its rates, from where the best trial of the rung below has come to. The first rung is always climbed, others only
 * where they seem to end in the time that is allowed.
 */
async function climb(
  context: Context,
  below: readonly Climbed[],
  rung: Rung,
  start: number,
): Promise<Climbed | NonNullable<UpdateResult['stopped']>> {
  const began = performance.now()
  const ground = await openGround(context, rung)
  try {
    const seconds = below.length > 0 ? await tooDear(context, ground, start) : undefined
    if (seconds !== undefined) {
      await ground.dispose()
      return { rung: rung.place, seconds }
    }
    const tried: Tried[] = []
    const first = below.reduce((count, each) => count + each.tried.length, 0)
    const opened = (performance.now() - began) / 1000
    for (const [at, variant] of variantsOf(context.options, rung).entries()) {
      const done = await runTrial(context, ground, first + at, {
        ...variant,
        from: beginningAbove(context, below),
      })
      tried.push(
        at === 0 ? { ...done, seconds: { ...done.seconds, train: done.seconds.train + opened } } : done,
      )
    }
    return { ground, tried }
  } catch (error) {
    await ground.dispose()
    throw error
  }
}

/**
 * Where classes are added the paths of all rungs but the first begin with a head that knows them, over the old layers below; else with the
 * old weights.
 */
function beginningAbove({ aim }: Context, below: readonly Climbed[]): Beginning | undefined {
  const last = below.at(-1)
  const start = below[0]
  if (!last || !start) return undefined
  const { trained } = bestOf(last.tried, aim)
  const first = bestOf(start.tried, aim).trained
  return { weights: trained.end, path: aim.added ? first.end : first.start }
}

/** The trial of a rung that seems to get most inside the budget; the earlier, which was cheaper, of those that get as much. */
export function bestOf(tried: readonly Tried[], aim: Aim): Tried {
  const worth = (each: Tried) => withinBudget(each.guesses, aim)
  return tried.reduce((best, each) => (worth(each) > worth(best) ? each : best))
}
