import type { TextRates } from '../../measure/text-scores.ts'
import type { RunRecord } from './checkpoint.ts'

/** What a run says while it goes. Tasks and steps count from 0; accuracies are fractions. */
export type LearnEvent =
  | {
      readonly type: 'started'
      readonly tasks: readonly string[]
      readonly steps: number
      readonly resumed: boolean
      /** Steps that are taken, where there are tasks that the method does not train. Default all. */
      readonly trained?: number
      /** Whether nobody is told where tasks end: what ends are pieces of equal length. Default false. */
      readonly untold?: boolean
    }
  | { readonly type: 'task-started'; readonly task: number; readonly name: string }
  /** After each call: `step` of `of` steps of this task are done. Losses are means over the call, by term. */
  | {
      readonly type: 'progress'
      readonly task: number
      readonly step: number
      readonly of: number
      readonly losses: Readonly<Record<string, number>>
      readonly stepsPerSecond: number
    }
  /** Accuracy on each task, null where it was not measured. */
  | {
      readonly type: 'evaluated'
      readonly task: number
      readonly step: number
      readonly accuracies: readonly (number | null)[]
    }
  /** The loss on held-out rows no longer fell; `best` is its lowest value, and the task ends with the parameters of that point. */
  | { readonly type: 'stopped-early'; readonly task: number; readonly step: number; readonly best: number }
  | { readonly type: 'consolidated'; readonly task: number; readonly seconds: number }
  | {
      readonly type: 'task-finished'
      readonly task: number
      readonly accuracies: readonly number[]
      /** Of language models: the loss on the same test parts. */
      readonly texts?: readonly TextRates[]
      /** Where borders are not told: how many tasks have been seen. */
      readonly seen?: number
    }
  | { readonly type: 'checkpoint'; readonly task: number; readonly step: number }
  /** The signal stopped the run after the step at hand; it can be resumed from here. */
  | { readonly type: 'interrupted'; readonly task: number; readonly step: number }
  | { readonly type: 'finished'; readonly record: RunRecord }
