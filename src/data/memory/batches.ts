import { CheckpointError, UsageError } from '../../errors.ts'
import { type RandomState, type RandomStream, resumeStream } from '../../tensor/random.ts'

/** Where a batch plan stands; survives JSON. The order itself is not kept: it is drawn again from `random`. */
export interface BatchPlanState {
  readonly n: number
  readonly batchSize: number
  readonly dropLast: boolean
  /** The random stream as it was before it drew the present epoch's order. */
  readonly random: RandomState
  /** Samples of the present epoch already handed out. */
  readonly position: number
  readonly epoch: number
}

/** An endless source of sample indexes, in a new random order each epoch. */
export interface BatchPlan {
  readonly batchSize: number
  /** The indexes of the next `steps` batches, [steps * batchSize]: row s holds batch s. */
  next(steps: number): Int32Array
  /** Full batches in one epoch; without `dropLast` batches run on from one epoch into the next, and this may be a fraction. */
  readonly stepsPerEpoch: number
  state(): BatchPlanState
}

/**
 * Plans batches over `n` samples: every epoch goes through them in an order newly drawn from `random`.
 *
 * All batches have the same size. With `dropLast` (the default), the samples left over at an epoch's end are dropped, others
 * each time; without it the last batch is filled up from the next epoch. With fewer samples than a batch needs, each batch
 * takes them again and again, in new orders.
 *
 * @param random Belongs to the plan from here on: draw from it elsewhere and a resumed plan would differ.
 * @throws UsageError `batch-plan` when `n` or `batchSize` is no whole number from 1 on.
 * @example
 * const plan = batchPlan(60000, 128, randomStream(1, 'batches'))
 * const indices = plan.next(100) // Int32Array of 12,800
 */
export function batchPlan(
  n: number,
  batchSize: number,
  random: RandomStream,
  { dropLast = true }: { readonly dropLast?: boolean } = {},
): BatchPlan {
  for (const [what, value] of [
    ['n', n],
    ['batchSize', batchSize],
  ] as const) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(
        'batch-plan',
        `A batch plan needs a whole number from 1 on as ${what}, but it is ${value}.`,
      )
    }
  }
  return planFrom(n, batchSize, dropLast, random, 0, 0)
}

/**
 * A plan that goes on exactly where the one stood whose `state()` this is, in the middle of an epoch too.
 *
 * @throws CheckpointError `batch-plan-state`.
 */
export function resumeBatchPlan(state: BatchPlanState): BatchPlan {
  const { n, batchSize, dropLast, position, epoch } = state
  const whole = [n, batchSize, position, epoch].every((value) => Number.isInteger(value) && value >= 0)
  if (!whole || n < 1 || batchSize < 1 || position > n) {
    throw new CheckpointError(
      'batch-plan-state',
      `This is not where a batch plan can stand: ${JSON.stringify(state)}.`,
    )
  }
  return planFrom(n, batchSize, dropLast, resumeStream(state.random), position, epoch)
}

function planFrom(
  n: number,
  batchSize: number,
  dropLast: boolean,
  random: RandomStream,
  startPosition: number,
  startEpoch: number,
): BatchPlan {
  let position = startPosition
  let epoch = startEpoch
  let before = random.state()
  let order = random.permutation(n)
  const usable = dropLast && n >= batchSize ? n - (n % batchSize) : n
  return {
    batchSize,
    stepsPerEpoch: usable / batchSize,
    next(steps) {
      const indices = new Int32Array(steps * batchSize)
      for (let filled = 0; filled < indices.length; ) {
        if (position >= usable) {
          before = random.state()
          order = random.permutation(n)
          position = 0
          epoch++
        }
        const count = Math.min(usable - position, indices.length - filled)
        indices.set(order.subarray(position, position + count), filled)
        filled += count
        position += count
      }
      return indices
    },
    state: () => ({ n, batchSize, dropLast, random: before, position, epoch }),
  }
}
