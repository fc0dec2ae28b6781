import { z } from 'zod'
import { samples } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import { add, type Emitter, scalar, scale, sub, type Value } from '../ops/core/index.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { replayBatch } from './memory-options.ts'
import type { BatchSource, Method, Mixed, OpeningContext, TaskContext } from './method.ts'
import { distilled, refuseNumbers, rowsOfBatch, teacherOf, teacherState, unitsOf } from './teacher.ts'

const options = z.strictObject({
  temperature: z.number().gt(0).default(2).describe('temperature of the distillation'),
  distillationWeight: z
    .number()
    .min(0)
    .default(1)
    .describe('weight of the distillation beside the loss')
    .meta(inUpdates('distillation')),
  replayBatch,
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
 * @throws UsageError `method-option`; when a task begins, `distil-targets` for numbers to predict.
 * @example
 * const method = compose(replay({ perClass: 20 }), distil())
 */
export function distil(given: DistilOptions = {}): Method {
  const settings = settle('distil', options, given)
  const { temperature, distillationWeight } = settings
  return {
    name: 'distil',
    settings: { ...settings, replayBatch: settings.replayBatch ?? null },
    past: 'weights',
    sources: (sources, _state, { unlabelled, index, batchSize }) => {
      if (!unlabelled) return sources
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
      return new Map([[onNewRows(task) ? 'all' : 'past', await answers(task, teacher)]])
    },
    terms: (context, _state, task) => {
      const { step, inputs, rows, batch, logits, sources, mixed } = context
      const [[which, table] = []] = inputs
      if (!table) return {}
      const from = which === 'all' ? 0 : (sources.get('new')?.size as number)
      const size = (logits.dims[0] as number) - from
      if (size === 0) return {}
      const part = (value: Value) => rowsOfBatch(step, value, { from, size })
      const student = ofPast(step, part(logits), task)
      /** On the answers for these rows of the pool. */
      const lesson = (answered: Value, weights?: Value) => {
        const teacher = ofPast(step, step.op('Gather', [table, part(answered)]), task)
        const rowwise = { batch: part(batch), labels: () => part(context.labels), temperature, weights }
        return distilled(step, { student, teacher, ...rowwise }, task)
      }
      const value = mixed
        ? ofMixed(step, mixed, rows, (of, weights) => lesson(of, part(weights)))
        : lesson(rows)
      return {
        losses: [{ name: 'distillation', value: scale(step, value, distillationWeight * temperature ** 2) }],
      }
    },
    consolidate: async (_state, context) => ({ state: teacherState(context) }),
  }
}

/** share L(row) + (1 - share) L(other row): the answers for a mixture are those for both, in its shares. */
function ofMixed(
  emit: Emitter,
  { partner, share }: Mixed,
  rows: Value,
  lesson: (rows: Value, weights: Value) => Value,
): Value {
  const rest = sub(emit, scalar(emit, 1, share), share)
  return add(emit, lesson(rows, share), lesson(emit.op('Gather', [rows, partner]), rest))
}

function onNewRows({ sources, units, index }: OpeningContext): boolean {
  const remembered = sources.some(({ name, weight }) => name !== 'new' && weight > 0)
  const known = new Set(units.slice(0, index).flat())
  return !remembered || units[index]?.some((unit) => !known.has(unit)) === true
}

/** The teacher's logits for every row of the pool; rows that are not distilled on take up room only. */
async function answers(task: OpeningContext, teacher: ReadonlyMap<string, Tensor>): Promise<Tensor> {
  const fresh = onNewRows(task)
  const ask = ({ name, dataset }: BatchSource) =>
    name === 'new' && !fresh ? undefined : task.reader.logits(dataset, teacher)
  const found = await Promise.all(task.sources.map(ask))
  const [, ...row] = found.find((logits) => logits !== undefined)?.dims ?? []
  return concatenateRows(
    found.map(
      (logits, at) => logits ?? float32([samples((task.sources[at] as BatchSource).dataset), ...row]),
    ),
  )
}

const pastUnits = ({ units, index }: TaskContext): readonly number[] =>
  [...new Set(units.slice(0, index).flat())].sort((a, b) => a - b)

/** The logits of past tasks' units; of all where each task has a head of its own, told apart by masks. */
function ofPast(emit: Emitter, logits: Value, task: TaskContext): Value {
  const past = pastUnits(task)
  return unitsOf(emit, logits, task.scenario === 'task' || past.length === task.outputs ? undefined : past)
}

export const distilEntry = methodEntry({
  name: 'distil',
  summary: 'the old answers, computed once, on remembered and new rows (Li & Hoiem 2016)',
  needs: 'no; better with some',
  keeps: 'a copy of the parameters',
  teaches: true,
  helps: 'beside replay, which it makes stronger; alone as lwf',
  options,
  create: distil,
})
