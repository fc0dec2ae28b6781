import { classLabels, kindOf } from '../data/dataset.ts'
import { herding } from '../data/memory/index.ts'
import { UsageError } from '../errors.ts'
import { hardestFirst } from '../evaluate/hardest-first.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { memoryOf, memoryState, withExemplars, withRows } from './exemplars.ts'
import type { ConsolidateContext, MethodState } from './method.ts'

/**
 * Which rows of a class are remembered when a task ends:
 * - `random`: any
 * - `herding`: one by one the row that brings the mean feature of those chosen nearest to that of all (Welling 2009; Rebuffi et al. 2017)
 * - `hardest`: those of the largest loss, the hardest first
 */
export const exemplarChoices = ['random', 'herding', 'hardest'] as const
export type ExemplarChoice = (typeof exemplarChoices)[number]

/**
 * What is remembered, with `perClass` exemplars of each class of a task that ended beside it.
 *
 * @throws UsageError `exemplar-labels` where the choice goes by classes and rows have not one each.
 */
export async function withChosen(
  state: MethodState,
  context: ConsolidateContext,
  perClass: number,
  choice: ExemplarChoice,
): Promise<MethodState> {
  if (choice === 'random') return withExemplars(state, context, { perClass })
  const { train, index } = context
  if (kindOf(train) !== 'classification') {
    throw new UsageError(
      'exemplar-labels',
      `Exemplars are chosen within each class by ${choice}, but the labels of "${train.name}" are for ${kindOf(train)}. Let them be chosen at random.`,
    )
  }
  const rows =
    choice === 'herding'
      ? herding(await context.reader.features(train), classLabels(train), perClass)
      : hardest(await context.reader.logits(train), context, perClass)
  return memoryState(withRows(memoryOf(state, context), train, rows, index))
}

/** Rows in the order of their loss, as many of each class; the softmax goes over the classes of their task. */
function hardest(
  logits: Tensor<'float32'>,
  { train, active }: Pick<ConsolidateContext, 'train' | 'active'>,
  perClass: number,
): Int32Array {
  const labels = classLabels(train)
  const taken = new Map<number, number>()
  return Int32Array.from(
    hardestFirst(logits, labels, active).filter((row) => {
      const label = itemAt(labels, row, 'label')
      const count = taken.get(label) ?? 0
      taken.set(label, count + 1)
      return count < perClass
    }),
  )
}
