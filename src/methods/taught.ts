import { type Dataset, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { scale } from '../ops/core/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { answerLesson } from './answer-lesson.ts'
import { featureDistance } from './feature-distance.ts'
import type { BatchSource, Method } from './method.ts'
import { stepAnswers } from './old-answers.ts'

/** The rows of a batch that are taught, in the order of the pool. */
export type TaughtRows = Pick<BatchSource, 'name' | 'dataset'>

export interface TaughtOptions {
  /** Divides the logits of both models. */
  readonly temperature: number
  /** Share of the loss on labels, 0..1; the answers have the rest. 0 where the task's rows have none. */
  readonly labelWeight: number
  /** Weight of the squared distance between the features of both models. */
  readonly featureWeight: number
  /** Rows without labels beside those of the task. */
  readonly unlabelled: Dataset | undefined
  /**
   * What the teacher says of all rows, by `all/logits` [rows, classes], or of texts `all/ids` and `all/shares` [rows, T, k], the
   * log-probabilities at the temperature; and `all/features` [rows, width] where `featureWeight` is not 0.
   */
  readonly answers: (rows: readonly TaughtRows[]) => Promise<ReadonlyMap<string, Tensor>>
}

/**
 * Distillation of a model that is no older state of the one in training (Hinton, Vinyals & Dean 2015): with w the share of
 * the labels, f features of the student and f* of the teacher,
 *
 *     loss = w CE(labels) + (1 - w) T^2 KD + v mean 1/2 |f - f*|^2
 *
 * KD as in `distillation`, or of texts as in `topDistillation`. The teacher is asked once, before the first step. Rows with labels and
 * rows without are as many of each batch as they are of all rows, one of each at least.
 *
 * @throws UsageError `distil-features` where features of both have other dims, `distil-mixtures` where features of mixed rows would be
 * compared.
 */
export function taught(options: TaughtOptions): Method {
  const { temperature, labelWeight, featureWeight, answers } = options
  return {
    name: 'distil',
    settings: { temperature, labelWeight, featureWeight },
    past: 'nothing',
    sources: ([fresh]) => (fresh ? sourcesOf(fresh, options) : []),
    inputs: (_state, { sources }) => answers(sources),
    terms: (context, _state, task) => {
      const known = stepAnswers(context)
      if (!known) return {}
      const { step, mixed, rows, features } = context
      const lesson = answerLesson(context, task, { answers: known, temperature, units: undefined })
      const answered = {
        name: 'distillation',
        value: scale(step, lesson, (1 - labelWeight) * temperature ** 2),
      }
      const held = known.at('features', rows)
      if (!held) return { losses: [answered] }
      if (mixed) throw mixtures()
      const distance = featureDistance(step, { features: features(), held }, otherWidth)
      return { losses: [answered, { name: 'features', value: scale(step, distance, featureWeight) }] }
    },
  }
}

/** The rows of a batch, shared out by how many rows there are of each kind. */
function sourcesOf(
  fresh: BatchSource,
  { labelWeight, unlabelled }: Pick<TaughtOptions, 'labelWeight' | 'unlabelled'>,
): readonly BatchSource[] {
  const own = { ...fresh, weight: labelWeight }
  if (!unlabelled) return [own]
  const [labelled, bare] = [samples(fresh.dataset), samples(unlabelled)]
  const size = Math.min(
    Math.max(1, Math.round((fresh.size * labelled) / (labelled + bare))),
    Math.max(1, fresh.size - 1),
  )
  return [
    { ...own, size },
    {
      ...{
        name: 'unlabelled',
        dataset: unlabelled,
        tasks: fresh.tasks,
        size: Math.max(1, fresh.size - size),
      },
      weight: 0,
    },
  ]
}

const otherWidth = (width: number, row: string): UsageError =>
  new UsageError(
    'distil-features',
    `The teacher's features, what its head reads, have ${width} numbers a row, and the student's ${row}. Leave out --features, or give the student a last layer of ${width} units.`,
  )

const mixtures = (): UsageError =>
  new UsageError(
    'distil-mixtures',
    'Features are held to those that the teacher has for a row, and mixup and cutmix show it mixed with another. Leave out --features, or mixup and cutmix.',
  )
