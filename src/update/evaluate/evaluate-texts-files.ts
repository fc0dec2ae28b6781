import { basename } from 'node:path'
import { documentRowLength, packDocuments, packingNotes } from '../../data/documents/index.ts'
import { readMeasuredDocuments } from '../../data/documents/index-files.ts'
import { memoryLimit } from '../../data/memory-limit-node.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { fixedLength } from '../../data/ready-rows.ts'
import type { Engine } from '../../engine/engine.ts'
import { positionsOf } from '../../evaluate/generate/index.ts'
import { refuseLookingAhead, textFigures } from '../../evaluate/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import { present } from '../../required.ts'
import type { NamedModel } from '../gate/index.ts'
import { refuseLabelled } from './labelled-rows-files.ts'

/** A language model's loss on the documents at a path. */
export async function evaluateTexts(
  engine: Engine,
  { name, model }: NamedModel,
  path: string,
  reading: ReadOptions,
) {
  await refuseLabelled(path, name, reading)
  const { documents, part, notes } = await readMeasuredDocuments(path, reading)
  const tokenizer = present(reading.tokenizer, 'tokenizer')
  const limits = [tokenizer.limit, positionsOf(model)].filter((limit) => limit !== undefined)
  const limit = limits.length > 0 ? Math.min(...limits) : undefined
  const length = documentRowLength(documents, { asked: fixedLength(reading), limit, pack: 'documents' })
  const { overlap = 0, maxBytes } = reading
  const place = part === 'train' ? path : `${path}, ${part} part`
  const step = Math.max(1, length - overlap)
  const most = documents.reduce((sum, { ids }) => sum + Math.ceil(ids.length / step), 0)
  // An id of 8 bytes and a label of 4.
  memoryLimit(maxBytes, place).expect(most, 12 * length)
  const packed = packDocuments(documents, {
    ...{ name: basename(path), length, vocabulary: vocabularyOf(model), overlap, tokenizer },
  })
  await refuseLookingAhead(engine, model, packed.dataset)
  const { total, documents: byDocument } = await textFigures(engine, model, packed.dataset, name)
  return {
    part,
    texts: { ...total, documents: documents.length, byDocument },
    notes: [...notes, ...packingNotes(packed, place, documents.length, { training: false })],
  }
}
