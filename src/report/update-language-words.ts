import { count } from '../count.ts'
import { itemAt } from '../required.ts'
import { inTextUnit } from '../update/gate/index.ts'
import type { TextPreflight, TextUpdateSummary } from '../update/texts/index.ts'
import { duration, type TableData } from './figures/index.ts'

const verdicts = {
  met: 'Budget met',
  'not-met': 'Budget not met',
  inconclusive: 'Budget inconclusive',
  'nothing-to-gain': 'Nothing gained',
} as const

/** A headline for people. */
export const languageHeadline = ({ status, learned }: TextUpdateSummary): string =>
  status === 'met' && !learned ? `${verdicts.met}, but nothing learned` : verdicts[status]

/** The same with one loud word or two: 'MET'. */
export const languageVerdict = (summary: TextUpdateSummary): string =>
  languageHeadline(summary)
    .replace(/^Budget /, '')
    .toUpperCase()

const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits).replace('-', '−')} %`
const whole = (value: number): string => value.toLocaleString('en-US')
const sureness = (confidence: number): string => `${Number((100 * confidence).toFixed(4))} % confidence`

/** What the update came to, in one sentence. */
export function languageSentence(summary: TextUpdateSummary): string {
  const { status, old, new: fresh, trials, documents } = summary
  if (status === 'nothing-to-gain') {
    const tried = trials.length > 0 ? `${count(trials.length, 'trial')} saved nothing` : 'nothing was trained'
    return `New texts take ${bits(fresh.before)} bits per byte, and ${tried}: the old model stays as it is.`
  }
  const learned = `bits per byte of new texts went from ${bits(fresh.before)} to ${bits(fresh.after)} (${changeWords(fresh)}, ${count(fresh.documents, 'document')})`
  if (!old) {
    const kept =
      documents.order > 0 ? 'no old document proves anything of what was kept' : 'there are no old texts'
    return `There is no proof: ${kept}; ${learned}.`
  }
  const claim = deciding(summary, old)
  const say = (value: number) => inTextUnit(value, claim.unit)
  const since = claim.name === 'total' ? ` since ${old.first}, the first release,` : ''
  const sure = `with ${sureness(claim.confidence)}`
  switch (status) {
    case 'met':
      return `Bits per byte of old texts changed by ${say(claim.change)} and, ${sure}, by at most ${say(claim.upper)} (${say(claim.budget)} are allowed); ${learned}.`
    case 'not-met':
      return `Bits per byte of old texts changed${since} by ${say(claim.change)}, at least ${say(claim.lower)} ${sure}, and ${say(claim.budget)} are allowed; ${learned}.`
    case 'inconclusive':
      return `${count(claim.documents, 'old document')} cannot tell whether the change${since} is inside ${say(claim.budget)}: it is ${say(claim.change)}, between ${say(claim.lower)} and ${say(claim.upper)} (each bound ${sure}); ${learned}.`
  }
}

type Old = NonNullable<TextUpdateSummary['old']>

/** The claim that decided: of several, the first that does not hold. */
function deciding({ status }: TextUpdateSummary, { claims }: Old): Old['claims'][number] {
  const wanted = status === 'not-met' ? ['fail'] : ['fail', 'inconclusive']
  const found = status === 'met' ? undefined : claims.find(({ verdict }) => wanted.includes(verdict))
  return found ?? itemAt(claims, 0, 'claim')
}

const bits = (value: number): string => value.toFixed(4)

/** A change with its interval, as far as there is one. */
function changeWords({ change, lower, upper }: TextUpdateSummary['new']): string {
  const between = Number.isFinite(lower) && Number.isFinite(upper)
  return between
    ? `${percent(change)}, ${percent(lower)} to ${percent(upper)} with 95 % confidence`
    : `${percent(change)}; too few documents for an interval`
}

/** All that is said of the result beside its table. */
export function languageNotes(summary: TextUpdateSummary): readonly string[] {
  const { chosen, trials, stopped, old } = summary
  return [
    ...(chosen
      ? [
          `Chosen: ${itemAt(trials, chosen.trial, 'trial').settings.rung} (${chosen.method}), ${percent(chosen.alpha)} of the way from the old weights to the trained ones.`,
        ]
      : trials.length > 0
        ? [`Chosen: the old model, after ${count(trials.length, 'trial')}.`]
        : []),
    ...(old && old.uses > 0
      ? [
          `The old documents have proved ${count(old.uses, 'release')} before. The change from the last release is as sure as on fresh ones${
            old.claims.some(({ name }) => name === 'total')
              ? `; that since ${old.first ?? 'the first release'} is tested at a higher confidence, so that it is, too`
              : ''
          }.`,
        ]
      : []),
    ...(stopped
      ? [
          `Time ended the ladder: ${stopped.rung} did not train, as it seemed to take until ${duration(stopped.seconds)} after the beginning.`,
        ]
      : []),
  ]
}

/** Bits per byte before and after. */
export function languageTable({ old, new: fresh, status }: TextUpdateSummary): TableData {
  return {
    caption: 'Bits per byte before and after, on documents that had no part in training',
    head: ['', 'documents', 'before', 'after', 'change', 'at most', 'budget', ''],
    rows: [
      ...(old?.claims ?? []).map((claim) => {
        const say = (value: number) => inTextUnit(value, claim.unit).replace(' bits per byte', '')
        return [
          claim.name === 'total' ? `old texts, since ${old?.first}` : 'old texts',
          whole(claim.documents),
          bits(claim.before),
          bits(claim.after),
          say(claim.change),
          say(claim.upper),
          say(claim.budget),
          insideWords(claim.verdict, status),
        ]
      }),
      [
        'new texts',
        whole(fresh.documents),
        bits(fresh.before),
        bits(fresh.after),
        percent(fresh.change, 2),
        ...['', '', ''],
      ],
    ],
  }
}

function insideWords(verdict: Old['claims'][number]['verdict'], status: TextUpdateSummary['status']): string {
  if (verdict === 'fail') return 'outside'
  return status === 'met' || status === 'nothing-to-gain' ? 'inside' : 'not shown to be inside'
}

/** What was tried, and what each trial's points seemed to be worth. */
export function languageTrials({ trials, chosen }: TextUpdateSummary): TableData {
  return {
    caption:
      'What was tried; at its end each trial saves so much of the new bits and adds so much to old ones, as it seems',
    head: ['trained', 'method', 'rate', 'steps', 'old share', 'tested', 'new saved', 'old added', ''],
    rows: trials.map(({ settings, method, looks, curve }, at) => {
      const end = itemAt(looks, looks.length - 1, 'point')
      return [
        `${settings.rung}${settings.rank === undefined ? '' : `, rank ${settings.rank}`}`,
        method,
        settings.learningRate.toString(),
        whole(settings.steps),
        settings.replayShare > 0 ? percent(settings.replayShare, 0) : '',
        whole(curve.length),
        percent(end.gain),
        percent(end.loss, 2),
        at === chosen?.trial ? 'chosen' : '',
      ]
    }),
  }
}

/** The candidates that were tested, in the order of the test. */
export function languageCandidates({ trials, chosen }: TextUpdateSummary): TableData | undefined {
  const rows = trials.flatMap(({ settings, curve }, trial) =>
    curve.flatMap(({ alpha, guess, claims: [claim] }) =>
      claim
        ? [
            {
              bound: guess.bound,
              cells: [
                settings.rung,
                alpha.toFixed(2),
                percent(guess.gain),
                inTextUnit(claim.change, claim.unit),
                inTextUnit(claim.upper, claim.unit),
                trial === chosen?.trial && alpha === chosen.alpha ? 'chosen' : claim.verdict,
              ],
            },
          ]
        : [],
    ),
  )
  if (rows.length === 0) return undefined
  return {
    caption: 'Candidates in the order of the test',
    head: ['trained', 'of the way', 'new saved', 'old added', 'at most', ''],
    rows: rows.sort((a, b) => a.bound - b.bound).map(({ cells }) => cells),
  }
}

const factOf = ({ documents, tokens }: TextPreflight['texts']['train']): string =>
  `${count(documents, 'document')} (${count(tokens, 'token')})`

const writingWords = (writing: NonNullable<TextPreflight['cost']>['writing']): string =>
  writing
    ? `; ${duration(writing.seconds)} for the ${count(writing.texts, 'text')} that the model writes itself`
    : ''

/** What was found before training, as lines: a heading and what stands under it. */
export function languageFacts(found: TextPreflight): readonly (readonly [string, string])[] {
  const { texts, method, cost, budget, rungs, selfWritten } = found
  const { train, check, rehearsed, order, heldOut } = texts
  const total = cost?.trials.reduce((sum, { seconds }) => sum + seconds, 0) ?? 0
  const steps = cost?.trials.reduce((sum, trial) => sum + trial.steps, 0) ?? 0
  return [
    ['new texts', `${factOf(train)} to train on, ${factOf(check)} held out`],
    [
      'old texts',
      rehearsed.documents + order.documents + heldOut.documents === 0
        ? 'none'
        : `${factOf(rehearsed)} to rehearse${selfWritten ? `, written by the model itself${cost?.writing ? ' to time it' : ''}` : ''}, ${factOf(order)} that order candidates, ${factOf(heldOut)} that prove`,
    ],
    ['method', `${method.name}. ${method.reasons.join(' ')}`],
    ['trained', rungs.join(', then ')],
    ['budget', inTextUnit(budget.maxChange, budget.unit)],
    ...(cost
      ? [
          [
            'cost',
            `about ${duration(total)} and ${count(steps, 'step')} if every rung is climbed, and ${duration(cost.test)} for each candidate that is tested${writingWords(cost.writing)}; ${duration(cost.reading + cost.preparation)} went to reading and to what the old model loses`,
          ] as const,
        ]
      : []),
  ]
}
