import type { ReadOptions } from '../../data/read-options.ts'
import type { Engine } from '../../engine/engine.ts'
import { namesIn } from '../document-names-files.ts'
import type { NamedModel } from '../gate/index.ts'
import { refuseLabelled } from '../labelled-rows-files.ts'
import { measuredTexts } from '../measured-texts-files.ts'

/** A language model's loss on the documents at a path. */
export async function evaluateTexts(engine: Engine, named: NamedModel, path: string, reading: ReadOptions) {
  await refuseLabelled(path, named.name, reading, 'evaluate')
  const { part, count, figures, notes } = await measuredTexts(engine, named, path, reading)
  const nameOf = await namesIn(path)
  const byDocument = figures.documents.map((each) => ({ ...each, document: nameOf(each.document) }))
  return { part, texts: { ...figures.total, documents: count, byDocument }, notes }
}
