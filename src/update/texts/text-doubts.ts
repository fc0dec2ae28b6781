import { type TextLoss, totalLoss } from '../../measure/text-scores.ts'

/**
 * What makes the given model's own answers doubtful: no budget says anything of a model that knows nothing. New texts may well be of a kind
 * that it is sure of and wrong about, so that they are only looked at where there are no old ones.
 */
export function doubtsOf(
  vocabulary: number,
  { old, new: fresh }: { readonly old: readonly TextLoss[] | undefined; readonly new: readonly TextLoss[] },
): readonly string[] {
  const chance = Math.log(vocabulary)
  const { nats, tokens } = totalLoss(old ?? fresh)
  const loss = nats / tokens
  if (loss < chance) return []
  const all = vocabulary.toLocaleString('en-US')
  return [
    `Before the update the model loses ${loss.toFixed(2)} nats a token on ${old ? 'old' : 'the new'} texts, no less than guessing among all ${all} tokens would (${chance.toFixed(2)}). ${
      old
        ? 'Probably its tokenizer is another one, or they are not what it was trained on. Until then a budget says nothing: what knows nothing cannot forget.'
        : 'They are of quite another kind than what it was trained on, or its tokenizer is another one.'
    }`,
  ]
}
