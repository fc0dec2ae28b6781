import { type Dataset, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { type Model, weightsOf } from '../model/model.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { createEvaluator } from './evaluate.ts'
import { featureVectors } from './features.ts'
import { type TopTokens, type TopTokensOptions, topTokens } from './top-tokens.ts'
import type { Weights } from './weights.ts'

/** What a model says of data, with its own weights or with others by the same names; those left out are its own. */
export interface Reader {
  /** Logits [N, outputs], or [N, T, outputs] where tokens are labelled; no rows for no data. */
  logits(dataset: Dataset, weights?: Weights): Promise<Tensor<'float32'>>
  /** The unit with the largest logit among `active` (default all), a row, or a token where tokens are labelled. */
  predictions(dataset: Dataset, weights?: Weights, active?: readonly number[]): Promise<Int32Array>
  /** The likeliest tokens at each place of rows of texts, see {@link topTokens}. */
  topTokens(dataset: Dataset, options: TopTokensOptions): Promise<TopTokens>
  /**
   * What the head reads, as one vector a row, float32 [N, D].
   *
   * @throws ModelError `head-missing` for a model without a head.
   */
  features(dataset: Dataset, weights?: Weights): Promise<Tensor<'float32'>>
}

/** A reader that keeps the runtime's sessions between calls, until it is disposed of. */
export interface OpenReader extends Reader {
  dispose(): Promise<void>
}

/**
 * Reads a model.
 *
 * @param outputs How many logits the model gives.
 * @example
 * const reader = openReader(engine, model, 10)
 * const classes = await reader.predictions(dataset)
 */
export function openReader(engine: Engine, model: Model, outputs: number): OpenReader {
  const evaluator = createEvaluator(engine, model, outputs, 250)
  const own = weightsOf(model)
  const stateOf = (weights: Weights) =>
    new Map(
      [...own].map(([name, tensor]) => [
        `${model.buffers.has(name) ? 'buffer' : 'parameter'}/${name}`,
        weights.get(name) ?? tensor,
      ]),
    )
  return {
    logits: async (dataset, weights = own) =>
      samples(dataset) === 0 ? float32([0, outputs]) : evaluator.logits(dataset, stateOf(weights)),
    predictions: async (dataset, weights = own, active) =>
      samples(dataset) === 0 ? new Int32Array() : evaluator.predict(dataset, stateOf(weights), active),
    topTokens: (dataset, options) => topTokens(engine, model, dataset, options),
    features: async (dataset, weights = own) => featureVectors(engine, withWeights(model, weights), dataset),
    dispose: () => evaluator.dispose(),
  }
}

/** A reader whose answers are those of some weights where nothing else is said. */
export const readingAs = (reader: Reader, own: Weights): Reader => ({
  logits: (dataset, weights = own) => reader.logits(dataset, weights),
  predictions: (dataset, weights = own, active) => reader.predictions(dataset, weights, active),
  topTokens: (dataset, options) => reader.topTokens(dataset, { weights: own, ...options }),
  features: (dataset, weights = own) => reader.features(dataset, weights),
})

/** The model with these values for its parameters and buffers; those left out stay as they are. */
export function withWeights(model: Model, weights: Weights): Model {
  const replaced = (tensors: Weights) =>
    new Map([...tensors].map(([name, tensor]) => [name, weights.get(name) ?? tensor]))
  return { ...model, parameters: replaced(model.parameters), buffers: replaced(model.buffers) }
}

/**
 * A reader that answers the same question once: what weights of the same tensors said of the same inputs is kept as long
 * as these inputs are. For what many trainings ask of one old model.
 */
export function rememberingReader(reader: Reader): Reader {
  const known = new WeakMap<Tensor, { weights: readonly Tensor[]; logits: Promise<Tensor<'float32'>> }[]>()
  return {
    ...reader,
    logits: (dataset, weights = new Map()) => {
      const asked = [...weights.values()]
      const earlier = known.get(dataset.inputs) ?? []
      const found = earlier.find(
        (one) =>
          one.weights.length === asked.length && one.weights.every((tensor, at) => tensor === asked[at]),
      )
      if (found) return found.logits
      const logits = reader.logits(dataset, weights)
      known.set(dataset.inputs, [...earlier, { weights: asked, logits }])
      return logits
    },
  }
}
