import { UsageError } from '../../errors.ts'
import type { ModelIdentity } from '../pack/index.ts'
import { otherTokenizer, type TextPack } from '../text-pack/index.ts'
import type { TextUpdateData } from './text-update-types.ts'

/** What a pack gives to an update. */
export interface PackTexts {
  readonly data: Pick<TextUpdateData, 'exemplars' | 'answers' | 'heldOut' | 'first' | 'uses'>
  /** Rows are as the pack's losses were measured. */
  readonly rowLength: number
  readonly overlap: number
  readonly notes: readonly string[]
}

export interface PackTextsUse {
  /** What messages call the pack. */
  readonly place: string
  readonly identity: ModelIdentity
  /** SHA-256 of the model's tokenizer.json; undefined where there is none. */
  readonly tokenizer: string | undefined
  /** Tokens that the model knows. */
  readonly vocabulary: number
}

/**
 * A pack's documents for an update. Of another model's pack the documents serve; its answers and its first release do not.
 *
 * @throws UsageError `pack-mismatch` where the model's tokenizer or vocabulary is another one.
 */
export function packTexts(
  pack: TextPack,
  { place, identity, tokenizer, vocabulary }: PackTextsUse,
): PackTexts {
  if (tokenizer !== undefined && tokenizer !== pack.tokenizer) throw otherTokenizer(pack, identity.name)
  if (vocabulary !== pack.vocabulary) {
    throw new UsageError(
      'pack-mismatch',
      `${place} is of a model that knows ${pack.vocabulary.toLocaleString('en-US')} tokens, and ${identity.name} knows ${vocabulary.toLocaleString('en-US')}. Make a pack of this model (holdfast keep).`,
    )
  }
  const own = pack.model.sha256 === identity.sha256
  const uses = Math.max(0, ...pack.uses)
  return {
    data: {
      ...{ exemplars: pack.exemplars, answers: own ? pack.answers : undefined, heldOut: pack.heldOut },
      // The first release is the model itself until there is another; that of another model's pack is of another line.
      ...{ first: own ? pack.first : undefined, uses },
    },
    ...{ rowLength: pack.rowLength, overlap: pack.overlap },
    notes: own
      ? []
      : [
          `${place} was made of another model: ${pack.model.name} (SHA-256 ${pack.model.sha256.slice(0, 12)}…), not ${identity.name} (${identity.sha256.slice(0, 12)}…). Its documents are used, its answers and its first release are not: the change is counted from this model's losses.`,
        ],
  }
}
