import { packNoted, type TokenDocument } from '../../data/documents/index.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import { UsageError } from '../../errors.ts'
import { selfWrittenTexts } from '../../evaluate/generate/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, present } from '../../required.ts'
import type { LoadPlanOptions } from './load-options.ts'
import type { RunPlan } from './plan.ts'
import { onnxModelSchema } from './plan-model.ts'
import type { TrainTest } from './prepare.ts'

/**
 * The old texts of a plan whose model writes them itself (`model.old: self`), as rows like those of its tasks. They follow from the plan's
 * seed; a run that is gone on with has them written again.
 *
 * @throws UsageError `self-written-engine` where nothing is named to run the model on; what `selfWrittenTexts` throws.
 */
export async function writtenRows(
  plan: RunPlan,
  data: readonly TrainTest[],
  { engine, onWriting }: Pick<LoadPlanOptions, 'engine' | 'onWriting'>,
  { reading, model }: { readonly reading: ReadOptions; readonly model: Model },
): Promise<{ readonly data: TrainTest; readonly notes: readonly string[] }> {
  if (!engine) {
    throw new UsageError(
      'self-written-engine',
      'The model is to write its old texts itself (model.old: self), but nothing is named to run it on. Give an engine to what loads the plan.',
    )
  }
  const tokenizer = present(reading.tokenizer, 'tokenizer')
  const length = itemAt(itemAt(data, 0, 'task').train.labels.dims, 1, 'axis')
  const asked = plan.model.kind === 'onnx' ? plan.model.written : undefined
  const how = asked ?? onnxModelSchema.shape.written.unwrap().parse({})
  const texts = await selfWrittenTexts(engine(plan), model, tokenizer, {
    ...{ ...how, tokens: how.tokens ?? length, name: 'the model', seed: plan.seed },
    onProgress: onWriting,
  })
  const documents = reading.pack === 'joined' ? asJoined(texts.documents, tokenizer) : texts.documents
  const { dataset, notes } = packNoted(documents, {
    ...{ name: 'what the model wrote', tokenizer, length, vocabulary: vocabularyOf(model) },
    ...{ overlap: reading.overlap, pack: reading.pack, place: 'what the model wrote itself' },
    training: true,
  })
  return { data: { train: dataset, test: dataset }, notes: [...texts.notes, ...notes] }
}

/** Texts that begin with the token that ends others, without it: joined ones get it between them. */
export function asJoined(
  documents: readonly TokenDocument[],
  { eos, frame }: Pick<TextTokenizer, 'eos' | 'frame'>,
): readonly TokenDocument[] {
  if (frame.before.length + frame.after.length > 0) return documents
  return documents.map(({ ids, learned, ...others }) =>
    ids[0] === eos
      ? { ...others, ids: ids.subarray(1), learned: learned?.subarray(1) }
      : { ...others, ids, learned },
  )
}
