import { points } from '../measure/points.ts'
import type { Tuning, TuningTrial } from '../measure/results.ts'
import { methodTitle, type TableData } from './figures/index.ts'

/** What was chosen for each method, and what the protocol's own settings came to beside it. */
export const tuningTable = (tunings: readonly Tuning[]): TableData => ({
  caption: 'What was chosen',
  head: ['Method', 'Scenario', 'Trials', 'Validation %', 'Without tuning %', 'Chosen'],
  rows: tunings.map(({ method, scenario, trials, chosen }) => {
    const whole = trials.filter(({ steps }) => steps === 1)
    const of = (settings: TuningTrial['settings']) =>
      score(whole.find((trial) => wordsOf(trial.settings) === wordsOf(settings)))
    const different = new Set(trials.map(({ settings }) => wordsOf(settings))).size
    return [methodTitle(method), scenario, String(different), of(chosen), of({}), wordsOf(chosen)]
  }),
})

/** Every trial; the best of each method first, those of the short round last. */
export const trialsTable = (tunings: readonly Tuning[]): TableData => ({
  caption: 'Trials',
  head: ['Method', 'Scenario', 'Steps', 'Validation %', 'Settings'],
  rows: tunings.flatMap(({ method, scenario, trials }) =>
    [...trials]
      .sort((a, b) => b.steps - a.steps || (b.score ?? -1) - (a.score ?? -1))
      .map((trial) => [
        ...[methodTitle(method), scenario, `${points(trial.steps, 0)} %`, score(trial)],
        wordsOf(trial.settings),
      ]),
  ),
})

const score = (trial: TuningTrial | undefined): string =>
  trial?.score === undefined || trial.score === null ? 'did not end' : points(trial.score, 2)

const wordsOf = (settings: TuningTrial['settings']): string =>
  Object.keys(settings).length === 0
    ? 'as without tuning'
    : Object.entries(settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')
