import type { LearnEvent } from '../run/index.ts'
import type { Measurement } from './tracker.ts'

/**
 * The numbers of a run's events: each term of the loss as `loss/NAME`, `steps-per-second`, the accuracy on each task as
 * `accuracy/TASK`, and the mean over those learned so far as `accuracy/mean`. Steps count over all tasks, each as long as the
 * configuration says. Of language models `bits-per-byte/TASK`, too.
 *
 * @example
 * const measured = learnMeasurements()
 */
export function learnMeasurements(): (event: LearnEvent) => Measurement | undefined {
  let tasks: readonly string[] = []
  let steps = 0
  const named = (what: string, found: readonly (number | null)[]): Record<string, number> =>
    Object.fromEntries(
      found.flatMap((value, at) => (value === null ? [] : [[`${what}/${tasks[at] ?? at + 1}`, value]])),
    )
  const accuracies = (count: number, found: readonly (number | null)[]): Record<string, number> => {
    const seen = found.slice(0, count)
    const mean = seen.reduce<number>((sum, accuracy) => sum + (accuracy ?? Number.NaN), 0) / seen.length
    return { ...named('accuracy', found), ...(Number.isNaN(mean) ? {} : { 'accuracy/mean': mean }) }
  }
  return (event) => {
    switch (event.type) {
      case 'started':
        tasks = event.tasks
        steps = event.steps / event.tasks.length
        return undefined
      case 'progress':
        return {
          step: event.task * event.of + event.step,
          numbers: { ...under('loss', event.losses), 'steps-per-second': event.stepsPerSecond },
        }
      case 'evaluated':
        return {
          step: event.task * steps + event.step,
          numbers: accuracies(measured(event.accuracies), event.accuracies),
        }
      case 'task-finished':
        return {
          step: (event.task + 1) * steps,
          numbers: {
            ...accuracies(event.seen ?? event.task + 1, event.accuracies),
            ...named(
              'bits-per-byte',
              (event.texts ?? []).map(({ bitsPerByte }) => bitsPerByte),
            ),
          },
        }
      default:
        return undefined
    }
  }
}

/** Within a task those that have been seen are measured, and no others. */
const measured = (found: readonly (number | null)[]): number =>
  found.filter((accuracy) => accuracy !== null).length

/** What an update says of its trials: the part of its events that has numbers. */
export type TrialEvent =
  | { readonly type: 'trial'; readonly trial: number }
  | { readonly type: 'trained'; readonly trial: number }
  | {
      readonly type: 'progress'
      readonly trial: number
      readonly step: number
      readonly of: number
      readonly loss: number
    }
  | {
      readonly type: 'point'
      readonly trial: number
      readonly point: {
        readonly alpha: number
        /** NaN where there are no old rows to measure on; so are `drop` and `upper`. */
        readonly old: number
        readonly new: number
        readonly drop: number
        readonly upper: number
      }
    }

/**
 * The numbers of an update's events, by trial: `trial-1/loss` at each step, and for the points along the path
 * `trial-1/old`, `/new`, `/drop` and `/upper`, whose step is alpha in percent.
 *
 * @param trial What the trial is called; default by its number, from 1. A slash in it becomes a point, as names are grouped by slashes.
 * @example
 * const measurement = updateMeasurements({ type: 'progress', trial: 0, step: 25, of: 100, loss: 0.5 })
 */
export function updateMeasurements(event: TrialEvent, trial?: string): Measurement | undefined {
  const name = trial?.replaceAll('/', '.') ?? `trial-${event.trial + 1}`
  if (event.type === 'progress') return { step: event.step, numbers: { [`${name}/loss`]: event.loss } }
  if (event.type !== 'point') return undefined
  const { alpha, old, new: fresh, drop, upper } = event.point
  const known = Object.entries({ old, new: fresh, drop, upper }).flatMap(([key, value]) =>
    Number.isNaN(value) ? [] : [[key, value] as const],
  )
  return { step: Math.round(alpha * 100), numbers: under(name, Object.fromEntries(known)) }
}

/** What the update of a language model says of its trials: the part of its events that has numbers. */
export type TextTrialEvent =
  | Extract<TrialEvent, { readonly type: 'trial' | 'progress' }>
  | {
      readonly type: 'point'
      readonly trial: number
      readonly point: {
        readonly alpha: number
        readonly guess: { readonly gain: number }
        /** On the documents that prove; the first is spoken of. */
        readonly claims: readonly { readonly change: number; readonly upper: number }[]
      }
    }

/**
 * The numbers of a language model's update, by trial: `trial-1/loss` at each step, and for the candidates that were tested `trial-1/change`
 * and `/upper` on old documents and the share of new bits that seems saved, `/gain`; their step is alpha in percent.
 */
export function textMeasurements(event: TextTrialEvent, trial?: string): Measurement | undefined {
  if (event.type !== 'point') return updateMeasurements(event, trial)
  const name = trial?.replaceAll('/', '.') ?? `trial-${event.trial + 1}`
  const { alpha, guess, claims } = event.point
  const known = claims.slice(0, 1).map(({ change, upper }) => ({ change, upper, gain: guess.gain }))
  return { step: Math.round(alpha * 100), numbers: under(name, known[0] ?? { gain: guess.gain }) }
}

const under = (prefix: string, numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${prefix}/${name}`, value]))
