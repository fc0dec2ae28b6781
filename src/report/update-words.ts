import { count } from '../count.ts'
import { points } from '../measure/points.ts'
import { itemAt } from '../required.ts'
import { knewAll } from '../update/advice.ts'
import { ofClasses, type PowerFacts } from '../update/path/index.ts'
import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { trialWords } from '../update/trial-words.ts'
import { duration, type TableData } from './figures/index.ts'
import { lowClassWords } from './update-classes.ts'

const verdicts = {
  met: 'Budget met',
  'not-met': 'Budget not met',
  inconclusive: 'Budget inconclusive',
  'nothing-to-gain': 'Nothing to gain',
} as const

/** A headline for people: 'Budget met', and the exception, where there is one. */
export function updateHeadline(summary: UpdateSummary): string {
  const but = exception(summary)
  return `${wordsOf(summary)}${but === undefined ? '' : `, ${but}`}`
}

/** The same with one loud word or two: 'MET'. Names of classes stay as they are. */
export function updateVerdict(summary: UpdateSummary): string {
  const but = exception(summary)
  const word = wordsOf(summary)
    .replace(/^Budget /, '')
    .toUpperCase()
  return `${word}${but === undefined ? '' : `, ${but === nothingLearned ? but.toUpperCase() : but}`}`
}

/** The old model stays for one of two reasons: it left nothing to learn, or training found nothing better. */
const wordsOf = (summary: UpdateSummary): string =>
  summary.status === 'nothing-to-gain' && !knewAll(summary) ? 'Nothing gained' : verdicts[summary.status]

const nothingLearned = 'but nothing learned'

/** What has to stand beside 'met': a budget that is kept says nothing of what was learned. */
const exception = (summary: UpdateSummary): string | undefined =>
  summary.status !== 'met' ? undefined : summary.learned ? lowClassWords(summary) : nothingLearned

const whole = (value: number): string => value.toLocaleString('en-US')

/** What the update came to, in one sentence. */
export function updateSentence(summary: UpdateSummary): string {
  const { status, old, budget, confidence, trials, new: fresh } = summary
  if (status === 'nothing-to-gain') {
    const looked = trials.length > 0 ? 'training found nothing better' : 'all of those to train on'
    return `The old model answers ${points(fresh.before, 2)} % of ${count(fresh.n, 'new example')} right, and ${looked}: it stays as it is.`
  }
  const told = fresh.crossFitted ?? fresh
  const learned = `accuracy on new data went from ${points(fresh.before, 2)} to ${points(told.after, 2)} % (${betweenWords(told, fresh.n)})`
  if (!old) {
    return `There are no old data, so nothing could be measured of what was kept; ${learned}.`
  }
  const sure = `with ${points(confidence, 0)} % confidence`
  const { what, claim } = deciding(summary, old)
  const allowed = claim.maxDrop ?? budget
  switch (status) {
    case 'met':
      return `${keptWords(old.upper, budget, sure)}${sinceWords(old)}${classWords(old)}; ${learned}.`
    case 'not-met':
      if ('name' in claim && ofClasses(claim)) return `${brokenClasses(claim, old)}; ${learned}.`
      return `Old accuracy${what} dropped by ${points(claim.drop, 2)} points, at least ${points(claim.lower, 2)} ${sure}, and ${points(allowed, 2)} are allowed; ${learned}.`
    case 'inconclusive':
      if (passesUnproven(summary)) {
        return `${count(old.n, 'old example')} cannot tell whether the drop is inside ${points(budget, 2)} points: what was tested before this did not show it, and the proof ends there; ${learned}.`
      }
      return `${count(old.n, 'old example')} cannot tell whether the drop${what} is inside ${points(allowed, 2)} points: it may be up to ${points(claim.upper, 2)} ${sure}; ${learned}.`
  }
}

const betweenWords = (
  { lower, upper }: { readonly lower: number; readonly upper: number },
  n: number,
): string => `${points(lower)} to ${points(upper)} with 95 % confidence, ${count(n, 'example')}`

/** How the new accuracy of the headline was come to, where it is another than on the rows that candidates were compared on. */
function crossFittedSentence({ new: { crossFitted, after, n } }: UpdateSummary): string | undefined {
  if (!crossFitted) return undefined
  const parts = crossFitted.folds === n ? 'each row' : `each of ${crossFitted.folds} parts of the rows`
  return `New accuracy is cross-fitted: ${parts} was answered by what would have been taken without it. On the very rows that candidates were compared on it is ${points(after, 2)} %${after > crossFitted.after ? ', too good for the best of many' : ''}.`
}

/** What one more point of budget would probably buy; undefined where that is not known. */
function morePointSentence({ morePoint, chosen }: UpdateSummary): string | undefined {
  if (!morePoint || !chosen) return undefined
  const gain = points(morePoint.new - chosen.new)
  const allowed = `One more point of budget, ${points(morePoint.budget, 2)} in all,`
  if (Number(gain) === 0) return `${allowed} would probably buy nothing: an estimate.`
  return `${allowed} would probably buy ${gain} points of new accuracy: an estimate, ${points(morePoint.new)} instead of ${points(chosen.new)} % of the new rows that points were compared on.`
}

/** Where the ladder ended for want of time; undefined where time was no matter. */
const stoppedSentence = ({ stopped }: UpdateSummary): string | undefined =>
  stopped
    ? `Time ended the ladder: ${stopped.rung} did not train, as it seemed to take until ${duration(stopped.seconds)} after the beginning.`
    : undefined

/** What random features before the head gain and cost; undefined where none were asked for. */
function expansionSentence({ expansion }: UpdateSummary): string | undefined {
  if (!expansion) return undefined
  const { width, numbers, closedForm } = expansion
  const what = `${count(width, 'random feature')} before the head`
  const cost = `${whole(numbers)} numbers more, ${((4 * numbers) / 2 ** 20).toFixed(1)} MiB as float32`
  return closedForm
    ? `${what}: of heads worked out in closed form the budget lets ${points(closedForm.with)} % of the new rows be right with them and ${points(closedForm.without)} % without, by the same test on the same rows. They cost ${cost}.`
    : `${what} cost ${cost}. What they gain was not measured, as no head was worked out in closed form and proved: hold this against an update without them.`
}

/** All that is said of the result beside its table, in this order. */
export const updateNotes = (summary: UpdateSummary): readonly string[] =>
  [
    usesSentence(summary),
    crossFittedSentence(summary),
    chosenSentence(summary),
    morePointSentence(summary),
    stoppedSentence(summary),
    expansionSentence(summary),
  ].filter((sentence) => sentence !== undefined)

type Old = NonNullable<UpdateSummary['old']>

/** Whether what was taken passes by itself, behind a candidate that failed: of so many looks one may pass by chance. */
const passesUnproven = ({ status, old }: UpdateSummary): boolean =>
  status === 'inconclusive' &&
  old !== null &&
  old.claims.some(({ maxDrop }) => maxDrop !== null) &&
  old.claims.every(({ maxDrop, verdict }) => maxDrop === null || verdict === 'pass')

/** The drop that decided: of several that are held, the first that does not hold. */
function deciding({ status }: UpdateSummary, old: Old) {
  const wanted = status === 'not-met' ? ['fail'] : ['fail', 'inconclusive']
  const found = old.claims.find(({ verdict }) => verdict !== null && wanted.includes(verdict))
  return found
    ? { what: claimWords(found.name, old), claim: found }
    : { what: '', claim: { ...old, maxDrop: null } }
}

const claimWords = (name: Old['claims'][number]['name'], { first, claims }: Old): string =>
  ({
    deployed: claims[0]?.name === 'deployed' ? '' : ' as deployed',
    balanced: ' by class',
    total: ` since ${first}, the first release,`,
    'total-balanced': ` by class since ${first}, the first release,`,
    classes: ` of each class`,
    'total-classes': ` of each class since ${first}, the first release,`,
  })[name]

/** That no class is shown to have lost too much, where that is held: it says less than that each is kept. */
function classWords({ claims }: Old): string {
  const held = claims.find(({ name }) => name === 'classes')
  return held?.maxDrop == null
    ? ''
    : `, and no old class is shown to have lost more than ${points(held.maxDrop, 2)} points`
}

/** Which classes lost too much. */
function brokenClasses({ name, maxDrop, worse = [] }: Old['claims'][number], { first }: Old): string {
  const named = worse.slice(0, 3).map((lost) => `"${lost.name}" lost ${points(lost.drop, 2)} points`)
  const others =
    worse.length > named.length ? `, and ${count(worse.length - named.length, 'other class')} too much` : ''
  const since = name === 'total-classes' ? ` since ${first}, the first release` : ''
  return `Of the old classes ${named.join(', ')}${others}${since}, and ${points(maxDrop ?? 0, 2)} are allowed for each`
}

/** What is kept of the first release, where that is held. */
function sinceWords({ claims, first }: Old): string {
  const total = claims.find((claim) => sinceFirst(claim) && claim.maxDrop !== null)
  return total?.maxDrop == null
    ? ''
    : `, and since ${first}, the first release, by at most ${points(Math.max(0, total.upper), 2)} (${points(total.maxDrop, 2)} are allowed)`
}

const sinceFirst = (claim: Old['claims'][number]): boolean =>
  claim.name.startsWith('total') && !ofClasses(claim)

/** How often the rows that prove have proved before, and what follows from it; undefined where they are fresh. */
function usesSentence({ old, confidence }: UpdateSummary): string | undefined {
  const used = old?.uses?.filter(({ releases }) => releases > 0) ?? []
  const [most] = [...used].sort((a, b) => b.releases - a.releases)
  if (!old || !most) return undefined
  const rows = used.reduce((sum, each) => sum + each.rows, 0)
  const times = most.releases === 1 ? 'once' : `${whole(most.releases)} times`
  const served = `${whole(rows)} of the ${whole(old.n)} rows that this was proved on have proved releases before, up to ${times}`
  const since = old.claims.find((claim) => sinceFirst(claim) && claim.maxDrop !== null)
  if (!since) return `${served}. The drop from the last release is as sure as on fresh rows.`
  return `${served}. The drop from the last release is as sure as on fresh rows; that since ${old.first}, the first release, was tested at ${sureness(since.confidence)} % instead of ${sureness(confidence)} %, so that it is, too. Fresh held-out rows would let more through (holdfast keep).`
}

/** A confidence in percent, with as many digits as tell it from 100. */
const sureness = (confidence: number): string => String(Number((100 * confidence).toPrecision(4)))

/** A bound below 0 is a gain, and no drop. */
function keptWords(upper: number, budget: number, sure: string): string {
  const bound = points(Math.abs(upper), 2)
  if (Number(bound) === 0) return `Old accuracy did not drop, ${sure}`
  return upper < 0
    ? `Old accuracy rose by at least ${bound} points ${sure}`
    : `Old accuracy dropped by at most ${bound} points ${sure} (${points(budget, 2)} are allowed)`
}

/** Accuracy before and after. */
export function updateTable(summary: UpdateSummary): TableData {
  const { old, new: fresh, met } = summary
  const unproven = passesUnproven(summary)
  const row = (name: string, before: number, after: number, n: number, rest: readonly string[]) => [
    name,
    whole(n),
    points(before, 2),
    points(after, 2),
    ...rest,
  ]
  return {
    caption: 'Accuracy before and after, on rows that had no part in training',
    head: ['', 'examples', 'before %', 'after %', 'drop', 'at most', 'budget', ''],
    rows: [
      ...(old
        ? old.claims.map((claim, at) =>
            row(
              `old data${at === 0 && !old.weighted ? '' : rowWords(claim, old)}`,
              claim.before,
              claim.after,
              claim.n,
              [
                points(claim.drop, 2),
                points(claim.upper, 2),
                claim.maxDrop === null ? '' : points(claim.maxDrop, 2),
                claim.maxDrop === null ? '' : insideWords(claim, met, unproven),
              ],
            ),
          )
        : []),
      ...(fresh.crossFitted
        ? [row('new data, cross-fitted', fresh.before, fresh.crossFitted.after, fresh.n, ['', '', '', ''])]
        : []),
      row(fresh.crossFitted ? 'new data, as chosen' : 'new data', fresh.before, fresh.after, fresh.n, [
        ...['', '', '', ''],
      ]),
    ],
  }
}

const rowWords = ({ name, class: worst }: Old['claims'][number], { first, weighted }: Old): string =>
  ({
    classes: `, "${worst}"`,
    'total-classes': `, "${worst}" since ${first}`,
    deployed: weighted ? ', as deployed' : ', by row',
    balanced: ', by class',
    total: `, since ${first}`,
    'total-balanced': `, by class since ${first}`,
  })[name]

const insideWords = (claim: Old['claims'][number], kept: boolean, unproven: boolean): string => {
  const { verdict } = claim
  // Of classes nothing more is claimed.
  if (ofClasses(claim)) return verdict === 'fail' ? 'outside' : 'not shown to be outside'
  if (kept || (verdict === 'pass' && !unproven)) return 'inside'
  return verdict === 'fail' ? 'outside' : 'not shown to be inside'
}

/** The chosen point of the path, in words. */
function chosenSentence({ chosen, trials }: UpdateSummary): string {
  if (!chosen) {
    return trials.length > 0
      ? `Chosen: the old model, after ${count(trials.length, 'trial')}.`
      : 'Chosen: the old model. Nothing was trained.'
  }
  const { alpha, offset, method } = chosen
  const trial = itemAt(trials, chosen.trial, 'trial')
  const how = trial.settings.learningRate > 0 ? ` (${method})` : ''
  const shifted =
    offset === 0 ? '' : `, with ${offset.toFixed(2)} added to the logits of the new classes (in their biases)`
  return `Chosen: ${trialWords(trial)}${how}, ${points(alpha, 1)} % of the way from the old weights to the trained ones${shifted}.`
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`

/** What the rows that prove can show, by how many answers change. */
function powerWords(power: PowerFacts): string {
  const { n, least, tolerates, toleratesWorse, neededWithFlips } = power
  const rows = `${count(n, 'old row')} to prove on`
  if (least === null || neededWithFlips === null)
    return `${rows}; they show no drop of 0 where answers do not get better`
  if (tolerates === null || toleratesWorse === null)
    return `${rows}; it takes ${whole(least)} even if no answer changes`
  const more = neededWithFlips > n ? `; ${whole(neededWithFlips)} would if 5 % do` : ''
  return `${rows}; they show it in 80 % of cases if at most ${share(tolerates)} % of answers change, as many for the better as for the worse (${share(toleratesWorse)} % if all for the worse)${more}`
}

/** Small shares in percent, with two digits that say something. */
const share = (fraction: number): string => String(Number((100 * fraction).toPrecision(2)))

/** What the rungs and the check after them take, should every one be climbed. */
function trialsWords({ trials, check }: NonNullable<Preflight['cost']>): string {
  if (trials.length === 0) return `no trial, and about ${duration(check)} for the check`
  const total = trials.reduce((sum, { seconds }) => sum + seconds, 0)
  const steps = trials.reduce((sum, trial) => sum + trial.steps, 0)
  return `about ${duration(total + check)} and ${count(steps, 'step')} if every rung is climbed`
}

/** What was found before training, as lines: a heading and what stands under it. */
export function preflightFacts(found: Preflight): readonly (readonly [string, string])[] {
  const { classes, rows, method, cost, power } = found
  const added =
    classes.added.length === 0 ? 'none new' : `${whole(classes.added.length)} new (${listed(classes.added)})`
  return [
    [
      'classes',
      `the model knows ${whole(classes.known.length)}; the new data have ${whole(classes.kept.length)} of them and ${added}`,
    ],
    ['task', 'inputs do not say which task they belong to: one head tells all classes apart'],
    [
      'new data',
      `${count(rows.train, 'row')} to train on${found.duplicates > 0 ? ` (${whole(found.duplicates)} of them twice)` : ''}, ${whole(rows.heldOut)} held out`,
    ],
    [
      'old data',
      rows.oldHeldOut + rows.oldActivations + rows.exemplars === 0
        ? 'none'
        : `${count(rows.exemplars, 'row')} to rehearse, ${whole(rows.oldHeldOut)} to measure on${rows.oldActivations > 0 ? `, and ${whole(rows.oldActivations)} as activations` : ''}`,
    ],
    ...(rows.unlabelled > 0 ? [['unlabelled', count(rows.unlabelled, 'row')] as const] : []),
    ['method', `${method.name}. ${method.reasons.join(' ')}`],
    ...(power ? [['budget', powerWords(power)] as const] : []),
    ...(cost
      ? [
          [
            'cost',
            `${trialsWords(cost)}; ${duration(cost.reading + cost.preparation)} went to reading and to what the old model answers`,
          ] as const,
        ]
      : []),
  ]
}

/** All that is doubtful, what was found before and what the result says, each once. */
export const warningsIn = (summary: UpdateSummary, found: Preflight): readonly string[] => [
  ...new Set([...found.warnings, ...summary.warnings]),
]
