import { itemAt } from '../../required.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import type { LearnOptions } from './options.ts'

export interface CallPlace {
  readonly task: number
  readonly from: number
  readonly count: number
  /** Steps of the optimiser before it. */
  readonly updates: number
}

/** Seeds, and the optimiser's numbers, of each step of a call. */
export function stepNumbers(
  options: Pick<LearnOptions, 'settings' | 'iterations' | 'learningRate' | 'schedule' | 'seed'>,
  { task, from, count, updates }: CallPlace,
): [string, Tensor][] {
  const { settings, iterations, learningRate, schedule, seed } = options
  const steps = Array.from({ length: count }, (_, at) => from + at)
  const seeds = steps.map((step) => dropoutSeed(seed, task * iterations + step))
  const scalars = steps.map((step, at) =>
    settings.optimiser.scalars(updates + at + 1, learningRate * (schedule?.(step, iterations) ?? 1)),
  )
  return [
    ['seeds', int64([count], seeds)],
    ...itemAt(scalars, 0, 'step').map((_, place): [string, Tensor] => [
      `schedule/${place}`,
      float32(
        [count],
        scalars.map((numbers) => itemAt(numbers, place, 'number of the optimiser')),
      ),
    ]),
  ]
}

/** Differs from step to step of the whole run and from seed to seed; the masks are a function of it. */
const dropoutSeed = (seed: number, step: number): number => (seed % 65_536) * 2 ** 31 + step
