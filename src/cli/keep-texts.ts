import { stat } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import type { LoadedModel } from '../model/import/index-files.ts'
import { type KeepTextsOptions, summariseTextPack, textKeepDefaults } from '../update/text-pack/index.ts'
import {
  extendTextFile,
  type KeepTextSources,
  keepTextFile,
  readTextPack,
  type WrittenTextPack,
} from '../update/text-pack/index-files.ts'
import { sayNotes } from './data-notes.ts'
import type { KeepSettings } from './keep-flags.ts'
import { kilobytes, sizeLine } from './keep-text.ts'
import { firstGiven } from './other-flags.ts'
import type { Screen } from './screen.ts'
import { readingOf, withDocumentFlags } from './shared-flags.ts'
import { textPackText } from './text-pack-text.ts'
import type { Answer, Call } from './verb.ts'

/** Flags that are for one kind of model. */
export interface KindFlags {
  readonly perClass?: unknown
  readonly choose?: KeepSettings['choose']
  readonly heldOutActivations?: unknown
  readonly activationsAt?: unknown
  readonly traffic?: unknown
  readonly private: boolean
  readonly sumsOnly: boolean
  readonly expandHead?: unknown
  readonly fisher: boolean
  readonly numbersArePositions: boolean
  readonly topTokens?: unknown
  readonly documents?: unknown
  readonly paragraphs: boolean
  readonly overlap?: unknown
}

/**
 * Refuses flags that say nothing of the model's kind, rather than passing them over.
 *
 * @throws UsageError `keep-flag`.
 */
export function refuseOtherFlags(asked: KindFlags, texts: boolean): void {
  const wrong = firstGiven(
    texts
      ? {
          '--per-class': asked.perClass !== undefined,
          '--choose herding': asked.choose === 'herding',
          '--held-out-activations': asked.heldOutActivations !== undefined,
          '--activations-at': asked.activationsAt !== undefined,
          '--traffic': asked.traffic !== undefined,
          '--private': asked.private,
          '--sums-only': asked.sumsOnly,
          '--expand-head': asked.expandHead !== undefined,
          '--fisher': asked.fisher,
          '--numbers-are-positions': asked.numbersArePositions,
        }
      : {
          '--choose spread': asked.choose === 'spread',
          '--top-tokens': asked.topTokens !== undefined,
          '--documents': asked.documents !== undefined,
          '--paragraphs': asked.paragraphs,
          '--overlap': asked.overlap !== undefined,
        },
  )
  if (wrong === undefined) return
  throw new UsageError(
    'keep-flag',
    texts
      ? `${wrong} is for classifiers, and this is a language model: its texts have no classes, and no head is trained by itself. What it keeps is said by --budget, --choose (random, spread, hardest), --held-out and --top-tokens.`
      : `${wrong} is for language models, and this is a classifier.`,
  )
}

/** Keeps what a language model must not forget of its texts. */
export async function keepTexts(
  asked: KeepSettings,
  call: Call,
  { engine, model, data, out }: Pick<KeepTextSources, 'engine' | 'model' | 'data' | 'out'>,
  loaded: LoadedModel,
): Promise<Answer> {
  const sources: KeepTextSources = {
    ...{ engine, model, data, out, output: asked.output, bind: asked.bind, seed: asked.seed },
    ...{ budget: budgetOf(asked), topTokens: asked.topTokens, heldOutDocuments: asked.heldOut },
    reading: withDocumentFlags(readingOf(asked), asked),
    onProgress: showKeeping(call.screen),
  }
  call.screen.stage('reading texts')
  const kept =
    asked.extend === undefined
      ? await keepTextFile(sources, loaded)
      : await extendTextFile(asked.extend, sources, loaded)
  call.screen.draw([])
  return textAnswer(call, kept)
}

/** Shows how many tokens are measured. */
export const showKeeping =
  (screen: Screen): NonNullable<KeepTextSources['onProgress']> =>
  (label, done, total) =>
    screen.progress({ label, done, total, unit: 'tokens' })

/** Undefined where nothing was said: a new pack then takes the default, an extended one what it had. */
function budgetOf({ budget: documents, choose }: KeepSettings): KeepTextsOptions['budget'] {
  if (documents === undefined && choose === undefined) return undefined
  const size = documents === undefined ? { tokens: textKeepDefaults.tokens } : { documents }
  return { ...size, choose: choose === undefined || choose === 'herding' ? textKeepDefaults.choose : choose }
}

export async function showTextPack(path: string): Promise<Answer> {
  const summary = summariseTextPack(await readTextPack(path))
  const { size } = await stat(path)
  return {
    json: { file: path, bytes: size, ...summary },
    text: `${textPackText(summary)}\n${sizeLine(size)}`,
  }
}

/** What was written, for people and machines. */
export function textAnswer(call: Call, { pack, file, bytes, seconds, notes }: WrittenTextPack): Answer {
  sayNotes(notes, call.screen)
  const summary = summariseTextPack(pack)
  return {
    json: { file, bytes, seconds, notes, ...summary },
    text: `${textPackText(summary)}\n\nWritten: ${file} (${kilobytes(bytes)}, ${seconds.toFixed(1)} s)`,
  }
}
