import type { Tried } from '../candidates.ts'
import { bestOf, climbed } from '../climb.ts'
import { closeContext, openContext } from '../open-context.ts'
import { type Aim, bestWithin } from '../path/index.ts'
import type { RungName } from '../recipes/index.ts'
import type { TrialSettings, UpdateOptions } from '../update-types.ts'
import type { RowCounts } from './sample-rows.ts'

/** A recipe that was tried on the rows themselves. */
export interface MeasuredRecipe {
  /** As it is registered; of a head that is worked out, how. */
  readonly method: string
  /** What `update` is told: its method, where it does not take it by itself, and the rungs up to the one that was tried. */
  readonly asked: { readonly method: string | undefined; readonly rungs: readonly RungName[] }
  readonly settings: TrialSettings
  /** Accuracy on new rows that are not trained on, at the best point that seems to be inside the budget. Fractions. */
  readonly new: number
  /** Its drop on the old rows that order, which prove nothing. */
  readonly drop: number
  /** Standard error of `new`. */
  readonly error: number
  /** From the old model to this one, rungs below included: measured, and for all rows, by their number. */
  readonly seconds: { readonly measured: number; readonly all: number }
}

/** What a method came to. */
export interface MethodTrial {
  readonly recipes: readonly MeasuredRecipe[]
  /** The old model's accuracy on the new rows. */
  readonly before: number
  readonly stopped: { readonly rung: string; readonly seconds: number } | null
}

/** Climbs the ladder by one method, as an update does, and reads off what each rung reached. */
export async function tryMethod(options: UpdateOptions, counts: RowCounts): Promise<MethodTrial> {
  const context = await openContext(options)
  const { aim } = context
  try {
    return await climbed(context, ({ rungs, stopped }) => ({
      // Of several rates an update goes on with the best.
      recipes: rungs.map((tried, at) =>
        recipeOf(bestOf(tried, aim), rungs.slice(0, at + 1).flat(), {
          asked: options.method,
          aim,
          counts,
          preparation: context.preparation,
        }),
      ),
      before: aim.before,
      stopped,
    }))
  } finally {
    await closeContext(context)
  }
}

interface Facts {
  readonly asked: string | undefined
  readonly aim: Aim
  readonly counts: RowCounts
  readonly preparation: number
}

/** @param until All trials that an update makes on the way. */
function recipeOf(
  trial: Tried,
  until: readonly Tried[],
  { asked, aim, counts, preparation }: Facts,
): MeasuredRecipe {
  const point = bestWithin(trial.guesses, aim)
  const measured = until.reduce((sum, { seconds }) => sum + seconds.train + seconds.search, preparation)
  return {
    method: trial.method,
    asked: { method: asked, rungs: [...new Set(until.map(({ ground }) => ground.rung.name))] },
    settings: trial.settings,
    ...{ new: point.new, drop: point.loss },
    error: Math.sqrt((point.new * (1 - point.new)) / counts.judged),
    seconds: { measured, all: (measured * counts.all) / counts.used },
  }
}
