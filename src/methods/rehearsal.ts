import { type Dataset, samples } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { distillation } from '../model/losses/index.ts'
import { ints, scale } from '../ops/core/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Method } from './method.ts'

/** Rows beside the new data, and what the model that is to be kept answers for them. */
export interface Rehearsed {
  readonly name: string
  readonly dataset: Dataset
  /** The old model's logits, float32 [N, old classes]. */
  readonly logits: Tensor<'float32'>
  /** Rows of them in each batch. */
  readonly size: number
  /** Their share of the loss on labels, in 0..1; 0 for rows whose labels mean nothing. */
  readonly share: number
}

export interface RehearsalOptions {
  /** The old model's logits for the new data's rows, float32 [N, old classes]; left out, nothing is distilled on them. */
  readonly newLogits?: Tensor<'float32'>
  /** Old exemplars, unlabelled inputs. May be empty. */
  readonly rehearsed: readonly Rehearsed[]
  /** Weight of the distillation beside the loss on labels. Default 1. */
  readonly weight?: number
  /** Default 2. */
  readonly temperature?: number
}

/**
 * Rehearsal with a known past: batches hold rows of a memory beside the new ones, and the old model's answers, computed
 * once before training, are distilled into the model on every row that has some (Li & Hoiem 2016; Rolnick et al. 2019;
 * with stored logits as in Buzzega et al. 2020). The distillation goes over the old classes alone, which are the first
 * of the model's outputs.
 *
 * @throws UsageError `rehearsal-logits` when logits and rows differ in number.
 */
export function rehearsal(options: RehearsalOptions): Method {
  const { newLogits, rehearsed, weight = 1, temperature = 2 } = options
  for (const { name, dataset, logits } of rehearsed) checkLogits(name, dataset, logits)
  const shared = rehearsed.reduce((sum, { share }) => sum + share, 0)
  const width = newLogits?.dims[1] ?? rehearsed[0]?.logits.dims[1] ?? 0
  const distils = weight > 0 && width > 0
  return {
    name: 'rehearsal',
    settings: {
      weight,
      temperature,
      rehearsed: rehearsed.map(({ name, dataset, size, share }) => ({
        name,
        rows: samples(dataset),
        size,
        share,
      })),
    },
    sources: (sources) => [
      ...sources.map((source) => ({ ...source, weight: source.weight * (1 - shared) })),
      ...rehearsed.map(({ name, dataset, size, share }) => ({
        name,
        dataset,
        tasks: 0,
        size,
        weight: share,
      })),
    ],
    inputs: (_state, { train }) => {
      if (!distils) return new Map()
      if (newLogits) checkLogits('new', train, newLogits)
      // The pool holds the new rows first; those without answers take up room only.
      const first = newLogits ?? blank(samples(train), width)
      return new Map([['teacher', concatenateRows([first, ...rehearsed.map(({ logits }) => logits)])]])
    },
    terms: ({ step, inputs, logits, rows, sources }) => {
      const table = inputs.get('teacher')
      if (!table) return {}
      const teacher = step.op('Gather', [table, rows])
      const from = newLogits ? 0 : (sources.get('new')?.size ?? 0)
      const size = (logits.dims[0] ?? 0) - from
      if (size === 0) return {}
      const part = (value: typeof logits) =>
        step.op('Slice', [value, ints(step, [from, 0]), ints(step, [from + size, width]), ints(step, [0, 1])])
      const value = distillation(step, {
        student: part(logits),
        teacher: from === 0 ? teacher : part(teacher),
        temperature,
        // So that its gradient keeps its size beside that of the labels (Hinton et al. 2015).
        scaleByTemperature: true,
      })
      return { losses: [{ name: 'distillation', value: scale(step, value, weight) }] }
    },
  }
}

const blank = (rows: number, width: number): Tensor<'float32'> => ({
  type: 'float32',
  dims: [rows, width],
  data: new Float32Array(rows * width),
})

function checkLogits(name: string, dataset: Dataset, { dims }: Tensor): void {
  if (dims[0] === samples(dataset)) return
  throw new UsageError(
    'rehearsal-logits',
    `The rows of "${name}" are ${samples(dataset)}, but there are the old model's answers for ${dims[0]}.`,
  )
}
