import { DataError } from '../../errors.ts'
import { createDataset, type Dataset, ignoredLabel } from '../dataset.ts'
import { describe } from '../rows.ts'

/**
 * Texts as what a causal language model learns from: each token's label is the token after it, so a data set of token classes. The last
 * token of a row has no label (-100), nor has the padding behind it.
 *
 * @param dataset Token ids, int64 [N, T]; `preprocessing.pad` says what fills up short rows.
 * @param vocabulary How many different tokens the model knows.
 * @throws DataError `data-not-tokens` when the inputs are no token ids, `token-out-of-range` naming the row.
 * @example
 * const data = nextTokens(tokenize(texts, tokenizer), 50_257)
 */
export function nextTokens(dataset: Dataset, vocabulary: number): Dataset {
  const { inputs, preprocessing, name } = dataset
  const [rows = 0, tokens = 0] = inputs.dims
  if (inputs.type !== 'int64' || inputs.dims.length !== 2) {
    throw new DataError(
      'data-not-tokens',
      `Data set '${name}': expected token ids, int64 [N, T], found ${describe(inputs)}. Put tokenizer.json beside the model, so that texts become token ids.`,
    )
  }
  const ids = Int32Array.from(inputs.data as BigInt64Array, Number)
  const strange = ids.findIndex((id) => id < 0 || id >= vocabulary)
  if (strange >= 0) {
    throw new DataError(
      'token-out-of-range',
      `Data set '${name}', row ${Math.floor(strange / tokens)}: token ${ids[strange]} is not one of the model's ${vocabulary} (0 to ${vocabulary - 1}). Is the tokenizer that of another model?`,
    )
  }
  const labels = new Int32Array(ids.length).fill(ignoredLabel)
  for (let row = 0; row < rows; row++) {
    const text = ids.subarray(row * tokens, (row + 1) * tokens)
    const length = 1 + text.findLastIndex((id) => id !== preprocessing.pad)
    labels.set(text.subarray(1, Math.max(1, length)), row * tokens)
  }
  return createDataset({
    ...dataset,
    kind: 'token-classification',
    labels: { type: 'int32', dims: [rows, tokens], data: labels },
    classes: Array.from({ length: vocabulary }, (_, token) => String(token)),
  })
}
