import { numbered } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import { findHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'

/**
 * How many tokens a causal language model knows.
 *
 * @throws UsageError `model-data` when the model's file does not say.
 */
export function vocabularyOf(model: Model): number {
  const { graph, output } = model
  const last = graph.outputs.find(({ name }) => name === output)?.dims?.at(-1)
  const vocabulary = typeof last === 'number' ? last : findHead(model)?.classes
  if (vocabulary !== undefined) return vocabulary
  throw new UsageError(
    'model-data',
    `A causal language model has logits [N, T, vocabulary], but the dims of "${output}" do not say how many tokens there are. Name the value that holds the logits (model.output).`,
  )
}

/** A causal language model as one of token classes: the classes are the vocabulary. */
export const withTokenClasses = (model: Model): Model => ({
  ...model,
  classes: numbered(vocabularyOf(model)),
})
