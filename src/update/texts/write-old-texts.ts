import { samples } from '../../data/dataset.ts'
import { packDocuments } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { HoldfastError, TrainingError } from '../../errors.ts'
import { type SelfWrittenOptions, selfWrittenTexts } from '../../evaluate/generate/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { rowShare } from './rehearse.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import { planRung } from './text-plan.ts'
import { textLadder } from './text-rungs.ts'
import type { TextRows, TextUpdateData, TextUpdateOptions } from './text-update-types.ts'

/** What is asked for of an update's training, as far as it says how many rows are drawn. */
export type TextTrainingAsked = Pick<
  TextUpdateOptions,
  'rungs' | 'lora' | 'select' | 'updates' | 'epochs' | 'batchSize'
>

export interface WriteOldOptions {
  readonly engine: Engine
  readonly model: Model
  readonly tokenizer: TextTokenizer
  readonly rows: TextRows
  /** Texts that are wanted; default as many as are rehearsed, 400 at most. */
  readonly documents?: number | undefined
  readonly replayShare?: number | undefined
  /** What says how long the rungs train. Default: as they do by themselves. */
  readonly training?: TextTrainingAsked | undefined
  /** Whether a model that cannot write is updated without, with a note that says why. Default false. */
  readonly lenient?: boolean | undefined
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: SelfWrittenOptions['onProgress']
}

/** Texts that the model wrote, in place of old ones. */
export interface WrittenOld {
  readonly data: Pick<TextUpdateData, 'exemplars'>
  readonly notes: readonly string[]
}

/** Fewer are not worth it, and more take long to be written. */
const LEAST = 20
const MOST = 400

/**
 * Has the model write texts to rehearse, where nothing is left of what it was trained on. They order candidates as well, and prove nothing:
 * what it loses on its own texts is not what it loses on those that it was made for.
 *
 * @throws What `selfWrittenTexts` throws, unless it is `lenient`; TrainingError `interrupted` after the signal.
 */
export async function writeOldTexts(
  train: TextUpdateData['train'],
  options: WriteOldOptions,
): Promise<WrittenOld> {
  const { engine, model, tokenizer, rows, seed, signal, lenient, documents: asked, onProgress } = options
  const documents = asked ?? wanted(train, options)
  try {
    const { documents: exemplars, notes } = await selfWrittenTexts(engine, model, tokenizer, {
      ...{ documents, tokens: rows.length, name: 'the model', seed, signal, onProgress },
    })
    if (signal?.aborted) throw stopped()
    return { data: { exemplars }, notes }
  } catch (error) {
    // What fails then is the signal's own error, which says nothing to anybody.
    if (signal?.aborted) throw stopped(error)
    const known = error instanceof HoldfastError && error.code.startsWith('self-written-')
    if (!lenient || !known) throw error
    return {
      data: {},
      notes: [`There are no old texts, and the model cannot write any to be rehearsed: ${error.message}`],
    }
  }
}

const stopped = (cause?: unknown): TrainingError =>
  new TrainingError(
    'interrupted',
    'Stopped while the model wrote texts, as asked. Nothing was written; the same command begins anew.',
    { cause },
  )

/** As many as the longest rung draws, and a quarter more to order candidates. What is written fills rows. */
function wanted(train: TextUpdateData['train'], options: WriteOldOptions): number {
  const { model, rows: how, replayShare = textUpdateDefaults.replayShare, training = {} } = options
  const { counting, dataset } = packDocuments(train, {
    ...{ name: 'new documents', vocabulary: vocabularyOf(model), ...how },
  })
  const fresh = samples(dataset)
  const old = rowShare(replayShare, { fresh: counting / fresh, old: how.length })
  const drawn = textLadder({ model, ...training }).map(
    (rung) => planRung(training, rung, { fresh, old }).oldRows,
  )
  return Math.min(MOST, Math.max(LEAST, Math.ceil(1.25 * Math.max(0, ...drawn))))
}
