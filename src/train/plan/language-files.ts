import { samples } from '../../data/dataset.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { UsageError } from '../../errors.ts'
import { positionsOf } from '../../evaluate/generate/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { limited } from './limited.ts'
import type { RunPlan } from './plan.ts'
import type { TrainTest } from './prepare.ts'
import { isNamed } from './source-names.ts'
import { loadTexts } from './texts-files.ts'

/** The data of a plan's sources. */
export interface LoadedSources {
  readonly data: readonly TrainTest[]
  readonly instead: string | undefined
  readonly notes: readonly string[]
}

interface LanguageReading {
  readonly reading: ReadOptions
  /** The model that learns. */
  readonly model: Model
  /** What messages call it. */
  readonly name: string
  /** As `loadTexts` takes it. */
  readonly beside?: ReadonlySet<number> | undefined
  /** Others that read the same rows: its teachers. */
  readonly others?: readonly Model[] | undefined
}

/** Tokens that each of some models reads. */
function positionsOfAll(models: readonly Model[]): number | undefined {
  const known = models.map(positionsOf).filter((limit) => limit !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}

/**
 * Reads the texts that a language model of a plan learns from.
 *
 * @throws UsageError `model-data` for data that are no texts.
 */
export async function loadLanguage(
  sources: readonly string[],
  { data: { limit, testShare } }: RunPlan,
  { wholeTrain }: { readonly wholeTrain?: boolean },
  { reading, model, name, others = [], beside }: LanguageReading,
): Promise<LoadedSources> {
  const named = sources.find(isNamed)
  if (named !== undefined) {
    throw new UsageError(
      'model-data',
      `${named}: these are images with labels, but ${name} is a language model, which learns from texts (loss: causal-lm). Name a file or a folder of texts.`,
    )
  }
  const { data, notes } = await loadTexts(sources, {
    beside,
    ...{ reading, name, vocabulary: vocabularyOf(model), positions: positionsOfAll([model, ...others]) },
    testShare: wholeTrain ? 0 : testShare,
  })
  const taken = data.map((each) => limited(each, limit))
  return { data: taken, instead: undefined, notes: [...notes, ...limitNotes(sources, data, taken)] }
}

/** Which rows of texts a limit leaves out: what was said to be used before is not all of it then. */
function limitNotes(
  sources: readonly string[],
  all: readonly TrainTest[],
  taken: readonly TrainTest[],
): readonly string[] {
  return sources.flatMap((source, at) =>
    (['train', 'test'] as const).flatMap((part) => {
      const [before, after] = [all, taken].map((pairs) => samples(itemAt(pairs, at, 'data')[part]))
      if (before === after) return []
      return [
        `${source}, ${part} part: data.limit takes ${after?.toLocaleString('en-US')} of these rows, chosen at random.`,
      ]
    }),
  )
}
