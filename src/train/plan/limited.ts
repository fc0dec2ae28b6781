import { type Dataset, samples, subset } from '../../data/dataset.ts'
import { randomStream } from '../../tensor/random.ts'
import type { RunPlan } from './plan.ts'
import type { TrainTest } from './prepare.ts'

/** At most so many rows of each part, chosen at random; the others keep their order. */
export function limited(data: TrainTest, limit: RunPlan['data']['limit']): TrainTest {
  if (!limit) return data
  const some = (dataset: Dataset, count: number) =>
    samples(dataset) <= count
      ? dataset
      : subset(dataset, randomStream(0, 'limit').choose(samples(dataset), count).sort())
  return { train: some(data.train, limit.train), test: some(data.test, limit.test) }
}
