import { documentCount, samples } from '../../data/dataset.ts'
import { bitsPerByte, totalLoss } from '../../measure/text-scores.ts'
import { adviseMethods, type MethodAdvice, type Situation } from '../../methods/advise-methods.ts'
import { holdsWeights, methodParts } from '../../methods/registry.ts'
import { present } from '../../required.ts'
import { orderedBySpared, sampleTexts, withRows } from './sample-texts.ts'
import type { TriedText } from './take-text.ts'
import { relativeBudget } from './text-budget.ts'
import { openTexts, type TextContext } from './text-context.ts'
import { LOOKS } from './text-looks.ts'
import { assignTexts } from './text-parts.ts'
import type { TextRung } from './text-rungs.ts'
import { openTextTrial, plannedSteps } from './text-trial.ts'
import type { TextGuess, TextRungName, TextTrialSettings, TextUpdateOptions } from './text-update-types.ts'
import { runTextTrial } from './update-texts.ts'

/** What advice is made of: what an update is, and how long may be measured. */
export interface AdviseTextsOptions extends Omit<TextUpdateOptions, 'method' | 'time'> {
  /** Seconds for all that is measured, about. Default 60. */
  readonly time?: number | undefined
  /** New rows to train on that are measured with, at most. Default 2,000. */
  readonly most?: number | undefined
}

/** A recipe that was tried on the texts themselves. */
export interface MeasuredTextRecipe {
  /** As it is registered, and how it trained: 'replay+distil by LoRA'. */
  readonly method: string
  /** What `update` is told: its method, where it does not take it by itself, and the rungs up to the one that was tried. */
  readonly asked: { readonly method: string | undefined; readonly rungs: readonly TextRungName[] }
  readonly settings: TextTrialSettings
  /** Share of the bits of new documents that is saved at the furthest point that seems to be shown inside the budget; 0 where none is. */
  readonly gain: number
  /** Relative change of the bits of old documents that order, at the same point. */
  readonly loss: number
  /** Training and comparing, rungs below included: measured; and training on all new rows, by its steps. */
  readonly seconds: { readonly measured: number; readonly all: number }
}

/** Which method, at what cost, by what evidence. */
export interface TextAdvice {
  readonly situation: Situation
  /** What our tables say. */
  readonly prior: MethodAdvice
  /** What was measured, the best first; none where nothing old is there, or no time. */
  readonly measured: readonly MeasuredTextRecipe[]
  /** What would have taken longer than there was time for; seconds are those of training on all new rows. */
  readonly unmeasured: readonly { readonly method: string; readonly rung: string; readonly seconds: number }[]
  /** What the given model needs, bits per byte of new documents and of old ones that order; null where nothing was measured. */
  readonly before: { readonly new: number; readonly old: number } | null
  /** New rows that were trained on, and how many there are; documents that were measured on. */
  readonly texts: {
    readonly used: number
    readonly all: number
    readonly judged: number
    readonly ordered: number
  }
  readonly notes: readonly string[]
}

const defaults = { time: 60, most: 2000 } as const

/** New rows that a step is timed with. */
const TIMED_ROWS = 8

/**
 * Says which recipe suits the update of a language model: by what our tables say of its situation, and by a short sweep on its own texts. The usual
 * method climbs the ladder as an update does, the other methods that suit the situation and plain training the last rung of it, each on so many new rows
 * that all fit into `time`. What each saves inside the budget is read off old documents that order and new ones that are not trained on.
 * Documents that prove have no part in it, so that they can prove the update afterwards.
 *
 * @throws What `updateTexts` throws.
 * @example
 * const { measured } = await adviseTexts({ engine, ...learner, budget: { unit: 'relative', maxChange: 0.02 } })
 * const result = await updateTexts({ engine, ...learner, budget: { unit: 'relative', maxChange: 0.02 }, ...measured[0]?.asked })
 */
export async function adviseTexts(options: AdviseTextsOptions): Promise<TextAdvice> {
  const { time = defaults.time, most = defaults.most, ...update } = options
  const began = performance.now()
  const parts = assignTexts(update)
  const all = samples(parts.train)
  const situation: Situation = {
    ...{ model: 'language', old: parts.order ? 'some' : 'none', tasks: 'untold', classes: 'same' },
  }
  const prior = adviseMethods(situation)
  const nothing = { used: 0, all, judged: 0, ordered: 0 }
  if (!parts.order) {
    const told = { situation, prior, measured: [], unmeasured: [], before: null }
    return { ...told, texts: nothing, notes: [nothingOld] }
  }
  const opened = await openTexts(update, sampleTexts(update, parts))
  try {
    const context = await orderedBySpared(opened)
    const tries = await timedTries(context, prior)
    const left = time - (performance.now() - began) / 1000
    const fitting = roomFor(tries, {
      seconds: left,
      search: LOOKS.length * context.seconds.all,
      rows: Math.min(most, all),
    })
    const sampled = { ...context, parts: withRows(context.parts, fitting.rows, update.seed ?? 0) }
    const order = present(context.order, 'old documents that order')
    return {
      ...{ situation, prior, measured: await measureAll(sampled, fitting.tries) },
      unmeasured: tries.slice(fitting.tries.length).map((each) => ({
        method: each.name,
        rung: each.rung.place,
        seconds: each.steps * each.secondsPerStep,
      })),
      before: {
        new: bitsPerByte(totalLoss(context.choose.before)),
        old: bitsPerByte(totalLoss(order.before)),
      },
      texts: {
        ...{ used: fitting.tries.length > 0 ? fitting.rows : 0, all },
        ...{ judged: documentCount(context.choose.rows) ?? 0, ordered: documentCount(order.rows) ?? 0 },
      },
      notes: [
        ...context.doubts,
        ...(fitting.tries.length > 0 && fitting.rows < all ? [fewer(fitting.rows, all)] : []),
      ],
    }
  } finally {
    await opened.losses.dispose()
  }
}

const nothingOld =
  'No old texts are there to measure on: nothing can be said of what each method keeps on these texts, and no update can be proved. What follows is what our tables say. Make a pack when a model ships (holdfast keep).'

const fewer = (used: number, all: number): string =>
  `Measured with ${used.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} new rows to train on: with all of them recipes that train more of the model gain most.`

/** A method on a rung, and what it takes. */
interface Try {
  /** What `update` is told; undefined for what it takes by itself. */
  readonly method: string | undefined
  readonly name: string
  readonly rung: TextRung
  readonly secondsPerStep: number
  /** Over all new rows, and the fewest that make a trial. */
  readonly steps: number
  readonly least: number
}

/** The usual method on each rung of the ladder, then others on the last one, which take about as long a step. */
async function timedTries(context: TextContext, { ranked }: MethodAdvice): Promise<Try[]> {
  const { options, parts } = context
  const [usual] = ranked
  const found: Try[] = []
  for (const rung of context.rungs) {
    found.push({
      ...{ method: undefined, name: present(usual, 'method').method, rung },
      secondsPerStep: await secondsPerStep(context, rung),
      steps: plannedSteps(options, parts, rung),
      least: options.epochs === undefined ? rung.passes.least : 1,
    })
  }
  const last = found.at(-1)
  const others = [...ranked.slice(1).map(({ method }) => method), 'none'].filter(
    (method) => last?.rung.name === 'whole' || !methodParts(method).some(holdsWeights),
  )
  return last ? [...found, ...others.map((method) => ({ ...last, method, name: method }))] : found
}

/** Timed on a step's worth of rows, so that no more old rows are asked for their likeliest tokens. */
async function secondsPerStep({ options, parts, answers }: TextContext, rung: TextRung): Promise<number> {
  const few = withRows(parts, TIMED_ROWS, options.seed ?? 0)
  const trial = await openTextTrial({ options: { ...options, epochs: 1 }, parts: few, answers }, rung)
  try {
    return await trial.secondsPerStep()
  } finally {
    await trial.dispose()
  }
}

interface Room {
  readonly seconds: number
  /** Of each try, seconds that looking along its way takes. */
  readonly search: number
  readonly rows: number
}

/** As many tries as have room for their fewest steps, the last left out first, and the rows that all of them have room for. */
function roomFor(
  tries: readonly Try[],
  { seconds, search, rows }: Room,
): { tries: readonly Try[]; rows: number } {
  for (let count = tries.length; count > 0; count--) {
    const fitting = tries.slice(0, count)
    const room = Math.min(...fitting.map((each) => rowsWithin(each, seconds / count - search, rows)))
    if (room >= 1) return { tries: fitting, rows: room }
  }
  return { tries: [], rows: 0 }
}

function rowsWithin({ secondsPerStep: each, steps, least }: Try, seconds: number, rows: number): number {
  const allowed = seconds / each
  if (allowed < Math.min(steps, least)) return 0
  return steps <= allowed ? rows : Math.max(1, Math.floor((rows * allowed) / steps))
}

/** Of the usual method, which is first, a rung takes what those below it take, too, as in an update. */
async function measureAll(context: TextContext, tries: readonly Try[]): Promise<MeasuredTextRecipe[]> {
  const took: MeasuredTextRecipe['seconds'][] = []
  const recipes: MeasuredTextRecipe[] = []
  for (const [index, { method, rung, steps }] of tries.entries()) {
    const tried = await runOne({ ...context, options: { ...context.options, method } }, rung, index)
    took.push(secondsOf(tried, steps))
    const from = method === undefined ? 0 : index
    recipes.push({
      ...{ method: tried.method, settings: tried.settings, ...bestOf(tried.guesses, context) },
      asked: { method, rungs: tries.slice(from, index + 1).map((each) => each.rung.name) },
      seconds: total(took.slice(from)),
    })
  }
  return recipes.sort((a, b) => b.gain - a.gain || a.seconds.all - b.seconds.all)
}

const total = (seconds: readonly MeasuredTextRecipe['seconds'][]): MeasuredTextRecipe['seconds'] => ({
  measured: seconds.reduce((sum, { measured }) => sum + measured, 0),
  all: seconds.reduce((sum, { all }) => sum + all, 0),
})

async function runOne(context: TextContext, rung: TextRung, index: number): Promise<TriedText> {
  const trial = await openTextTrial(context, rung)
  try {
    const tried = await runTextTrial(context, trial, index)
    await tried.way.dispose()
    return tried
  } finally {
    await trial.dispose()
  }
}

const secondsOf = ({ seconds: { train, search }, settings }: TriedText, steps: number) => ({
  measured: train + search,
  all: (train * steps) / settings.steps,
})

/** The point that saves most of those whose bound, as documents that prove would give it, is inside the budget; the given model where none does. */
function bestOf(
  guesses: readonly TextGuess[],
  { options: { budget }, order }: TextContext,
): Pick<MeasuredTextRecipe, 'gain' | 'loss'> {
  const allowed = relativeBudget(budget, totalLoss(present(order, 'old documents that order').before))
  return guesses
    .filter(({ bound }) => bound <= allowed)
    .map(({ gain, loss }) => ({ gain, loss }))
    .reduce((best, guess) => (guess.gain > best.gain ? guess : best), { gain: 0, loss: 0 })
}
