import { jsonRow } from '../../data/formats/index.ts'
import { DataError } from '../../errors.ts'
import type { DocumentFigures } from '../../evaluate/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { PairedTexts } from '../../measure/text-verdict.ts'
import { itemAt, required } from '../../required.ts'

/** What a language model's loss on a document was. */
export interface TextScore {
  /** What the document is called in every file of losses: these are joined on it. */
  readonly id: string
  /** UTF-8 bytes of the text that counts. */
  readonly bytes: number
  /** Tokens that count. */
  readonly tokens: number
  /** Sum of -log2 p over them. */
  readonly bits: number
  /** Where an earlier document says the same, its id: a text is counted once. */
  readonly copyOf?: string | undefined
}

/** The losses of one model. */
export interface TextScores {
  /** What messages and tables call it, e.g. its file. */
  readonly name: string
  readonly documents: readonly TextScore[]
  /** Equal for tokenizers that are one and the same; where it is not known, undefined. */
  readonly tokenizer?: string | undefined
  /** Names the place of one in a message, e.g. `old.jsonl, line 7`; default `NAME, ID`. */
  readonly locate?: ((row: number) => string) | undefined
}

/** A document and two models' losses on it. */
export interface PairedDocument extends PairedTexts {
  readonly id: string
}

/** As many bytes two tokenizers may differ in: the first token of a document does not count where nothing is before it. */
const firstToken = 64

/** What a line of JSON says of a language model: its loss on a document, or its answer to a probe; undefined where neither. */
export const lineKind = (line: string): 'loss' | 'answer' | undefined => {
  // Most lines of classifiers need no parsing.
  if (!/"bits"|"probe"/.test(line)) return undefined
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return undefined
    if ('pred' in value) return 'probe' in value ? 'answer' : undefined
    return 'bits' in value ? 'loss' : undefined
  } catch {
    return undefined
  }
}

/**
 * Losses from JSON Lines: `{"id", "bytes", "tokens", "bits"}` a line. Other fields are passed over.
 *
 * @param file Named in errors.
 * @throws DataError `json-syntax`, `json-row`, `text-scores-field`, `text-scores-empty`, each with the line.
 * @example
 * parseTextScores('{"id": "a.txt", "bytes": 120, "tokens": 31, "bits": 210.5}\n', 'old.jsonl')
 */
export function parseTextScores(text: string, file: string): TextScores {
  const documents: TextScore[] = []
  const places: string[] = []
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue
    const place = `${file}, line ${index + 1}`
    documents.push(scoreOf(jsonRow(line, place), place))
    places.push(place)
  }
  checkCopies(documents, places, file)
  return { name: file, documents, locate: (row) => itemAt(places, row, 'line') }
}

/** A text counts once: as the document that the others are copies of. */
function checkCopies(documents: readonly TextScore[], places: readonly string[], file: string): void {
  const own = new Set(documents.flatMap(({ id, copyOf }) => (copyOf === undefined ? [id] : [])))
  if (own.size === 0) {
    const found = documents.length === 0 ? 'none' : 'only copies of others (copyOf)'
    throw new DataError(
      'text-scores-empty',
      `${file}: expected the loss of a document a line, found ${found}.`,
    )
  }
  for (const [row, { copyOf }] of documents.entries()) {
    if (copyOf === undefined || own.has(copyOf)) continue
    throw wrongField(itemAt(places, row, 'line'), 'copyOf', {
      expected: 'the id of a document of the file that is no copy itself',
      found: copyOf,
    })
  }
}

const wrongField = (
  place: string,
  field: string,
  { expected, found }: { readonly expected: string; readonly found: unknown },
): DataError =>
  new DataError(
    'text-scores-field',
    `${place}, field '${field}': expected ${expected}, found ${JSON.stringify(found) ?? 'nothing'}. A line is {"id", "bytes", "tokens", "bits"}, as --save-predictions writes it.`,
  )

function scoreOf(fields: Readonly<Record<string, unknown>>, place: string): TextScore {
  const wrong = (field: string, expected: string) =>
    wrongField(place, field, { expected, found: fields[field] })
  const { id } = fields
  if (!((typeof id === 'string' && id !== '') || typeof id === 'number')) {
    throw wrong('id', 'a text or a number')
  }
  const amount = (field: 'bytes' | 'tokens' | 'bits', whole: boolean): number => {
    const value = fields[field]
    if (typeof value === 'number' && value >= 0 && (!whole || Number.isInteger(value))) return value
    throw wrong(field, whole ? 'a whole number from 0 on' : 'a number from 0 on')
  }
  const tokens = amount('tokens', true)
  if (tokens === 0) throw wrong('tokens', 'at least one token that counts')
  const { copyOf } = fields
  if (copyOf !== undefined && typeof copyOf !== 'string' && typeof copyOf !== 'number') {
    throw wrong('copyOf', 'the id of an earlier document')
  }
  return {
    ...{ id: String(id), bytes: amount('bytes', true), tokens, bits: amount('bits', false) },
    ...(copyOf !== undefined && { copyOf: String(copyOf) }),
  }
}

/**
 * The losses that a model was measured to have, as {@link parseTextScores} reads them from a file.
 *
 * @param options.nameOf What documents are called, by their places. Default: their places.
 * @param options.copies Of documents that say what an earlier one says, the place of that one; see `copiedDocuments`. Default none.
 */
export const textScores = (
  name: string,
  figures: readonly DocumentFigures[],
  {
    nameOf = (place) => place,
    copies = new Map(),
  }: {
    readonly nameOf?: ((place: string) => string) | undefined
    readonly copies?: ReadonlyMap<string, string> | undefined
  } = {},
): TextScores => ({
  name,
  documents: figures.map(({ document, bytes, tokens, nats }) => {
    const first = copies.get(document)
    return {
      id: nameOf(document),
      ...{ bytes, tokens, bits: nats / Math.LN2 },
      ...(first !== undefined && { copyOf: nameOf(first) }),
    }
  }),
})

const lossOf = ({ bits, tokens, bytes }: TextScore): TextLoss => ({ nats: bits * Math.LN2, tokens, bytes })

const locate = ({ name, documents, locate: own }: TextScores, row: number): string =>
  own?.(row) ?? `${name}, ${itemAt(documents, row, 'document').id}`

/**
 * Brings the losses of two models together by document, in the order of `before`. Every document has to be in both, with the same
 * bytes. Where the tokens differ, the bytes may by those of a first token: the second loss is then taken for the bytes of the first.
 * Documents that say what another one says (`copyOf` on either side) are left out: bounds are for texts that are drawn apart.
 *
 * @throws DataError `text-scores-empty`, `text-scores-duplicate`, `text-scores-unpaired`, `text-scores-bytes`, naming the documents.
 */
export function joinTexts(before: TextScores, after: TextScores): readonly PairedDocument[] {
  const [old, renewed] = [rowsById(before), rowsById(after)]
  checkPaired(before, after, renewed)
  checkPaired(after, before, old)
  const pairs = before.documents.flatMap((one, row) => {
    const rowAfter = required(renewed, one.id, 'document')
    const other = itemAt(after.documents, rowAfter, 'document')
    if ((one.copyOf ?? other.copyOf) !== undefined) return []
    const [here, there] = [lossOf(one), lossOf(other)]
    if (here.bytes === there.bytes) return [{ id: one.id, before: here, after: there }]
    const [least, most] = [Math.min(here.bytes, there.bytes), Math.max(here.bytes, there.bytes)]
    if (here.tokens === there.tokens || least === 0 || most - least > firstToken) {
      throw new DataError(
        'text-scores-bytes',
        `${locate(after, rowAfter)}: document "${one.id}" has ${there.bytes} bytes that count, but ${here.bytes} at ${locate(before, row)}. Both models have to read the same documents: write the losses anew for those of today.`,
      )
    }
    const scale = here.bytes / there.bytes
    return [{ id: one.id, before: here, after: { ...there, nats: there.nats * scale, bytes: here.bytes } }]
  })
  if (pairs.length > 0) return pairs
  throw new DataError(
    'text-scores-empty',
    `${before.name} and ${after.name} have no document in common that is no copy of another; one is needed.`,
  )
}

function rowsById(set: TextScores): ReadonlyMap<string, number> {
  if (set.documents.length === 0) {
    throw new DataError('text-scores-empty', `${set.name} has no losses; those of one document are needed.`)
  }
  const rows = new Map<string, number>()
  for (const [row, { id }] of set.documents.entries()) {
    const first = rows.get(id)
    if (first !== undefined) {
      throw new DataError(
        'text-scores-duplicate',
        `${locate(set, row)}: document "${id}" stands already at ${locate(set, first)}. Give each a name of its own.`,
      )
    }
    rows.set(id, row)
  }
  return rows
}

function checkPaired(set: TextScores, other: TextScores, others: ReadonlyMap<string, number>): void {
  const alone = set.documents.flatMap(({ id }, row) => (others.has(id) ? [] : [row]))
  const [first] = alone
  if (first === undefined) return
  const more = alone.length > 1 ? `, and so it is with ${alone.length - 1} more` : ''
  throw new DataError(
    'text-scores-unpaired',
    `${locate(set, first)}: document "${itemAt(set.documents, first, 'document').id}" has no loss in ${other.name}${more}. Both models have to read the same documents, in files of the same names.`,
  )
}
