import { type InputFacts, widthOf } from './images/index.ts'
import type { ReadOptions } from './read-options.ts'
import { isAsStored, type Reading, readOptionsOf } from './reading.ts'
import { readInputFiles } from './sidecar-files.ts'

/** How data are read for a model: as asked, and as the files beside it say. */
export interface ModelReading {
  readonly options: ReadOptions
  /** The text of the tokenizer's tokenizer.json, where there is one. */
  readonly tokenizerJson: string | undefined
  /** Equal for models that read data in the same way. */
  readonly key: string
  /** What was assumed for want of a file that says it. */
  readonly notes: readonly string[]
}

/**
 * How a model wants its data: the one front end of configurations and flags.
 *
 * @param model The model's file and its input; undefined for one that is made from the data.
 * @throws What {@link readInputFiles} throws.
 * @example
 * const { options } = await readingFor({ path: 'model.onnx', input: model.input }, { columns: { label: 'intent' } })
 * const { train } = await readDataset('new.csv', options)
 */
export async function readingFor(
  model: { readonly path: string; readonly input: Pick<InputFacts, 'type' | 'dims'> } | undefined,
  asked: Reading = {},
): Promise<ModelReading> {
  const beside = model && (await readInputFiles(model.path, model.input))
  const { tokenizer, tokenizerJson } =
    asked.tokenizer === undefined
      ? (beside ?? { tokenizer: undefined, tokenizerJson: undefined })
      : await readInputFiles(asked.tokenizer, { type: 'int64', dims: ['batch', 'tokens'] })
  const { input } = beside ?? {}
  // Of models that read plain numbers the files mostly say nothing: then pixels come in as the data set has them.
  const stated = input !== undefined && (input.kind !== 'numbers' || !isAsStored(input.preprocessing))
  return {
    options: {
      ...readOptionsOf(asked),
      tokenizer,
      ...(stated && { input }),
      ...(input?.kind === 'numbers' && {
        width: widthOf(model?.input.dims),
        featureOrder: input.features,
        image: input.image,
      }),
    },
    tokenizerJson,
    key: JSON.stringify([
      stated && input,
      input?.kind === 'numbers' && input.image,
      tokenizer && (asked.tokenizer ?? model?.path),
    ]),
    notes: input?.notes ?? [],
  }
}
