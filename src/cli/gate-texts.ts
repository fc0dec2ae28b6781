import { UsageError } from '../errors.ts'
import type { TextBudget } from '../measure/text-verdict.ts'
import { gateTextsJunit, gateTextsMarkdown, gateTextsText } from '../report/index.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { changedDocuments, gateDefaults, gateTexts, joinTexts } from '../update/gate/index.ts'
import type { TextGateInputs } from '../update/gate/index-files.ts'

/** What of the settings of `gate` is for language models. */
export interface GateTextSettings {
  readonly maxDrop?: number | undefined
  readonly maxBits?: number | undefined
  readonly maxPerplexityRatio?: number | undefined
  readonly maxDropTotal?: number | undefined
  readonly confidence: number
  readonly junit?: string | undefined
  readonly markdown?: string | undefined
  readonly flips?: string | undefined
  readonly savePredictions?: string | undefined
}

/** Flags whose rules are of one kind of model. */
interface OtherSettings {
  readonly maxBits?: unknown
  readonly maxPerplexityRatio?: unknown
  readonly documents?: unknown
  readonly paragraphs: boolean
  readonly overlap?: unknown
  readonly maxDropPerClass?: unknown
  readonly maxDropPerSlice?: unknown
  readonly maxNegativeFlips?: unknown
  readonly neverFlip?: unknown
  readonly traffic?: unknown
  readonly new?: unknown
  readonly budgetOn: string
}

/**
 * Refuses flags that say nothing of the models compared, rather than passing them over.
 *
 * @throws UsageError `gate-flag`.
 */
export function refuseOtherFlags(asked: OtherSettings, texts: boolean): void {
  const given: readonly (readonly [flag: string, isGiven: boolean])[] = texts
    ? [
        ['--max-drop-per-class', asked.maxDropPerClass !== undefined],
        ['--max-drop-per-slice', asked.maxDropPerSlice !== undefined],
        ['--max-negative-flips', asked.maxNegativeFlips !== undefined],
        ['--never-flip', asked.neverFlip !== undefined],
        ['--traffic', asked.traffic !== undefined],
        ['--budget-on', asked.budgetOn !== 'deployed'],
        ['--new', asked.new !== undefined],
      ]
    : [
        ['--max-bits', asked.maxBits !== undefined],
        ['--max-perplexity-ratio', asked.maxPerplexityRatio !== undefined],
        ['--documents', asked.documents !== undefined],
        ['--paragraphs', asked.paragraphs],
        ['--overlap', asked.overlap !== undefined],
      ]
  const [wrong] = given.find(([, isGiven]) => isGiven) ?? []
  if (wrong === undefined) return
  throw new UsageError(
    'gate-flag',
    texts
      ? `${wrong} is for classifiers, and language models are compared: there are no classes and no flips in texts. Budgets are --max-drop, --max-bits and --max-perplexity-ratio.`
      : `${wrong} is for language models, and these are classifiers, or predictions of such.`,
  )
}

function budgetOf(asked: GateTextSettings): TextBudget {
  const { maxDrop, maxBits, maxPerplexityRatio, confidence } = asked
  if (maxBits !== undefined) return { unit: 'bits', budget: maxBits, confidence }
  if (maxPerplexityRatio !== undefined) return { unit: 'perplexity', budget: maxPerplexityRatio, confidence }
  return { unit: 'relative', budget: maxDrop ?? gateDefaults.maxDrop, confidence }
}

/** Holds one language model against another, and writes the files that were asked for. */
export async function runTextGate(asked: GateTextSettings, inputs: TextGateInputs) {
  const budget = budgetOf(asked)
  if (asked.maxDropTotal !== undefined && budget.unit !== 'relative') {
    throw new UsageError(
      'gate-flag',
      '--max-drop-total is a share, as --max-drop is. With --max-bits or --max-perplexity-ratio the golden model is held to the same budget as the baseline: leave it out.',
    )
  }
  const { baseline, candidate, golden } = inputs
  const result = gateTexts(baseline, candidate, { ...budget, golden, totalBudget: asked.maxDropTotal })
  const wanted = [
    [asked.junit, () => gateTextsJunit(result)],
    [asked.markdown, () => gateTextsMarkdown(result)],
    [asked.flips, () => lines(changedDocuments(joinTexts(baseline, candidate)))],
    [asked.savePredictions, () => lines(candidate.documents)],
  ] as const
  const written: string[] = []
  for (const [file, content] of wanted) {
    if (file === undefined) continue
    await writeWhole(file, content())
    written.push(file)
  }
  return {
    json: { ...result, notes: inputs.notes },
    text: [gateTextsText(result), ...written.map((file) => `Written: ${file}`)].join('\n'),
    verdict: result.verdict,
  }
}

/** Objects as JSON Lines. */
export const lines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
