import { UsageError } from '../errors.ts'
import type { TextBudget } from '../measure/text-verdict.ts'
import {
  gateLanguageJunit,
  gateLanguageMarkdown,
  gateLanguagePage,
  gateLanguageText,
} from '../report/index.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import {
  changedDocuments,
  flipRecords,
  gateDefaults,
  gateLanguage,
  gateProbes,
  gateTexts,
  joinTexts,
  type LanguageGateResult,
  type ListedId,
} from '../update/gate/index.ts'
import type { LanguageGateInputs, LanguageKinds } from '../update/gate/index-files.ts'
import { firstGiven, type Given, textFlagsIn } from './other-flags.ts'
import { textBudgetOf } from './text-budget.ts'

/** What of the settings of `gate` is for language models. */
interface LanguageSettings {
  readonly maxDrop?: number | undefined
  readonly maxBits?: number | undefined
  readonly maxPerplexityRatio?: number | undefined
  readonly maxDropProbes?: number | undefined
  readonly maxNegativeFlips?: number | undefined
  readonly neverFlip?: readonly ListedId[] | undefined
  readonly maxDropTotal?: number | undefined
  readonly confidence: number
  readonly junit?: string | undefined
  readonly markdown?: string | undefined
  readonly flips?: string | undefined
  readonly savePredictions?: string | undefined
  readonly html?: string | undefined
}

/** Flags whose rules are of one kind of model. */
interface OtherSettings {
  readonly maxBits?: unknown
  readonly maxPerplexityRatio?: unknown
  readonly maxDropProbes?: unknown
  readonly probes?: unknown
  readonly prompts?: unknown
  readonly promptTokens?: unknown
  readonly html?: unknown
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
 * Refuses flags that say nothing of what is compared, rather than passing them over.
 *
 * @param kinds Of language models; undefined for classifiers.
 * @throws UsageError `gate-flag`.
 */
export function refuseOtherFlags(asked: OtherSettings, kinds: LanguageKinds | undefined): void {
  const ofTexts = textFlagsIn(asked)
  const ofProbes = { '--max-drop-probes': asked.maxDropProbes !== undefined }
  const ofExamples = {
    '--max-negative-flips': asked.maxNegativeFlips !== undefined,
    '--never-flip': asked.neverFlip !== undefined,
  }
  const ofClasses = {
    '--max-drop-per-class': asked.maxDropPerClass !== undefined,
    '--max-drop-per-slice': asked.maxDropPerSlice !== undefined,
    '--traffic': asked.traffic !== undefined,
    '--budget-on': asked.budgetOn !== 'deployed',
    '--new': asked.new !== undefined,
  }
  const refuse = (flags: Given, why: string): void => {
    const flag = firstGiven(flags)
    if (flag !== undefined) throw new UsageError('gate-flag', `${flag} ${why}`)
  }
  if (!kinds) {
    const language = {
      ...{ ...ofTexts, '--probes': asked.probes !== undefined, ...ofProbes },
      ...{ '--prompts': asked.prompts !== undefined, '--html': asked.html !== undefined },
    }
    refuse(language, 'is for language models, and these are classifiers, or predictions of such.')
    return
  }
  const budgets = 'Budgets are --max-drop, --max-bits and --max-perplexity-ratio.'
  refuse(
    ofClasses,
    `is for classifiers, and language models are compared: there are no classes. ${kinds.texts ? budgets : 'Budgets are --max-drop and --max-negative-flips.'}`,
  )
  if (!kinds.probes) {
    refuse(
      ofExamples,
      `is for classifiers and for probes: there are no flips in texts. ${budgets} Questions that have to stay right are given with --probes.`,
    )
    refuse(ofProbes, 'is for probes, and none are compared: give --probes FILE.jsonl.')
  }
  if (!kinds.texts) {
    refuse(ofTexts, 'is for texts, and probes alone are compared: give --data, too, or leave it out.')
  }
}

const budgetOf = (asked: LanguageSettings): TextBudget => ({
  ...(textBudgetOf(asked) ?? { unit: 'relative', budget: gateDefaults.maxDrop }),
  confidence: asked.confidence,
})

/** Holds one language model against another, and writes the files that were asked for. */
export async function runLanguageGate(asked: LanguageSettings, inputs: LanguageGateInputs, command: string) {
  const result = judged(asked, inputs)
  const { texts, probes } = inputs
  const wanted = [
    [asked.junit, () => gateLanguageJunit(result)],
    [asked.markdown, () => gateLanguageMarkdown(result)],
    [asked.html, () => gateLanguagePage(result, { command })],
    [
      asked.flips,
      () =>
        lines([
          ...(texts ? changedDocuments(joinTexts(texts.baseline, texts.candidate)) : []),
          ...(probes ? flipRecords(probes.baseline, probes.candidate) : []),
        ]),
    ],
    [
      asked.savePredictions,
      () => lines([...(texts?.candidate.documents ?? []), ...(probes?.candidate.predictions ?? [])]),
    ],
  ] as const
  const written: string[] = []
  for (const [file, content] of wanted) {
    if (file === undefined) continue
    await writeWhole(file, content())
    written.push(file)
  }
  return {
    json: { ...jsonOf(result), notes: inputs.notes },
    text: [gateLanguageText(result), ...written.map((file) => `Written: ${file}`)].join('\n'),
    verdict: result.verdict,
  }
}

function judged(asked: LanguageSettings, { texts, probes, prompts }: LanguageGateInputs): LanguageGateResult {
  const { maxDropTotal, maxNegativeFlips, neverFlip, confidence } = asked
  const budget = budgetOf(asked)
  if (texts && maxDropTotal !== undefined && budget.unit !== 'relative') {
    throw new UsageError(
      'gate-flag',
      '--max-drop-total is a share, as --max-drop is. With --max-bits or --max-perplexity-ratio the golden model is held to the same budget as the baseline: leave it out.',
    )
  }
  const maxDrop = asked.maxDropProbes ?? asked.maxDrop ?? gateDefaults.maxDrop
  return gateLanguage({
    prompts,
    texts:
      texts &&
      gateTexts(texts.baseline, texts.candidate, {
        ...budget,
        golden: texts.golden,
        totalBudget: maxDropTotal,
      }),
    probes:
      probes &&
      gateProbes(probes.baseline, probes.candidate, {
        ...{ maxDrop, maxDropTotal, maxNegativeFlips, neverFlip, confidence },
        golden: probes.golden,
      }),
  })
}

/** What was found on texts, with probes as a field of it; on probes alone, that. */
function jsonOf({ verdict, rules, warnings, texts, probes, prompts }: LanguageGateResult): object {
  if (!texts) return { ...probes, prompts }
  return { ...texts, verdict, rules, warnings, probes: probes ?? null, prompts }
}

/** Objects as JSON Lines. */
export const lines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
