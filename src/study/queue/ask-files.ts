import type { RunResult } from '../../measure/results.ts'
import type { RunEvent } from '../../train/folders/index.ts'
import type { RunName } from '../../train/folders/index-files.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RunOne } from '../grid/index.ts'
import type { Asking, Followed } from './asking-files.ts'

/** Puts a run into the queue, or attaches to it where it is there, and waits for it. Stopped, it leaves the run where it is. */
export const askForRuns = (asking: Asking, nameOf: (plan: RunPlan) => RunName): RunOne =>
  async function* (plan, _prepare, signal) {
    const { name, identity } = nameOf(plan)
    const add = () => asking.queue.add(name, { kind: 'run', plan }, asking.settings(identity))
    const events = asking.follow(identity, add, signal) as AsyncGenerator<RunEvent, Followed>
    const end = yield* events
    return end ? { status: 'finished', result: end.value as RunResult } : { status: 'interrupted' }
  }
