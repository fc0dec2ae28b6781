import { DataError, UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { tagsOfTokens } from './assemble.ts'
import type { ImageSpec } from './images/index.ts'
import { type CommonSize, decodeImages, type ImageDecoding } from './images/index-files.ts'
import type { RawPart, ReadyPart } from './parts.ts'
import type { ReadOptions } from './read-options.ts'
import { type RowsExpected, rowRoom } from './row-room.ts'
import { takeRows } from './rows.ts'
import type { Source } from './sources/index.ts'
import { cutTexts } from './text/index.ts'
import { encodedInTime } from './text/index-files.ts'

/** The length of rows that is settled before any is read. */
export function fixedLength({ maxLength, input }: ReadOptions): number | undefined {
  return maxLength ?? (input?.kind === 'text' ? input.maxLength : undefined)
}

/** What images are decoded with, beside their spec. */
export interface ImageReading {
  readonly findings: ImageDecoding['findings']
  /** Opens the cache for images of a spec; undefined where there is none. */
  readonly cache: (spec: ImageSpec) => Promise<ImageDecoding['cache']>
  /** Where all rows are held at a time. */
  readonly expect?: RowsExpected | undefined
}

/** A source's parts with images decoded and texts tokenized. */
export async function* prepared(
  source: Source,
  rows: number,
  options: ReadOptions,
  place: string,
  { findings, cache, expect }: ImageReading,
): AsyncGenerator<ReadyPart> {
  const spec = imageSpec(options)
  const limit = fixedLength(options) ?? options.tokenizer?.limit
  const cut = cutTexts(limit, place)
  let size: CommonSize | undefined
  const room = rowRoom(expect)
  for await (const part of source.parts(rows)) {
    const { inputs, labels } = part
    if ('images' in inputs) {
      const decoded = await decodeImages(inputs.images, {
        spec,
        findings,
        cache: await cache(spec),
        size,
        numbers: options.width,
        room: (count, bytes) => room.take(part.total, count, bytes),
      })
      if (!decoded) continue
      room.fill(decoded.inputs.data.length)
      size = decoded.size
      yield { inputs: decoded.inputs, labels: labelsOfRows(labels, decoded.rows) }
    } else {
      const ready = { ...tokenized(part, options, limit, place), columns: part.columns }
      if ('tokens' in ready.inputs) cut.add(ready.inputs.tokens, labels)
      yield ready
    }
  }
  for (const note of cut.notes()) options.onNote?.(note)
}

/** The labels of some rows. */
function labelsOfRows(labels: RawPart['labels'], rows: readonly number[]): RawPart['labels'] {
  if ('data' in labels) return takeRows(labels, Int32Array.from(rows))
  const locate = (row: number) => labels.locate(rows[row] ?? row)
  const pick = <T>(values: readonly T[]): T[] => rows.map((row) => itemAt(values, row, 'label'))
  switch (labels.kind) {
    case 'classification':
      return { ...labels, locate, values: pick(labels.values) }
    case 'multi-label':
      return { ...labels, locate, values: pick(labels.values) }
    case 'token-classification':
      return { ...labels, locate, values: pick(labels.values) }
  }
}

function tokenized(
  { inputs, labels }: RawPart,
  { tokenizer }: ReadOptions,
  limit: number | undefined,
  place: string,
): ReadyPart {
  if ('words' in inputs) {
    if (!tokenizer) {
      throw new UsageError(
        'tokenizer-missing',
        'Lists of words with one tag each need a tokenizer: put tokenizer.json beside the model.',
      )
    }
    const tokens = encodedInTime(inputs.words, (words) => tokenizer.encodeWords(words, limit), place)
    return { inputs: { tokens }, labels: 'data' in labels ? labels : tagsOfTokens(labels, tokens) }
  }
  if ('images' in inputs) throw new DataError('image-unreadable', 'Images have to be decoded first.')
  if (!tokenizer || inputs.type !== 'string') return { inputs, labels }
  const texts = inputs.data as string[]
  return { inputs: { tokens: encodedInTime(texts, (text) => tokenizer.encode(text, limit), place) }, labels }
}

function imageSpec({ input, image, resize, channels = 3 }: ReadOptions): ImageSpec {
  if (input?.kind === 'image') return input.image
  if (image) return image
  return {
    channels: channels === 1 ? 'grey' : 'rgb',
    layout: 'NCHW',
    resample: 'lanczos',
    resize: resize && { how: 'cover', ...resize },
  }
}
