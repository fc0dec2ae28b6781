import { type TokenDocument, tokensIn, tokensThatCount } from '../../data/documents/index.ts'
import { bitsPerByteOrNull, totalLoss } from '../../measure/text-scores.ts'
import { itemAt } from '../../required.ts'
import { usesOf } from '../pack/index.ts'
import type { TextPack, TextRelease } from './text-pack.ts'

/** Some documents, in figures. */
export interface DocumentFigures {
  readonly documents: number
  readonly tokens: number
  /** Tokens that count in the loss. */
  readonly counting: number
  /** UTF-8 bytes of the text that counts. */
  readonly bytes: number
}

/** What a pack of texts holds, in figures. */
export interface TextPackSummary {
  readonly schema: 'holdfast.keep-texts/1'
  readonly created: string
  readonly model: TextPack['model']
  readonly tokenizer: string
  readonly vocabulary: number
  readonly rowLength: number
  readonly overlap: number
  readonly budget: TextPack['budget']
  readonly exemplars: DocumentFigures
  /** The likeliest tokens that are kept at each place, and the mean of their share of all probability; null where none are. */
  readonly answers: { readonly topTokens: number; readonly share: number } | null
  readonly heldOut:
    | (DocumentFigures & {
        /** Null where no byte counts. */
        readonly bitsPerByte: number | null
        /** How many documents have been used by how many releases, ascending. */
        readonly uses: readonly { readonly releases: number; readonly documents: number }[]
        /** What the first release needed for those that it was asked about, and what the model needs for them; null where it is the first. */
        readonly first: {
          readonly name: string
          readonly documents: number
          readonly bitsPerByte: number | null
          readonly now: number | null
        } | null
      })
    | null
  readonly data: TextPack['data']
  /** First to last, of the documents that were held out then. */
  readonly history: readonly (Omit<TextRelease, 'loss'> & { readonly bitsPerByte: number | null })[]
  readonly versions: TextPack['versions']
}

/**
 * What a pack of texts holds, in figures.
 *
 * @example
 * console.log(summariseTextPack(await readTextPack('gpt.keep')).heldOut?.bitsPerByte)
 */
export function summariseTextPack(pack: TextPack): TextPackSummary {
  const { created, model, tokenizer, vocabulary, rowLength, overlap, budget, data, versions } = pack
  return {
    schema: 'holdfast.keep-texts/1',
    ...{ created, model, tokenizer, vocabulary, rowLength, overlap, budget },
    exemplars: figuresOf(pack.exemplars),
    answers: answersSummary(pack),
    heldOut: heldOutSummary(pack),
    data,
    history: pack.history.map(({ loss, ...release }) => ({
      ...release,
      bitsPerByte: bitsPerByteOrNull(loss),
    })),
    versions,
  }
}

const figuresOf = (documents: readonly TokenDocument[]): DocumentFigures => ({
  documents: documents.length,
  tokens: tokensIn(documents),
  counting: documents.reduce((sum, document) => sum + tokensThatCount(document), 0),
  bytes: documents.reduce((sum, { bytes }) => sum + bytes, 0),
})

function answersSummary({ answers }: TextPack): TextPackSummary['answers'] {
  if (!answers) return null
  const [tokens, k] = [itemAt(answers.ids.dims, 0, 'axis'), itemAt(answers.ids.dims, 1, 'axis')]
  const all = answers.logProbabilities.data.reduce((sum, each) => sum + Math.exp(each), 0)
  return { topTokens: k, share: all / tokens }
}

function heldOutSummary({ heldOut, losses, uses, first }: TextPack): TextPackSummary['heldOut'] {
  if (heldOut.length === 0) return null
  const pairs = losses.flatMap((now, at) => {
    const then = first?.losses[at]
    return then ? [{ now, then }] : []
  })
  const known = {
    documents: pairs.length,
    bitsPerByte: bitsPerByteOrNull(totalLoss(pairs.map(({ then }) => then))),
    now: bitsPerByteOrNull(totalLoss(pairs.map(({ now }) => now))),
  }
  return {
    ...figuresOf(heldOut),
    bitsPerByte: bitsPerByteOrNull(totalLoss(losses)),
    uses: usesOf(Int32Array.from(uses)).map(({ releases, rows }) => ({ releases, documents: rows })),
    first: first ? { name: first.name, ...known } : null,
  }
}
