import { addsClasses } from './classes.ts'
import type { Context } from './context.ts'
import { openGround } from './ground.ts'
import { rowsIn } from './parts.ts'
import { TIMED_STEPS, timeTrial, warmUpSteps } from './recipes/index.ts'
import { trialOptions } from './trial-options.ts'
import type { UpdateEstimate } from './update-types.ts'
import { firstRate, variantsOf } from './variants.ts'

/** Points that are looked at on a path. */
const POINTS = 5

/** Prepares every rung and times a few of its steps, which leave no trace. */
export async function estimate(context: Context): Promise<UpdateEstimate> {
  const { rungs, parts, options, secondsPerRow, preparation } = context
  const check = (rowsIn(parts.check) + (parts.proof?.labels.length ?? 0)) * secondsPerRow
  const added = addsClasses(options)
  const trials: { readonly steps: number; readonly seconds: number }[] = []
  let slowest = 0
  for (const [index, rung] of rungs.entries()) {
    const began = performance.now()
    const ground = await openGround(context, rung)
    try {
      const tries = variantsOf(options, rung).length
      if (rung.name === 'closed-form') {
        trials.push({ steps: 0, seconds: (performance.now() - began) / 1000 })
        continue
      }
      const { trial } = trialOptions(context, ground, index, { rate: firstRate(options, rung) })
      const secondsPerStep = await timeTrial(trial)
      // What is left of the time went to rows, to building the step and opening it, which the trial does anew.
      const opening = Math.max(0, (performance.now() - began) / 1000 - (TIMED_STEPS + 1) * secondsPerStep)
      const steps = trial.iterations + (added && index === 0 ? warmUpSteps(trial) : 0)
      const judged = POINTS * rowsIn(parts.choose, parts.order) * secondsPerRow
      slowest = Math.max(slowest, secondsPerStep)
      trials.push({ steps, seconds: opening + tries * (steps * secondsPerStep + judged) })
    } finally {
      await ground.dispose()
    }
  }
  return { trials, secondsPerStep: slowest, preparation, check }
}
