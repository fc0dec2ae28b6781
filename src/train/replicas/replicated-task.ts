import { required } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Exchanged, OpenTask } from '../run/index.ts'
import { initialState } from '../step/index.ts'
import type { DoRound, RoundEnd, Samplers } from './round.ts'

const OUTER = 'outer/'

/**
 * Trains tasks by rounds that replicas do: each call is one. To the run this is a task like any other: it measures, stops early and
 * writes checkpoints between rounds, and what its method does at a task's end it does itself, once, with the averaged parameters and all
 * rows of the task. The outer momentum begins anew with each task.
 */
export const replicatedTask =
  (doRound: DoRound): OpenTask =>
  async ({ model, settings }, task, state) => {
    // Samplers are there where the task has begun.
    const begun = Object.keys(state.samplers).length > 0
    const names = new Set(initialState(model, settings.optimiser).keys())
    const isOurs = (name: string) => names.has(name) || name.startsWith('slot/')
    const aside = [...state.tensors].filter(
      ([name]) => !isOurs(name) && !name.startsWith(OUTER) && !name.startsWith('best/'),
    )
    let now: Pick<RoundEnd, 'tensors' | 'velocity' | 'samplers'> = {
      tensors: new Map([...state.tensors].filter(([name]) => isOurs(name))),
      velocity: begun ? withoutPrefix(state.tensors, OUTER) : new Map(),
      samplers: state.samplers as { readonly [replica: string]: Samplers },
    }
    let { updates } = state
    let exchanged: Exchanged | undefined
    const place = task.given ? task.index - 1 : task.index
    // Rounds leave what they are given alone, so a copy is not needed.
    const tensors = (): Map<string, Tensor> =>
      new Map([
        ...aside,
        ...now.tensors,
        ...[...now.velocity].map(([name, tensor]) => [`${OUTER}${name}`, tensor] as const),
      ])
    return {
      steps: async (from, count) => {
        const end = await doRound({
          ...now,
          place: { task: place, from, count, updates },
          method: state.method,
        })
        // In the order of the run's own state, which is that of the files it writes.
        const inOrder = [...now.tensors.keys()].map(
          (name) => [name, required(end.tensors, name, 'tensor of a round')] as const,
        )
        now = { ...end, tensors: new Map(inOrder) }
        updates += count
        exchanged = { bytes: end.bytes, missed: end.missed }
        return { ...end.losses }
      },
      tensors: async () => tensors(),
      snapshot: async () => tensors(),
      samplers: () => now.samplers,
      updates: () => updates,
      exchanged: () => {
        const said = exchanged
        exchanged = undefined
        return said
      },
      // Each replica has rows of its own, of lengths of their own.
      share: 1,
      dispose: async () => undefined,
    }
  }
