import type { Engine } from '../../engine/engine.ts'
import { CheckpointError } from '../../errors.ts'
import type { RunResult } from '../../measure/results.ts'
import type { Model } from '../../model/model.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { PreparedPlan, RunPlan } from '../plan/index.ts'
import {
  type CheckpointStore,
  type LearnEvent,
  learn,
  type OpenTask,
  type RunPosition,
  type RunState,
} from '../run/index.ts'
import { runResult } from './run-result.ts'

/** What became of a run. */
export type RunOutcome =
  | {
      readonly status: 'finished'
      readonly result: RunResult
      readonly parameters: ReadonlyMap<string, Tensor>
      readonly buffers: ReadonlyMap<string, Tensor>
      /** As its method reads it at inference. */
      readonly model: Model
    }
  /** Stopped by its signal; where there is a store it can be gone on with. */
  | { readonly status: 'interrupted'; readonly position: RunPosition }

export interface ExecuteOptions {
  readonly engine: Engine
  readonly store?: CheckpointStore | undefined
  readonly signal?: AbortSignal | undefined
  /** How tasks are trained. Default here, by one program. */
  readonly openTask?: OpenTask | undefined
}

/** Runs a prepared plan to its end, or until the signal. */
export async function* executePlan(
  plan: RunPlan,
  prepared: PreparedPlan,
  { engine, store, signal, openTask }: ExecuteOptions,
): AsyncGenerator<LearnEvent, RunOutcome> {
  let last: RunState | undefined
  const watched: CheckpointStore = {
    save: async (state) => {
      last = state
      await store?.save(state)
    },
    load: async () => {
      last = await store?.load()
      return last
    },
  }
  const { parameters, buffers, model } = yield* learn(
    { ...prepared, engine, store: watched, signal },
    openTask,
  )
  if (!last) throw new CheckpointError('run-state', 'The run ended without a state.')
  if (last.position.phase !== 'done') return { status: 'interrupted', position: last.position }
  return { status: 'finished', result: runResult(plan, prepared, last), parameters, buffers, model }
}

/** Parameters and buffers as one file's bytes, the same for equal values: what their SHA-256 is taken of. */
export const parameterBytes = (
  parameters: ReadonlyMap<string, Tensor>,
  buffers: ReadonlyMap<string, Tensor>,
): Uint8Array<ArrayBuffer> => writeSafetensors(new Map([...parameters, ...buffers]))
