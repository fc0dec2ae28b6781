import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { checkedRatioConfidence } from '../measure/ratio-change.ts'
import { updateDefaults } from '../update/defaults.ts'
import { type TextUpdateBudget, textUpdateDefaults } from '../update/texts/index.ts'
import { fromText, share } from './flags/index.ts'
import { firstGiven } from './other-flags.ts'
import { documentFlags } from './shared-flags.ts'
import { textBudgetOf } from './text-budget.ts'

/** What is rehearsed of old texts. */
export const rehearsalFlags = {
  replayShare: share()
    .optional()
    .meta({
      description: 'Of language models: the share of old text in what is trained on',
      otherwise: `${100 * textUpdateDefaults.replayShare}%`,
    }),
  selfWritten: fromText(bounds.rows(0)).optional().meta({
    description:
      'Of language models without old texts: how many texts the model writes itself, to be rehearsed; 0 for none',
    otherwise: 'as many as are rehearsed',
  }),
}

const { documents, paragraphs, pack, overlap } = documentFlags

/** How texts become documents and rows. */
export const textReadingFlags = { documents, paragraphs, pack, overlap }

/** Settings of `update` that say something of one kind of model alone. */
interface OneKind {
  readonly old?: string | undefined
  readonly rungs?: readonly string[] | undefined
  readonly lora?: unknown
  readonly adapter?: string | undefined
  readonly train?: { readonly kind: string } | undefined
  readonly maxBits?: unknown
  readonly maxPerplexityRatio?: unknown
  readonly replayShare?: unknown
  readonly selfWritten?: unknown
  readonly documents?: unknown
  readonly paragraphs: boolean
  readonly pack?: unknown
  readonly overlap?: unknown
  readonly prompts?: unknown
  readonly maxDropPerClass?: unknown
  readonly budgetOn: string
  readonly traffic?: unknown
  readonly unlabelled?: unknown
  readonly numbersArePositions: boolean
  readonly expandHead?: unknown
  readonly augment?: unknown
  readonly batchnorm: string
  readonly baseline?: unknown
  readonly newShare?: unknown
  readonly replayBatch?: unknown
  readonly perClass?: unknown
}

/**
 * Refuses flags that say nothing of the model's kind, rather than passing them over.
 *
 * @throws UsageError `update-flag`; `flag-value` for --adapter without --lora, where what trains is a classifier.
 */
export function refuseOtherFlags(asked: OneKind, texts: boolean): void {
  const rung = (names: readonly string[]) => asked.rungs?.find((name) => names.includes(name))
  const [ofRows, ofTexts] = [rung(['closed-form', 'head', 'above']), rung(['low-rank'])]
  const wrong = firstGiven(
    texts
      ? {
          '--max-drop-per-class': asked.maxDropPerClass !== undefined,
          '--budget-on': asked.budgetOn !== 'deployed',
          '--traffic': asked.traffic !== undefined,
          '--unlabelled': asked.unlabelled !== undefined,
          '--numbers-are-positions': asked.numbersArePositions,
          '--expand-head': asked.expandHead !== undefined,
          '--augment': asked.augment !== undefined,
          '--batchnorm': asked.batchnorm !== 'auto',
          '--baseline': asked.baseline !== undefined,
          '--per-class': asked.perClass !== undefined,
          '--replay-batch': asked.replayBatch !== undefined,
          '--new-share': asked.newShare !== undefined,
          [`--rungs ${ofRows}`]: ofRows !== undefined,
        }
      : {
          '--max-bits': asked.maxBits !== undefined,
          '--max-perplexity-ratio': asked.maxPerplexityRatio !== undefined,
          '--replay-share': asked.replayShare !== undefined,
          '--self-written': asked.selfWritten !== undefined,
          '--old self': asked.old === 'self',
          '--documents': asked.documents !== undefined,
          '--paragraphs': asked.paragraphs,
          '--pack': asked.pack !== undefined,
          '--overlap': asked.overlap !== undefined,
          '--prompts': asked.prompts !== undefined,
          [`--rungs ${ofTexts}`]: ofTexts !== undefined,
        },
  )
  if (wrong !== undefined) {
    const losses =
      ' The losses of the new model, for the next gate, come from: holdfast gate OLD NEW --data TEXTS --save-predictions FILE.jsonl'
    throw new UsageError(
      'update-flag',
      texts
        ? `${wrong} is for classifiers, and this is a language model: its texts have no classes, and no part of it is trained on stored features. What it is held to is said by --max-drop, --max-bits or --max-perplexity-ratio, what trains by --rungs (low-rank, whole), --lora and --train, what is rehearsed by --replay-share.${wrong === '--baseline' ? losses : ''}`
        : `${wrong} is for language models, and this is a classifier.`,
    )
  }
  const beside = asked.adapter === undefined ? asked.lora && '--lora' : '--adapter'
  if (texts && beside && asked.train && asked.train.kind !== 'all') {
    throw new UsageError(
      'flag-value',
      `${beside} has low-rank updates train in place of the weights, and --train says which of these do: leave one of them out.`,
    )
  }
  if (!texts && asked.adapter !== undefined && asked.lora === undefined) {
    throw new UsageError('flag-value', '--adapter writes low-rank updates: it needs --lora RANK.')
  }
}

/**
 * The budget in its unit.
 *
 * @throws UsageError `update-flag`; `confidence-range` for more than bounds of texts are known with.
 */
export function updateBudgetOf(asked: {
  readonly maxDrop?: number | undefined
  readonly maxBits?: number | undefined
  readonly maxPerplexityRatio?: number | undefined
  readonly maxDropTotal?: number | undefined
  readonly confidence: number
}): TextUpdateBudget {
  const { maxBits, maxPerplexityRatio, maxDropTotal, confidence } = asked
  if (maxDropTotal !== undefined && (maxBits ?? maxPerplexityRatio) !== undefined) {
    throw new UsageError(
      'update-flag',
      '--max-drop-total is a share, as --max-drop is. With --max-bits or --max-perplexity-ratio all releases together are held to the same budget: leave it out.',
    )
  }
  checkedRatioConfidence(confidence)
  const { unit, budget } = textBudgetOf(asked) ?? { unit: 'relative', budget: updateDefaults.maxDrop }
  return { unit, maxChange: budget, maxTotal: maxDropTotal, confidence }
}
