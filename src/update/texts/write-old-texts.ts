import { samples } from '../../data/dataset.ts'
import { packDocuments } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import {
  fitting,
  type SelfWritten,
  type SelfWrittenOptions,
  selfWrittenDefaults,
  selfWrittenTexts,
} from '../../evaluate/generate/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { stopIfAsked } from '../stop-if-asked.ts'
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
  /** Seconds that the update is allowed: where no number of texts is asked for, a third of them at most goes into these. Default as it takes. */
  readonly time?: number | undefined
  /** Whether a few are written only, to time it. Default false. */
  readonly sample?: boolean | undefined
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
  readonly writing?: Writing | undefined
  readonly notes: readonly string[]
}

/** What texts that the model writes itself take. */
export interface Writing {
  /** Texts that an update has written, and the seconds that they take. */
  readonly texts: number
  readonly seconds: number
}

/** The share of the time allowed that goes into them at most. */
const TIME_SHARE = 1 / 3

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
  const { engine, model, tokenizer, rows, seed, signal, lenient, sample, onProgress } = options
  const texts = options.documents ?? wanted(train, options)
  const within = withinOf(options)
  try {
    const found = await selfWrittenTexts(engine, model, tokenizer, {
      ...{ tokens: rows.length, name: 'the model', seed, signal, onProgress },
      ...(sample ? { documents: Math.min(texts, selfWrittenDefaults.batch) } : { documents: texts, within }),
    })
    stopIfAsked(options, WRITING)
    const writing = writingOf(found, { texts, within, sample })
    const limited = within && !sample && found.documents.length < texts ? [limitNote(within)] : []
    return { data: { exemplars: found.documents }, writing, notes: [...found.notes, ...limited] }
  } catch (error) {
    // What fails then is the signal's own error, which says nothing to anybody.
    stopIfAsked(options, WRITING, error)
    const known = error instanceof HoldfastError && error.code.startsWith('self-written-')
    if (!lenient || !known) throw error
    return {
      data: {},
      notes: [`There are no old texts, and the model cannot write any to be rehearsed: ${error.message}`],
    }
  }
}

const WRITING = 'the model wrote texts'

const withinOf = ({ documents, time }: WriteOldOptions): SelfWrittenOptions['within'] =>
  documents === undefined && time !== undefined ? { seconds: time * TIME_SHARE, least: LEAST } : undefined

const limitNote = ({ seconds }: NonNullable<SelfWrittenOptions['within']>): string =>
  `Texts that the model writes itself have a third of the time that is allowed (${Number(seconds.toPrecision(2))} s), though ${LEAST} are written in any case. Allow more time, or say how many there are to be, for more.`

/** What all texts take, where a few were written only. */
function writingOf(
  { documents: { length }, seconds }: SelfWritten,
  {
    texts,
    within,
    sample = false,
  }: { readonly texts: number } & Pick<SelfWrittenOptions, 'within'> & Pick<WriteOldOptions, 'sample'>,
): Writing {
  if (!sample) return { texts: length, seconds }
  const all = within ? fitting(texts, within, { texts: length, seconds }) : texts
  return { texts: all, seconds: (all * seconds) / length }
}

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
