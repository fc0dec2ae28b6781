import { count } from '../count.ts'
import { itemAt } from '../required.ts'
import type { ClassAccuracy } from './by-class.ts'
import { mostAt } from './outlook.ts'
import { type Budget, type HeldBack, nothingToGain, ofClasses } from './path/index.ts'
import { trialWords } from './trial-words.ts'
import type { UpdateResult } from './update-types.ts'

const percent = (fraction: number): string => (100 * fraction).toFixed(1)
const whole = (value: number): string => value.toLocaleString('en-US')

/** One more point of budget. */
const MORE = 0.01

/** What one more point of budget would probably buy. Fractions. */
export interface MorePoint {
  readonly budget: number
  /** New accuracy on the rows that candidates were compared on, an estimate; never below that of the chosen point. */
  readonly new: number
}

/**
 * The best that seems to lose at most a point more than what was chosen: a bound that is a point higher lets about that much more through.
 * Null where the budget is not kept, or nothing was measured.
 */
export function morePoint(
  { status, chosen, old, trials }: UpdateResult,
  { maxDrop }: Budget,
): MorePoint | null {
  if (status !== 'met' || !chosen || !old) return null
  const outlooks = trials.map(({ outlook }) => outlook)
  const most = mostAt(outlooks, old.drop + MORE)
  return most === undefined ? null : { budget: maxDrop + MORE, new: Math.max(most, chosen.new) }
}

/** Whether the old model stays as there was nearly nothing to learn; where it knew less, training came to nothing. */
export const knewAll = ({ status, new: { before } }: Pick<UpdateResult, 'status' | 'new'>): boolean =>
  status === 'nothing-to-gain' && nothingToGain({ before })

/** What would help, by what limits: proof, rows of a class, the budget, time; in sentences. */
export function adviceFor(result: UpdateResult, budget: Budget): string[] {
  const { status, learned, heldBack, stopped } = result
  const kept = status === 'nothing-to-gain' || status === 'met'
  return [
    ...(learned || knewAll(result) ? [] : [learnMore]),
    ...(kept ? [] : helpFor(result, budget)),
    ...(kept ? moreProof(result, budget) : []),
    ...(kept ? moreBudget(result, budget) : []),
    ...(kept && heldBack ? [helpWith(heldBack, result.trials)] : []),
    ...moreRows(result),
    ...narrower(result),
    ...(stopped ? [moreTime(stopped)] : []),
  ]
}

/** A larger budget than so many times the one asked for, or than that many points, is no advice: it would let nearly anything through. */
const WORTH_NAMING = { times: 2, most: 0.2 } as const

/** What was lost over all releases counts, too; that it is spent is no fault of this update. */
function totalHelp({ claims, first }: NonNullable<UpdateResult['old']>): string[] {
  const broken = claims.find(
    (claim) =>
      claim.name.startsWith('total') &&
      !ofClasses(claim) &&
      claim.maxDrop !== null &&
      claim.verdict !== 'pass',
  )
  if (!broken) return []
  const since = `against ${first ?? 'the first release'}`
  const allowed = broken.maxDrop ?? 0
  const looser = Math.ceil(broken.upper * 1000) / 1000
  const anew = "a new pack of today's model, which makes it the first release."
  if (looser <= Math.min(WORTH_NAMING.times * allowed, WORTH_NAMING.most)) {
    return [
      `A larger budget for all releases together: ${since} up to ${percent(broken.upper)} points are lost, and ${percent(allowed)} are allowed (--max-drop-total ${(100 * looser).toFixed(1)}%). Or ${anew}`,
    ]
  }
  if (broken.verdict === 'inconclusive') {
    return [
      `More held-out old examples for what all releases together lose: ${since} that is ${percent(broken.lower)} to ${percent(broken.upper)} points by ${count(broken.n, 'row')}, too few to tell whether it is inside the ${percent(allowed)} allowed.`,
    ]
  }
  return [
    `Less forgetting in all releases together: ${since} at least ${percent(broken.lower)} points are lost, and ${percent(allowed)} are allowed, which is too far off for a larger budget. Where that much may go, ${anew}`,
  ]
}

/** Classes that are shown to have lost more than a class may. */
function classHelp({ claims }: NonNullable<UpdateResult['old']>): string[] {
  const broken = claims.filter((claim) => ofClasses(claim) && claim.verdict === 'fail')
  const looser = Math.ceil(1000 * Math.max(0, ...broken.map(({ lower }) => lower))) / 1000
  const named = [...new Set(broken.flatMap(({ worse = [] }) => worse.map(({ name }) => `"${name}"`)))].slice(
    0,
    3,
  )
  return broken.length === 0
    ? []
    : [
        `More old examples of ${named.join(', ')} to rehearse, or a larger budget for a class: about --max-drop-per-class ${(100 * looser).toFixed(1)}% would let this point through.`,
      ]
}

/** What training had learned and the budget did not let through. */
const helpWith = ({ reached, chosen, trial }: HeldBack, trials: UpdateResult['trials']): string =>
  `The budget held back what training had learned: by "${trialWords(itemAt(trials, trial, 'trial'))}" ${percent(reached)} % of the new rows that points were compared on are right, where the border between old and new serves both best; ${percent(chosen)} % of the same rows are at the chosen point. More old examples or a larger budget may let more through.`

/** What may help where nothing was learned. */
const learnMore =
  'Longer training (--epochs), another --learning-rate, or more of the model to train (--train all); and a look at whether the new labels are right.'

/** New accuracy that is worth a sentence on how to get it. */
const WORTH_PROVING = 0.01
const WORTH_A_BUDGET = 0.05
/** Nobody gathers more than so many times the old rows that there are. */
const MANY_TIMES = 20

/** The rows that prove are what limits: further on candidates are seen inside the budget. */
function moreProof({ unshown, chosen, old, trials }: UpdateResult, { maxDrop }: Budget): string[] {
  if (!unshown || !chosen || !old || unshown.neededN <= old.n || unshown.neededN > MANY_TIMES * old.n)
    return []
  const most = mostAt(
    trials.map(({ outlook }) => outlook),
    maxDrop,
  )
  const inside = Math.max(unshown.new, most ?? 0)
  if (inside - chosen.new < WORTH_PROVING) return []
  return [
    `More held-out old examples: the next point is seen inside the budget, but ${whole(old.n)} do not show it; about ${whole(unshown.neededN)} would. By an estimate up to ${percent(inside)} % of the new rows that points were compared on can be right inside the budget; ${percent(chosen.new)} % of the same rows are at the chosen point.`,
  ]
}

/** The budget is what limits. */
function moreBudget(result: UpdateResult, budget: Budget): string[] {
  const more = morePoint(result, budget)
  const { chosen } = result
  if (!more || !chosen || more.new - chosen.new < WORTH_A_BUDGET) return []
  return [
    `Another budget: with --max-drop ${percent(more.budget)}% probably about ${percent(more.new)} % of the new rows that points were compared on would be right, instead of ${percent(chosen.new)} %.`,
  ]
}

/** A class is low of which less than this is right, and so much less than of all new rows; of fewer rows nothing is said. */
const LOW = { below: 0.5, apart: 0.2, rows: 5, named: 3 } as const

/** Classes whose rows are what limits. */
export const lowClasses = ({ after, byClass }: UpdateResult['new']): readonly ClassAccuracy[] =>
  byClass
    .filter(({ n, after: own }) => n >= LOW.rows && own < LOW.below && own < after - LOW.apart)
    .sort((a, b) => a.after - b.after)

function moreRows({ status, new: fresh }: UpdateResult): string[] {
  if (status === 'nothing-to-gain') return []
  const low = lowClasses(fresh)
  if (low.length === 0) return []
  const named = low
    .slice(0, LOW.named)
    .map(
      ({ name, n, after, trained }) =>
        `"${name}" (${percent(after)} % of ${whole(n)} are right; ${count(trained, 'row')} to train on)`,
    )
  const others = low.length - named.length
  return [
    `More new examples of classes that lag behind: ${named.join(', ')}${others > 0 ? `, and ${whole(others)} more` : ''}.`,
  ]
}

/** Random features that gain less than what is worth a sentence cost for nothing. */
function narrower({ expansion }: UpdateResult): string[] {
  const found = expansion?.closedForm
  if (!found || found.with - found.without >= WORTH_PROVING) return []
  return [
    'No random features before the head (leave out --expand-head): in closed form they gain less than a point, and the file is larger by them.',
  ]
}

/** Room for what the estimate does not see. */
const SLACK = 1.25

function moreTime({ rung, seconds }: NonNullable<UpdateResult['stopped']>): string {
  const minutes = Math.ceil((SLACK * seconds) / 60)
  return `More time: ${rung} did not train, as that seemed to end only after ${whole(Math.ceil(seconds))} seconds (--time ${minutes}m).`
}

function helpFor({ status, old, trials }: UpdateResult, { maxDrop }: Budget): string[] {
  if (!old) {
    return [
      'Old examples with labels, even a few hundred: as --old they are rehearsed and the drop is measured on them.',
    ]
  }
  const rehearsed = trials.some(({ method }) => method.includes('replay'))
  const { neededN } = old
  const looser = Math.ceil(old.upper * 1000) / 1000
  return [
    ...(neededN !== null && old.drop < maxDrop && neededN > old.n
      ? [`About ${whole(neededN)} held-out old examples instead of ${whole(old.n)}.`]
      : []),
    // A budget of all that the old model knew would let anything through.
    ...(looser > maxDrop && looser < old.before
      ? [
          `A budget of ${(100 * looser).toFixed(1)} points: --max-drop ${(100 * looser).toFixed(1)}% would let this point through.`,
        ]
      : []),
    ...totalHelp(old),
    ...classHelp(old),
    ...(status === 'not-met' && !rehearsed
      ? ['Old examples to rehearse (--old, --method replay+distil).']
      : []),
    ...(status === 'not-met' && rehearsed
      ? [
          'More old examples to rehearse, a lower --learning-rate, or fewer layers that train (--train last:2).',
        ]
      : []),
  ]
}
