import { tokensThatCount } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { HoldfastError, TrainingError } from '../../errors.ts'
import { type SelfWrittenOptions, selfWrittenTexts } from '../../evaluate/generate/index.ts'
import type { Model } from '../../model/model.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import type { TextRows, TextUpdateData } from './text-update-types.ts'

export interface WriteOldOptions {
  readonly engine: Engine
  readonly model: Model
  readonly tokenizer: TextTokenizer
  readonly rows: TextRows
  /** Texts that are wanted; default as many as are rehearsed, 400 at most. */
  readonly documents?: number | undefined
  readonly replayShare?: number | undefined
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

/** Passes over the new texts for which there is something to rehearse. */
const PASSES = 3

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
    if (signal?.aborted) {
      throw new TrainingError(
        'interrupted',
        'Stopped while the model wrote texts, as asked. Nothing was written; the same command begins anew.',
      )
    }
    return { data: { exemplars }, notes }
  } catch (error) {
    const known = error instanceof HoldfastError && error.code.startsWith('self-written-')
    if (!lenient || !known) throw error
    return {
      data: {},
      notes: [`There are no old texts, and the model cannot write any to be rehearsed: ${error.message}`],
    }
  }
}

/** As many as training draws, and a fifth of that to order candidates. */
function wanted(
  train: TextUpdateData['train'],
  { rows: { length }, replayShare = textUpdateDefaults.replayShare }: WriteOldOptions,
): number {
  const tokens = train.reduce((sum, document) => sum + tokensThatCount(document), 0)
  const drawn = (PASSES * tokens * replayShare) / (1 - replayShare)
  return Math.min(MOST, Math.max(LEAST, Math.ceil((1.25 * drawn) / length)))
}
