import { type Dataset, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { createEvaluator } from './evaluate.ts'

/** Runs a model with its own weights, and hands out what it gives for rows from some row on, float32 [rows, ...]. */
export async function eachOutput(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  take: (output: Tensor<'float32'>, from: number) => void,
): Promise<void> {
  if (samples(dataset) === 0) return
  // One offset fits values of any width.
  const evaluator = createEvaluator(engine, model, 1, 250)
  const state = new Map([
    ...[...model.parameters].map(([name, tensor]) => [`parameter/${name}`, tensor] as const),
    ...[...model.buffers].map(([name, tensor]) => [`buffer/${name}`, tensor] as const),
  ])
  try {
    await evaluator.eachLogits(dataset, state, take)
  } finally {
    await evaluator.dispose()
  }
}
