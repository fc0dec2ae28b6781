import type { Tensor } from '../src/tensor/tensor.ts'
import { type LearnOptions, learn } from '../src/train/run/index.ts'

/** What a run leaves, parameters and running statistics, by name. */
export async function learnedWeights(options: LearnOptions): Promise<ReadonlyMap<string, Tensor>> {
  const run = learn(options)
  for (;;) {
    const next = await run.next()
    if (next.done) return new Map([...next.value.parameters, ...next.value.buffers])
  }
}
