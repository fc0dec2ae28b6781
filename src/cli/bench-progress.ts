import { points } from '../measure/points.ts'
import type { BenchEvent } from '../study/grid/index.ts'
import type { RunPlan } from '../train/plan/index.ts'
import type { Screen } from './screen.ts'

export const runName = ({ method, stream, seed }: RunPlan): string =>
  `${method.name}, ${stream.scenario}, seed ${seed}`

/**
 * Shows a grid of runs as they go: one bar for all of them, and a line for each that ends.
 *
 * @param tasks of each run, for those whose beginning was not seen, as somebody else has been at them
 */
export function gridProgress(
  { plans, tasks }: { readonly plans: number; readonly tasks: number },
  screen: Screen,
): (event: BenchEvent) => void {
  const began = performance.now()
  /** The steps that runs had when they were first seen: none where they began from nothing before our eyes. */
  const before = new Map<number, number>()
  const done = new Map<number, number>()
  const totals = new Map<number, number>()
  let ended = 0
  let kept = 0
  const sum = (counts: ReadonlyMap<number, number>) =>
    [...counts.values()].reduce((all, each) => all + each, 0)
  const end = (run: number, line: string, say = screen.say) => {
    ended++
    // A run may end with steps left: a method that trains some tasks only, early stopping, a failure.
    const taken = done.get(run)
    if (taken !== undefined) totals.set(run, taken)
    say(`${line} (${ended} of ${plans})`)
  }
  return (message) => {
    const { run } = message
    const name = runName(message.plan)
    if (message.type === 'run-finished') {
      if (message.kept) kept++
      const { averageAccuracy, seconds } = message.result
      const spent = seconds.train + seconds.consolidate + seconds.evaluate
      end(run, `${name}: ${points(averageAccuracy)} %, ${message.kept ? 'kept' : `${spent.toFixed(1)} s`}`)
    } else if (message.type === 'run-elsewhere') {
      screen.say(`${name}: waits. ${message.message}`)
    } else if (message.type === 'run-failed') {
      end(run, `${name}: failed. ${message.error.message}`, screen.warn)
    } else if (message.type === 'run-interrupted') {
      end(run, `${name}: interrupted`)
    } else if (message.type === 'run-event') {
      const { event } = message
      if (event.type === 'started') {
        totals.set(run, event.trained ?? event.steps)
        if (!event.resumed && !before.has(run)) before.set(run, 0)
      }
      if (event.type !== 'progress') return
      const stands = event.task * event.of + event.step
      done.set(run, stands)
      if (!totals.has(run)) totals.set(run, event.of * tasks)
      if (!before.has(run)) before.set(run, stands)
      const steps = sum(done)
      const taken = steps - sum(before)
      const known = sum(totals)
      screen.progress({
        label: `${ended} of ${plans} runs · ${name}, task ${event.task + 1}`,
        done: steps,
        total: Math.round((known / Math.max(1, totals.size)) * (plans - kept)),
        rate: (taken * 1000) / (performance.now() - began),
      })
    }
  }
}
