import type { ReadOptions } from '../../data/read-options.ts'
import type { Engine } from '../../engine/engine.ts'
import type { NamedModel } from '../gate/index.ts'
import { refuseLabelled } from '../labelled-rows-files.ts'
import { measuredTexts } from '../measured-texts-files.ts'

/** A language model's loss on the documents at a path. */
export async function evaluateTexts(engine: Engine, named: NamedModel, path: string, reading: ReadOptions) {
  await refuseLabelled(path, named.name, reading, 'evaluate')
  const { part, count, figures, notes } = await measuredTexts(engine, named, path, reading)
  return { part, texts: { ...figures.total, documents: count, byDocument: figures.documents }, notes }
}
