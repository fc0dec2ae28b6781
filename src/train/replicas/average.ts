import { TrainingError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type OuterStep, outerStep } from './outer-step.ts'
import type { Delivery, Round, RoundEnd } from './round.ts'

/**
 * What a round comes to, from those that delivered. A replica that did not goes on from the same state as the others, and where its
 * samplers stood.
 *
 * @param deliveries by replica; undefined for one that did not deliver
 * @throws TrainingError `replicas-lost` where none did.
 */
export function averaged(
  round: Pick<Round, 'place' | 'tensors' | 'velocity' | 'samplers'>,
  deliveries: readonly (Delivery | undefined)[],
  step: OuterStep,
  bytes: number,
): RoundEnd {
  const there = deliveries.filter((each) => each !== undefined)
  if (there.length === 0) {
    const { task, from, count } = round.place
    throw new TrainingError(
      'replicas-lost',
      `None of the ${deliveries.length} replicas delivered steps ${from} to ${from + count} of task ${task}. The last checkpoint stands: mend what stops them, and go on with the same command.`,
    )
  }
  const { state, velocity } = outerStep(
    round.tensors,
    there.map(({ tensors }) => tensors),
    round.velocity,
    step,
  )
  const terms = Object.keys(itemAt(there, 0, 'delivery').losses)
  return {
    ...{ tensors: state, velocity, bytes },
    samplers: Object.fromEntries(
      deliveries.flatMap((delivery, replica) => {
        const samplers = delivery?.samplers ?? round.samplers[replica]
        return samplers ? [[replica, samplers] as const] : []
      }),
    ),
    losses: Object.fromEntries(
      terms.map((term) => [
        term,
        there.reduce((sum, { losses }) => sum + (losses[term] ?? Number.NaN), 0) / there.length,
      ]),
    ),
    missed: deliveries.flatMap((delivery, replica) => (delivery ? [] : [replica])),
  }
}
