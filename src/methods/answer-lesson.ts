import { add, type Emitter, scalar, sub, type Value } from '../ops/core/index.ts'
import { itemAt, present } from '../required.ts'
import type { Mixed, StepContext, TaskContext } from './method.ts'
import type { StepAnswers } from './old-answers.ts'
import { distilled, rowsOfBatch, topDistilled, unitsOf } from './teacher.ts'

export interface AnswersTaught {
  readonly answers: StepAnswers
  readonly temperature: number
  /** The units that the answers are taught on; undefined for all. */
  readonly units: readonly number[] | undefined
}

/** The loss of a step on answers that are known before training, without a factor T^2. Of mixed rows it is that on both in their shares. */
export function answerLesson(context: StepContext, task: TaskContext, taught: AnswersTaught): Value {
  const { step, rows, mixed } = context
  const lesson = lessonOn(context, task, taught)
  return mixed ? ofMixed(step, mixed, rows, lesson) : lesson(rows)
}

type Lesson = (rows: Value, weights?: Value) => Value

/** The loss on the old answers for rows of the pool; `weights` has one factor a row of the batch. */
function lessonOn(
  { step, batch, labels, logits }: StepContext,
  task: TaskContext,
  { answers, temperature, units }: AnswersTaught,
): Lesson {
  const { from } = answers
  const size = itemAt(logits.dims, 0, 'axis') - from
  const part = (value: Value) => rowsOfBatch(step, value, { from, size })
  const student = unitsOf(step, part(logits), units)
  return (rows, weights) => {
    const known = answers.answered(part(rows))
    const rowwise = { batch: part(batch), labels: () => part(labels), temperature, known }
    const [ids, logProbabilities] = [answers.at('ids', part(rows)), answers.at('shares', part(rows))]
    if (ids && logProbabilities)
      return topDistilled(step, { student, ids, logProbabilities, ...rowwise }, task)
    const teacher = unitsOf(step, present(answers.at('logits', part(rows)), 'old answers'), units)
    return distilled(step, { student, teacher, ...rowwise, weights: weights && part(weights) }, task)
  }
}

/** share L(row) + (1 - share) L(other row): the answers for a mixture are those for both, in its shares. */
function ofMixed(emit: Emitter, { partner, share }: Mixed, rows: Value, lesson: Lesson): Value {
  const rest = sub(emit, scalar(emit, 1, share), share)
  return add(emit, lesson(rows, share), lesson(emit.op('Gather', [rows, partner]), rest))
}
