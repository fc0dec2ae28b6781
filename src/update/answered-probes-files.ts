import type { ProbeSet } from '../data/probes/index.ts'
import type { ReadOptions } from '../data/read-options.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import { answerProbes, probePredictions, probeScores } from '../evaluate/index.ts'
import type { Model } from '../model/model.ts'

/**
 * What a language model answers to probes: how well, and as predictions.
 *
 * @param name What messages call the model.
 * @throws UsageError `tokenizer-missing`, and what {@link answerProbes} throws.
 */
export async function answeredProbes(
  engine: Engine,
  { name, model }: { readonly name: string; readonly model: Model },
  probes: ProbeSet,
  { tokenizer }: Pick<ReadOptions, 'tokenizer'>,
) {
  if (!tokenizer) {
    throw new UsageError(
      'tokenizer-missing',
      `${name}: there is no tokenizer.json, and without it probes do not become tokens. Put tokenizer.json and tokenizer_config.json beside the model, or name their folder (tokenizer).`,
    )
  }
  const answers = await answerProbes(engine, model, tokenizer, probes, { name })
  return { scores: probeScores(answers), predictions: probePredictions(answers, { name }) }
}
