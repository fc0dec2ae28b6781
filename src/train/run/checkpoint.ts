import { CheckpointError } from '../../errors.ts'
import type { RoundsRecord } from '../../measure/results.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { Json, MethodState } from '../../methods/method.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Where a run stands. Tasks and steps count from 0; `step` is the next one to do. */
export interface RunPosition {
  readonly task: number
  readonly step: number
  readonly phase: 'train' | 'consolidate' | 'done'
}

/** What has been measured so far. */
export interface RunRecord {
  /** Accuracy of the untrained model on each task. */
  readonly initial: readonly number[]
  /** After each task learned so far: the accuracy on every task. */
  readonly matrix: readonly (readonly number[])[]
  /** Accuracies within tasks, at `step` of the whole run. */
  readonly curve: readonly {
    readonly step: number
    readonly task: number
    readonly accuracies: readonly (number | null)[]
  }[]
  /** Of language models: the losses on the test parts that accuracies are of, before learning and after each task. */
  readonly texts?:
    | {
        readonly initial: readonly TextLoss[]
        readonly matrix: readonly (readonly TextLoss[])[]
      }
    | undefined
  readonly seconds: { readonly train: number; readonly consolidate: number; readonly evaluate: number }
  /** Where several places trained together. */
  readonly rounds?: RoundsRecord | undefined
}

/** Everything a run is. Restoring it and going on gives the same bits as never having stopped. */
export interface RunState {
  readonly position: RunPosition
  /** Steps of the optimiser so far. */
  readonly updates: number
  /**
   * Parameters, buffers, the optimiser's slots and the method's, by the names of the step's state; under `best/` those that
   * early stopping keeps.
   */
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly method: MethodState
  /** Where each batch source's sampler stands, by source name. */
  readonly samplers: { readonly [source: string]: Json }
  readonly record: RunRecord
  /** Where early stopping stands within the task; null where there is nothing yet. */
  readonly early: Json
}

const FORMAT = 'holdfast-checkpoint'
const VERSION = '2'

/** One safetensors file: `run/...` and `method/...` tensors, everything else as JSON in the metadata. */
export function encodeCheckpoint(state: RunState, fingerprint: string): Uint8Array {
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of state.tensors) tensors.set(`run/${name}`, tensor)
  for (const [name, tensor] of state.method.tensors) tensors.set(`method/${name}`, tensor)
  const { position, updates, samplers, record, early } = state
  return writeSafetensors(tensors, {
    format: FORMAT,
    version: VERSION,
    fingerprint,
    state: JSON.stringify({ position, updates, samplers, record, early, method: state.method.values }),
  })
}

/**
 * @param fingerprint of the run that asks; a checkpoint of a run with other settings is refused.
 * @throws CheckpointError `checkpoint-format` for a file of another kind or version, `checkpoint-other-run` for one of
 * other settings.
 */
export function decodeCheckpoint(bytes: Uint8Array, fingerprint: string, name = 'checkpoint'): RunState {
  const { tensors, metadata } = readSafetensors(bytes, name)
  if (metadata.format !== FORMAT || metadata.state === undefined) {
    throw new CheckpointError(
      'checkpoint-format',
      `${name} is not a Holdfast checkpoint (format "${metadata.format ?? 'none'}").`,
    )
  }
  if (metadata.version !== VERSION) {
    throw new CheckpointError(
      'checkpoint-format',
      `${name} is a checkpoint of version "${metadata.version ?? 'none'}", and this Holdfast goes on from version ${VERSION}. Finish the run with the Holdfast that began it, or start it anew in another folder.`,
    )
  }
  if (metadata.fingerprint !== fingerprint) {
    throw new CheckpointError(
      'checkpoint-other-run',
      `${name} belongs to a run with other settings or other data. Resume with the settings it was started with, or start a new run folder.`,
    )
  }
  const values = JSON.parse(metadata.state) as Omit<RunState, 'tensors' | 'method'> & {
    method: MethodState['values']
  }
  const method = { tensors: withoutPrefix(tensors, 'method/'), values: values.method }
  return { ...values, tensors: withoutPrefix(tensors, 'run/'), method }
}
