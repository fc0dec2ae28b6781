import { UsageError } from '../../errors.ts'
import { type Before, idleParts, idleWords } from '../../methods/idle.ts'
import type { RunPlan } from './plan.ts'

/** What of a plan comes before its first task. */
function beforeOf({ model }: RunPlan, tasks: number): Before {
  if (model.kind !== 'onnx' || model.trained === false)
    return { tasks, model: false, answers: false, rows: false }
  return { tasks, model: true, answers: model.head !== 'replace', rows: model.old !== undefined }
}

/**
 * @throws UsageError `method-idle` for a trained model and a method that would not hold anything of it, and does nothing else: one task,
 * and no data of what came before.
 */
export function refuseIdle(plan: RunPlan, tasks: number): void {
  const before = beforeOf(plan, tasks)
  const { name } = plan.method
  if (!before.model || !idleParts(name, before).nothing) return
  throw new UsageError('method-idle', idleWords(name, before).join(' '))
}

/** What to know of parts of a plan's method that do nothing, or nothing for what the model knew before: a sentence or two each. */
export const idleNotes = (plan: RunPlan, tasks: number): readonly string[] =>
  idleWords(plan.method.name, beforeOf(plan, tasks))
