import { points } from '../measure/points.ts'
import type { BenchEvent } from '../study/grid/index.ts'
import type { RunPlan } from '../train/plan/index.ts'
import type { Screen } from './screen.ts'

export const runName = ({ method, stream, seed }: RunPlan): string =>
  `${method.name}, ${stream.scenario}, seed ${seed}`

/** Shows a grid of runs as they go: one bar for all of them, and a line for each that ends. */
export function gridProgress(plans: number, screen: Screen): (event: BenchEvent) => void {
  const began = performance.now()
  const done = new Map<number, number>()
  const totals = new Map<number, number>()
  let ended = 0
  let kept = 0
  const sum = (counts: ReadonlyMap<number, number>) =>
    [...counts.values()].reduce((all, each) => all + each, 0)
  const end = (run: number, line: string) => {
    ended++
    // A run may end with steps left: a method that trains some tasks only, early stopping, a failure.
    const taken = done.get(run)
    if (taken !== undefined) totals.set(run, taken)
    screen.say(`${line} (${ended} of ${plans})`)
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
      end(run, `${name}: failed. ${message.error.message}`)
    } else if (message.type === 'run-interrupted') {
      end(run, `${name}: interrupted`)
    } else if (message.type === 'run-event') {
      const { event } = message
      if (event.type === 'started') totals.set(run, event.trained ?? event.steps)
      if (event.type !== 'progress') return
      done.set(run, event.task * event.of + event.step)
      const steps = sum(done)
      const known = sum(totals)
      screen.progress({
        label: `${ended} of ${plans} runs · ${name}, task ${event.task + 1}`,
        done: steps,
        total: Math.round((known / Math.max(1, totals.size)) * (plans - kept)),
        rate: (steps * 1000) / (performance.now() - began),
      })
    }
  }
}
