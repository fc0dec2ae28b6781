import { basename } from 'node:path'
import { documentRowLength, packNoted } from '../data/documents/index.ts'
import { readMeasuredDocuments } from '../data/documents/index-files.ts'
import type { ReadOptions } from '../data/read-options.ts'
import { fixedLength } from '../data/ready-rows.ts'
import { openSpill } from '../data/spill-files.ts'
import type { Engine } from '../engine/engine.ts'
import { positionsOf } from '../evaluate/generate/index.ts'
import { refuseLookingAhead, textFigures } from '../evaluate/index.ts'
import { vocabularyOf, withTokenClasses } from '../model/language.ts'
import type { Model } from '../model/model.ts'
import { present } from '../required.ts'

interface Named {
  /** What messages call the model. */
  readonly name: string
  readonly model: Model
}

/**
 * What a language model loses on the documents at a path, each in rows of its own.
 *
 * @throws ModelError `model-looks-ahead`, `logits-not-finite`; UsageError `tokenizer-missing`; and what reading documents throws.
 */
export async function measuredTexts(
  engine: Engine,
  { name, model }: Named,
  path: string,
  reading: ReadOptions,
) {
  const { dataset, decoder, ...read } = await textRows(engine, { name, model }, path, reading)
  const figures = await textFigures(engine, decoder, dataset, name)
  return { ...read, dataset, figures }
}

/**
 * The documents at a path in rows for a language model, and the model as one of token classes.
 *
 * @throws What {@link measuredTexts} throws before it measures.
 */
export async function textRows(engine: Engine, { name, model }: Named, path: string, reading: ReadOptions) {
  const spill = openSpill(reading.maxBytes)
  const { documents, part, notes } = await readMeasuredDocuments(path, { ...reading, spill })
  const tokenizer = present(reading.tokenizer, 'tokenizer')
  const limits = [tokenizer.limit, positionsOf(model)].filter((limit) => limit !== undefined)
  const limit = limits.length > 0 ? Math.min(...limits) : undefined
  const packed = packNoted(documents, {
    ...{ name: basename(path), tokenizer, vocabulary: vocabularyOf(model) },
    length: documentRowLength(documents, { asked: fixedLength(reading), limit, pack: 'documents' }),
    overlap: reading.overlap,
    place: part === 'train' ? path : `${path}, ${part} part`,
    training: false,
  })
  const decoder = withTokenClasses(model)
  await refuseLookingAhead(engine, decoder, packed.dataset, name)
  const { dataset } = packed
  const laid = spill.note(path, 'tokens') ?? []
  return { part, count: documents.length, dataset, decoder, notes: [...notes, ...packed.notes].concat(laid) }
}
