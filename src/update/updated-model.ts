import { withWeights } from '../evaluate/index.ts'
import { followNorms } from '../model/adapters/index.ts'
import type { Model } from '../model/model.ts'
import type { UpdateOptions, UpdateResult } from './update-types.ts'

/**
 * The model as an update left it: with the parameters of the chosen point, and with running statistics of batch norms where these have
 * followed. The old model where nothing was chosen.
 *
 * @param options What was updated.
 * @example
 * const result = await update({ ...options, model, widened })
 * const better = updatedModel({ model, widened }, result)
 */
export function updatedModel(
  { model, widened }: Pick<UpdateOptions, 'model' | 'widened'>,
  { chosen, parameters }: Pick<UpdateResult, 'chosen' | 'parameters'>,
): Model {
  if (!chosen) return model
  // Running statistics may have followed that are constants of the model as it was read.
  const followed = [...parameters.keys()].some((name) => widened.graph.initializers.has(name))
  return withWeights(followed ? followNorms(widened) : widened, parameters)
}
