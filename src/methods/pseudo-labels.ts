import { kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { masked } from '../model/losses/index.ts'
import { mul, neg, reduceSum, scale, type Value } from '../ops/core/index.ts'
import { present } from '../required.ts'
import type { StepContext, TaskContext } from './method.ts'
import { pastUnits, type StepAnswers } from './old-answers.ts'
import { rowsOfBatch } from './teacher.ts'
import { unitMask, unitsSoFar } from './units.ts'

/**
 * Pseudo-rehearsal (Robins 1995) on rows without labels: what the old model said of them is their label,
 *
 *     -mean_x sum_c q_c log p_c,   q = softmax of the old logits over old classes, p = softmax of the new ones over all so far
 *
 * so that new classes are pushed down on these rows, as rehearsal of labelled ones does. Undefined where there are none.
 *
 * @throws UsageError `distil-pseudo` for rows without one class each, where each task has a head of its own, or rows are mixed.
 */
export function pseudoLabelLoss(
  context: StepContext,
  task: TaskContext,
  answers: StepAnswers,
): Value | undefined {
  const { step, rows, sources, logits, mixed } = context
  const range = sources.get('unlabelled')
  if (!range) return undefined
  refuseOthers(task, mixed !== undefined)
  const part = (value: Value): Value => rowsOfBatch(step, value, range)
  const old = present(answers.at('logits', part(rows)), 'old answers')
  const among = (values: Value, units: readonly number[]): Value =>
    masked(step, values, step.constant(unitMask(task, units)))
  const wanted = step.op('Softmax', [among(old, pastUnits(task))], { axis: -1 })
  const found = step.op('LogSoftmax', [among(part(logits), unitsSoFar(task))], { axis: -1 })
  return scale(step, neg(step, reduceSum(step, mul(step, wanted, found), [0, 1])), 1 / range.size)
}

function refuseOthers({ scenario, train }: TaskContext, mixed: boolean): void {
  const reason =
    scenario === 'task'
      ? 'where each task has a head of its own no new class stands beside the old ones'
      : kindOf(train) !== 'classification'
        ? `the labels of "${train.name}" are for ${kindOf(train)}`
        : mixed && 'mixup and cutmix show each row mixed with another'
  if (!reason) return
  throw new UsageError(
    'distil-pseudo',
    `Pseudo-labels are the old model's answers, over old and new classes of one head, and ${reason}. Without them distil holds the answers themselves.`,
  )
}
