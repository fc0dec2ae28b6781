import { holdOut, type LearnOptions, type LocalTaskRun, openRun, openTask } from '../run/index.ts'
import type { Delivery, Round } from './round.ts'
import { type Seat, seedOf, shareOf } from './shard.ts'

/** Does one replica's steps of rounds. */
export interface Replica {
  /** @param method names the method's state: rounds of one task that have it in common reuse what was made for it. */
  deliver(
    round: Pick<Round, 'place' | 'tensors' | 'method'>,
    given: { readonly samplers: Round['samplers']; readonly method: string },
  ): Promise<Delivery>
  dispose(): Promise<void>
}

/**
 * Opens a replica: its share of the rows, draws of its own, and else the run's options. A round's steps are one call of the runtime. The
 * task at hand stays open from round to round.
 */
export function openReplica(options: LearnOptions, seat: Seat): Replica {
  const { stream, earlyStopping, seed } = options
  const whole = earlyStopping ? holdOut(stream, earlyStopping, seed).stream : stream
  const mine = { ...options, stream: shareOf(whole, seat, seed), seed: seedOf(seed, seat) }
  const run = openRun(mine, undefined)
  let open: { readonly key: string; readonly task: LocalTaskRun } | undefined
  const close = async () => {
    await open?.task.dispose()
    open = undefined
  }
  return {
    deliver: async ({ place, tensors, method }, given) => {
      const { task: index, from, count, updates } = place
      const state = { updates, tensors, method, samplers: given.samplers[seat.replica] ?? {} }
      const key = `${index} ${given.method}`
      if (open?.key === key) open.task.restore(state)
      else {
        await close()
        const task = await openTask({ ...mine, model: run.models(index) }, run.contextOf(index), state)
        open = { key, task }
      }
      const losses = await open.task.steps(from, count)
      return { losses, tensors: await open.task.snapshot(), samplers: open.task.samplers() }
    },
    dispose: async () => {
      await close()
      await run.reading.dispose()
    },
  }
}
