import { stopIfAsked } from '../stop-if-asked.ts'
import { concludeTexts } from './conclude-texts.ts'
import { measuring } from './measuring.ts'
import type { TriedText } from './take-text.ts'
import { openTexts, type TextContext } from './text-context.ts'
import { walkTexts } from './text-looks.ts'
import type { TextParts } from './text-parts.ts'
import type { TextRung } from './text-rungs.ts'
import { openTextTrial, plannedSteps, type TextTrial } from './text-trial.ts'
import type { TextUpdateOptions, TextUpdateResult } from './text-update-types.ts'

/**
 * Updates a language model on new documents so that it needs at most `budget` more bits for old ones. Climbs a ladder, low-rank updates
 * first and then all weights, each with old documents rehearsed beside the new; points on the ways from the given model to
 * what training came to are put in an order by new documents and by old ones that prove nothing, and tested in that order on all old
 * documents that are held out, up to the first that is not shown to be inside the budget (`judgeTexts`).
 *
 * `met`, `not-met`, `inconclusive` and `nothing-to-gain` mean what they do for `update`.
 *
 * @throws UsageError `update-data`, `budget-range`, `confidence-range`, `rungs-empty`, `update-memory`, `method-unknown`, `method-old-data`, `method-texts`;
 * ModelError `model-looks-ahead`, `logits-not-finite`; TrainingError `interrupted` after the signal, `diverged`; and what training throws.
 * @example
 * const { status, parameters } = await updateTexts({
 *   engine, model, data: { train, check, exemplars, heldOut }, rows: { length: 128, tokenizer }, budget: { unit: 'relative', maxChange: 0.02 },
 * })
 */
export async function updateTexts(options: TextUpdateOptions): Promise<TextUpdateResult> {
  const update = await openTextUpdate(options)
  try {
    return await update.run()
  } finally {
    await update.dispose()
  }
}

/** An update of a language model that can say what it will cost before it begins. */
export interface TextUpdate {
  /** What makes the given model's answers doubtful, and which rungs memory has no room for, in sentences. */
  readonly doubts: readonly string[]
  /** Documents by the part that they play, now that the given model was asked what it knows of them. */
  readonly parts: TextParts
  /** What those rungs are called that memory has room for, in order. */
  readonly rungs: readonly string[]
  /** Times a few steps of each rung that leave no trace. */
  estimate(): Promise<TextUpdateEstimate>
  run(): Promise<TextUpdateResult>
  dispose(): Promise<void>
}

export interface TextUpdateEstimate {
  /** Of each rung, in order. */
  readonly trials: readonly { readonly rung: string; readonly steps: number; readonly seconds: number }[]
  /** Spent already on what the given model loses. */
  readonly preparation: number
  /** What one candidate takes to be tested. */
  readonly test: number
}

/**
 * The parts of {@link updateTexts}, for those who want to know what it costs first.
 *
 * @param parts What `assignTexts` made of the same options, where that is known: documents become rows once.
 * @throws What {@link updateTexts} throws.
 * @example
 * const update = await openTextUpdate(options)
 * const { trials } = await update.estimate()
 */
export async function openTextUpdate(options: TextUpdateOptions, parts?: TextParts): Promise<TextUpdate> {
  const context = await openTexts(options, parts)
  return {
    doubts: context.doubts,
    parts: context.parts,
    rungs: context.rungs.map(({ place }) => place),
    estimate: () => estimateTexts(context),
    run: () => climbTexts(context),
    dispose: () => context.losses.dispose(),
  }
}

async function estimateTexts(context: TextContext): Promise<TextUpdateEstimate> {
  const trials: TextUpdateEstimate['trials'][number][] = []
  for (const rung of context.rungs) {
    const trial = await openTextTrial(context, rung)
    try {
      const { steps } = trial.settings
      trials.push({ rung: rung.place, steps, seconds: steps * (await trial.secondsPerStep()) })
    } finally {
      await trial.dispose()
    }
  }
  return { trials, preparation: context.seconds.all, test: context.seconds.proof }
}

/** Climbs the ladder for as long as there is time, and concludes. */
async function climbTexts(context: TextContext): Promise<TextUpdateResult> {
  const tried: TriedText[] = []
  let stopped: TextUpdateResult['stopped'] = null
  const began = performance.now()
  try {
    for (const rung of context.rungs) {
      const least = plainlyTooDear(context, rung, tried.at(-1), began)
      if (least !== undefined) {
        stopped = { rung: rung.place, seconds: least }
        break
      }
      const trial = await openTextTrial(context, rung)
      try {
        const seconds = tried.length > 0 ? await tooDear(context, trial, began) : undefined
        if (seconds !== undefined) {
          stopped = { rung: rung.place, seconds }
          break
        }
        tried.push(await runTextTrial(context, trial, tried.length))
      } finally {
        await trial.dispose()
      }
      // Without old documents that order, what one rung seems to lose says nothing beside another.
      if (!context.order) break
    }
    return await concludeTexts(context, tried, stopped)
  } finally {
    for (const { way } of tried) await way.dispose()
  }
}

/** Of twice the time that is allowed nobody has to make sure. */
const PLAINLY = 2

/**
 * Seconds that have to be allowed for a rung to be climbed, where these are plainly more than are: told without opening it, which takes memory
 * for all that it trains, as its steps take no less time each than those of the rung below.
 */
function plainlyTooDear(
  { options, parts }: TextContext,
  rung: TextRung,
  below: TriedText | undefined,
  began: number,
): number | undefined {
  const { time } = options
  if (time === undefined || below === undefined) return undefined
  const perStep = below.seconds.train / below.settings.steps
  const needed = perStep * plannedSteps(options, parts, rung) + (performance.now() - began) / 1000
  return needed > PLAINLY * time ? needed : undefined
}

/** The same as timed, where these are more than are allowed. */
async function tooDear({ options: { time } }: TextContext, trial: TextTrial, began: number) {
  if (time === undefined) return undefined
  const seconds = (await trial.secondsPerStep()) * trial.settings.steps
  const needed = seconds + (performance.now() - began) / 1000
  return needed > time ? needed : undefined
}

/** Trains a rung, and looks at what points of its way seem to be worth. */
export async function runTextTrial(
  context: TextContext,
  trial: TextTrial,
  index: number,
): Promise<TriedText> {
  const { options, losses, choose, order, parts } = context
  const { settings, method } = trial
  options.onEvent?.({ type: 'trial', trial: index, method, settings })
  const began = performance.now()
  const way = await trial.train((done) => options.onEvent?.({ type: 'progress', trial: index, ...done }))
  const searching = performance.now()
  try {
    stopIfAsked(options, `training ${settings.rung}`)
    const walked = await walkTexts({
      ...{ trial: index, way, losses, stored: options.stored, choose, order },
      proving: parts.counts.heldOut,
      onRows: measuring(options, `points between the old weights and the trained ones, ${settings.rung}`),
    })
    stopIfAsked(options, 'comparing points of the path')
    const train = (searching - began) / 1000
    const search = (performance.now() - searching) / 1000
    return { index, way, method, settings, ...walked, seconds: { train, search } }
  } catch (error) {
    await way.dispose()
    throw error
  }
}
