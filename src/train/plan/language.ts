import { numbered } from '../../data/names/index.ts'
import { nextTokens } from '../../data/text/index.ts'
import { UsageError } from '../../errors.ts'
import { findHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import type { TrainTest } from './prepare.ts'

/**
 * A causal language model and its texts as a task of token classes: the classes are the vocabulary.
 *
 * @throws UsageError `model-data` when the model's file does not say how large its vocabulary is; and what {@link nextTokens} throws.
 */
export function languageTask(
  model: Model,
  texts: readonly TrainTest[],
): { readonly model: Model; readonly data: readonly TrainTest[] } {
  const { graph, output } = model
  const last = graph.outputs.find(({ name }) => name === output)?.dims?.at(-1)
  const vocabulary = typeof last === 'number' ? last : findHead(model)?.classes
  if (vocabulary === undefined) {
    throw new UsageError(
      'model-data',
      `A causal language model has logits [N, T, vocabulary], but the dims of "${output}" do not say how many tokens there are. Name the value that holds the logits (model.output).`,
    )
  }
  return {
    model: { ...model, classes: numbered(vocabulary) },
    data: texts.map(({ train, test }) => ({
      train: nextTokens(train, vocabulary),
      test: nextTokens(test, vocabulary),
    })),
  }
}
