import {
  adam,
  type Dataset,
  fineTune,
  type Model,
  modelToOnnx,
  none,
  ortNode,
  schedule,
} from '../../src/index.ts'

export interface Training {
  /** Steps of 32 rows. */
  readonly iterations: number
  /** Default 0.003. */
  readonly learningRate?: number
}

/** The bytes of a model that was trained from scratch: it stands for the one that you have in production. */
export async function trained(
  model: Model,
  train: Dataset,
  { iterations, learningRate = 0.003 }: Training,
): Promise<Uint8Array> {
  const { parameters, buffers } = await fineTune({
    engine: ortNode(),
    model,
    train,
    method: none(),
    settings: { optimiser: adam() },
    schedule: schedule({ kind: 'cosine' }),
    iterations,
    batchSize: 32,
    learningRate,
    seed: 1,
  })
  return modelToOnnx(model, { parameters: new Map([...parameters, ...buffers]) })
}
