import { z } from 'zod'
import { samples } from '../data/dataset.ts'
import { scale } from '../ops/core/index.ts'
import { answerLesson } from './answer-lesson.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { replayBatch } from './memory-options.ts'
import type { Method } from './method.ts'
import { oldAnswers, pastUnits, stepAnswers, taughtOf } from './old-answers.ts'
import { pseudoLabelLoss } from './pseudo-labels.ts'
import { searched } from './search.ts'
import { refuseNumbers, teacherOf, teacherState } from './teacher.ts'
import { temperatureFor } from './temperature.ts'

const options = z.strictObject({
  temperature: z
    .number()
    .gt(0)
    .optional()
    .describe('temperature of the distillation; default 2, of the next tokens of texts 1'),
  distillationWeight: z
    .number()
    .min(0)
    .default(1)
    .describe('weight of the distillation beside the loss')
    .meta({ ...inUpdates('distillation'), ...searched(0.1, 10) }),
  replayBatch,
  topTokens: z
    .int()
    .min(1)
    .default(64)
    .describe('of texts: likeliest tokens of each place whose old shares are kept'),
  pseudoLabels: z
    .boolean()
    .default(false)
    .describe(
      'rows without labels are learned with the old answers for labels, new classes being none of them',
    ),
})

export type DistilOptions = z.input<typeof options>

/**
 * Distillation of answers that are known before training: those of the model as the last task left it, for every row
 * that batches are made of, asked once when a task begins (Li & Hoiem 2016; on remembered rows as in Buzzega et al.
 * 2020). Where rows are augmented the answers are those for the rows as they are stored, and for mixed rows those for both
 * in their shares. It goes over the classes of past tasks alone, with a factor T^2, so that its gradient keeps its size beside that
 * of the labels (Hinton et al. 2015).
 *
 * Remembered rows, and rows without labels, are always distilled on. New rows are where they have classes that are new,
 * as this leaves the old answers for them free of any label, and where nothing is remembered; with remembered rows of
 * classes that stay the same they are not: on another domain the old answers are what has to change.
 *
 * Of texts the `topTokens` likeliest tokens of each place are kept with their log-probabilities at the temperature, 8 bytes each, and all
 * others count as one: see `topDistillation`. Vocabularies of no more than twice as many tokens are kept whole.
 *
 * With `pseudoLabels` rows without labels are rehearsed, too, with the old answers for their labels: where classes join one head,
 * this pushes the new ones down on rows that are none of them.
 *
 * @throws UsageError `method-option`; when a task begins, `distil-pseudo`, `distil-targets` for numbers to predict, `distil-answers` for answers that
 * take more than 4 GiB.
 * @example
 * const method = compose(replay({ perClass: 20 }), distil())
 */
export function distil(given: DistilOptions = {}): Method {
  const settings = settle('distil', options, given)
  const { distillationWeight } = settings
  return {
    name: 'distil',
    settings: {
      ...settings,
      temperature: settings.temperature ?? null,
      replayBatch: settings.replayBatch ?? null,
    },
    past: 'weights',
    needsBorders: `Its teacher is the model as a task’s end left it. ${ONLINE_MEMORY}`,
    sources: (sources, state, { unlabelled, index, batchSize }) => {
      // Before there is a teacher nobody answers them.
      if (!unlabelled || teacherOf(state).size === 0) return sources
      const size = Math.min(samples(unlabelled), settings.replayBatch ?? batchSize)
      return [
        ...sources,
        { name: 'unlabelled', dataset: unlabelled, tasks: index, size, weight: 0, labelled: false },
      ]
    },
    inputs: async (state, task) => {
      refuseNumbers('distil', task.train)
      const teacher = teacherOf(state)
      if (teacher.size === 0 || distillationWeight === 0 || pastUnits(task).length === 0) return new Map()
      const temperature = temperatureFor(settings.temperature, task.train)
      return oldAnswers(task, { teacher, temperature, topTokens: settings.topTokens })
    },
    terms: (context, _state, task) => {
      const answers = stepAnswers(context)
      if (!answers || answers.from === context.logits.dims[0]) return {}
      const { step } = context
      const temperature = temperatureFor(settings.temperature, task.train)
      const value = answerLesson(context, task, { answers, temperature, units: taughtOf(task) })
      const distillation = {
        name: 'distillation',
        value: scale(step, value, distillationWeight * temperature ** 2),
      }
      const pseudo = settings.pseudoLabels ? pseudoLabelLoss(context, task, answers) : undefined
      if (!pseudo) return { losses: [distillation] }
      return {
        losses: [distillation, { name: 'pseudo-labels', value: scale(step, pseudo, distillationWeight) }],
      }
    },
    consolidate: async (_state, context) => ({ state: teacherState(context) }),
  }
}

export const distilEntry = methodEntry({
  name: 'distil',
  summary: 'the old answers, computed once, on remembered and new rows (Li & Hoiem 2016)',
  needs: 'no; better with some',
  keeps: 'a copy of the parameters',
  teaches: true,
  unlabelled: true,
  helps: 'beside replay, which it makes stronger; alone as lwf',
  options,
  create: distil,
})
