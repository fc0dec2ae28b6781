import { numbered } from '../data/names/index.ts'
import { UsageError } from '../errors.ts'
import { findHead } from './heads/index.ts'
import type { Model } from './model.ts'

/** How many tokens a causal language model knows; undefined where its file does not say. */
export function knownTokens(model: Model): number | undefined {
  const { graph, output } = model
  const last = graph.outputs.find(({ name }) => name === output)?.dims?.at(-1)
  return typeof last === 'number' ? last : findHead(model)?.classes
}

/**
 * The same, for work that cannot do without.
 *
 * @throws UsageError `model-data` when the model's file does not say.
 */
export function vocabularyOf(model: Model): number {
  const vocabulary = knownTokens(model)
  if (vocabulary !== undefined) return vocabulary
  throw new UsageError(
    'model-data',
    `A causal language model has logits [N, T, vocabulary], but the dims of "${model.output}" do not say how many tokens there are. Name the value that holds the logits (model.output).`,
  )
}

/** Tokens of a row, where the model's file fixes how many it reads. */
export function statedLength({ graph, input }: Model): number | undefined {
  const stated = graph.inputs.find(({ name }) => name === input.name)?.dims?.[1]
  return typeof stated === 'number' ? stated : undefined
}

/** A causal language model as one of token classes: the classes are the vocabulary. */
export const withTokenClasses = (model: Model): Model => ({
  ...model,
  classes: numbered(vocabularyOf(model)),
})
