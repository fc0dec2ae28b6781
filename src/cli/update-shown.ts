import type { Measurement, Tracker } from '../train/tracking/index.ts'
import type { Status } from '../update/path/index.ts'
import { trialWords } from '../update/trial-words.ts'
import { outputPath } from '../update/update-writing-files.ts'
import type { Screen } from './screen.ts'
import type { Answer } from './verb.ts'

// What both kinds of updates show and answer.

const exitCodes = {
  met: 0,
  'nothing-to-gain': 0,
  'not-met': 2,
  inconclusive: 3,
} as const satisfies Record<Status, 0 | 2 | 3>

/** Says what was found before training, warnings and notes whatever `--quiet` says. */
export function sayPreflight(lines: readonly string[], screen: Screen): void {
  for (const line of lines) {
    if (/^(warning|note): /.test(line)) screen.warn(line)
    else screen.say(line)
  }
}

/** Where the model was written, and why not where that was asked for. */
export const placeSentence = (
  out: string,
  asked: string,
  { chosen }: { readonly chosen: unknown },
): string =>
  out === outputPath(asked, 'met')
    ? `Written: ${out}${chosen ? '' : ', the old model as it was'}`
    : `Written: ${out}, and not ${asked}, as the budget is not shown to be kept (--force would).`

/** What an update answers once all is written, the model first. */
export function updateAnswer(
  summary: { readonly status: Status; readonly prompts?: readonly object[] },
  {
    known,
    text,
    written: [model, ...files],
    adapter,
  }: {
    readonly known: unknown
    readonly text: string
    readonly written: readonly string[]
    /** Where low-rank updates were to be written; they are not where the old model stays. */
    readonly adapter: string | undefined
  },
): Answer {
  const left = adapter !== undefined && !files.includes(adapter)
  return {
    json: { ...summary, preflight: known, written: { model, files } },
    text: [
      text,
      ...files.map((file) => `Written: ${file}`),
      ...(left ? [`Not written: ${adapter}, as the old model stays.`] : []),
    ].join('\n'),
    exitCode: exitCodes[summary.status],
  }
}

/** What the bars are drawn from. */
type ShownEvent =
  | ({ readonly type: 'trial'; readonly trial: number } & Parameters<typeof trialWords>[0])
  | { readonly type: 'progress'; readonly step: number; readonly of: number }
  /** Of some updates so many candidates of so many are tested. */
  | { readonly type: 'point'; readonly tested?: number; readonly of?: number }
  /** Rows that are gone through without learning. */
  | { readonly type: 'measuring'; readonly what: string; readonly done: number; readonly of: number }
  | { readonly type: 'trained' }

/** A bar for each trial, which says what trains, and one for candidates where it is known how many there are. */
export function showEvents(screen: Screen): (event: ShownEvent) => void {
  let began = performance.now()
  let label = ''
  return (event) => {
    if (event.type === 'trial') {
      began = performance.now()
      label = trialWords(event)
    }
    if (event.type === 'progress') {
      const { step, of } = event
      screen.progress({ label, done: step, total: of, rate: step / ((performance.now() - began) / 1000) })
    }
    if (event.type === 'measuring') {
      screen.progress({ label: event.what, done: event.done, total: event.of, unit: 'rows' })
    }
    if (event.type === 'point' && event.tested !== undefined && event.of !== undefined) {
      screen.progress({
        ...{ label: 'testing', done: event.tested, total: event.of, unit: 'candidates' },
      })
    }
  }
}

/** Shows events, and tells trackers their numbers, which are given the words of the trial that they are of. */
export function followEvents<Event extends ShownEvent>(
  screen: Screen,
  tracker: Tracker,
  measured: (event: Event, wordsOf: (trial: number) => string | undefined) => Measurement | undefined,
): (event: Event) => void {
  const show = showEvents(screen)
  const names: string[] = []
  return (event) => {
    show(event)
    if (event.type === 'trial') names[event.trial] = trialWords(event)
    const measurement = measured(event, (trial) => names[trial])
    if (measurement) tracker.log(measurement)
  }
}
