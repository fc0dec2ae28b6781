import { count } from '../count.ts'
import { points } from '../measure/points.ts'
import type { UpdateSummary } from '../update/summary.ts'
import type { TableData, TradeoffLine, TradeoffPlot } from './figures/index.ts'

type Trial = UpdateSummary['trials'][number]

const whole = (value: number): string => value.toLocaleString('en-US')

/** Trials by what they trained, in the order of the ladder, each with its number. */
function byRung(trials: readonly Trial[]): Map<string, { readonly trial: Trial; readonly index: number }[]> {
  const rungs = new Map<string, { readonly trial: Trial; readonly index: number }[]>()
  for (const [index, trial] of trials.entries()) {
    const { rung } = trial.settings
    rungs.set(rung, [...(rungs.get(rung) ?? []), { trial, index }])
  }
  return rungs
}

/** What seems to be best inside the budget; 0 where nothing is. */
const promise = ({ outlook }: Trial, budget: number): number =>
  Math.max(0, ...outlook.filter(({ drop }) => drop <= budget).map((point) => point.new))

/** What was tried: trials whose candidates were tested, and of each other rung the one that seemed best. */
export function trialsTable({ trials, chosen, budget }: UpdateSummary): TableData {
  const shown = [...byRung(trials).values()].flatMap((own) => {
    const tested = own.filter(({ trial, index }) => trial.curve.length > 0 || index === chosen?.trial)
    if (tested.length > 0) return tested
    return [...own].sort((a, b) => promise(b.trial, budget) - promise(a.trial, budget)).slice(0, 1)
  })
  const left = trials.length - shown.length
  const others = left === 0 ? '' : `; ${count(left, 'other trial')} of the same had nothing to test`
  return {
    caption: `What was tried; new accuracy is the best that was tested and is inside the budget${others}`,
    head: ['trained', 'method', 'rate', 'passes', 'tested', 'new % inside', ''],
    rows: shown.map(({ trial: { method, settings, curve }, index }) => {
      const inside = curve.filter(({ upper }) => upper <= budget).map((point) => point.new)
      return [
        settings.rung,
        method,
        // What is worked out has neither.
        settings.learningRate > 0 ? settings.learningRate.toString() : '',
        settings.epochs > 0 ? settings.epochs.toString() : '',
        whole(curve.length),
        inside.length > 0 ? points(Math.max(...inside)) : curve.length > 0 ? 'none' : '',
        index === chosen?.trial ? 'chosen' : '',
      ]
    }),
  }
}

/** The trade-off as a plot; undefined where nothing was measured of what is lost. */
export function tradeoffOf({ trials, chosen, old, budget }: UpdateSummary): TradeoffPlot | undefined {
  if (!old || trials.length === 0) return undefined
  const lines = [...byRung(trials)].map(([name, own]): TradeoffLine => {
    const tested = own.flatMap(({ trial }) => trial.curve).sort((a, b) => a.new - b.new)
    const reached = tested.at(-1)
    const guesses = own.flatMap(({ trial }) => trial.outlook)
    return { name, tested, estimated: rising(guesses, reached?.new ?? 0, reached?.drop) }
  })
  const found = trials[chosen?.trial ?? -1]?.curve.find(
    ({ alpha, offset }) => alpha === chosen?.alpha && offset === chosen?.offset,
  )
  return {
    title: 'Old against new',
    caption:
      'Each line is something that was trained. Full points were tested on the old rows that prove; hollow ones were not, and their drop is an estimate. New accuracy is that on the new rows that points were compared on.',
    lines: lines.filter(({ tested, estimated }) => tested.length + estimated.length > 0),
    budget,
    chosen: found,
  }
}

/** Points from the least drop on, each with more of the new right than all before it, behind what was tested. */
export function rising(
  guesses: readonly { readonly drop: number; readonly new: number }[],
  least: number,
  from = Number.NEGATIVE_INFINITY,
): { readonly drop: number; readonly new: number }[] {
  let most = least
  return [...guesses]
    .sort((a, b) => a.drop - b.drop || b.new - a.new)
    .filter((guess) => {
      if (guess.new <= most || guess.drop < from) return false
      most = guess.new
      return true
    })
}
