import type { Dataset } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { refuseLookingAhead } from '../../evaluate/index.ts'
import { checkedRatioConfidence } from '../../measure/ratio-change.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { checkTextBudget } from '../../measure/text-verdict.ts'
import { vocabularyOf, withTokenClasses } from '../../model/language.ts'
import { itemAt, present } from '../../required.ts'
import { knownByHeart } from './by-heart.ts'
import { dealDocuments } from './deal-documents.ts'
import { type Losses, openLosses } from './losses.ts'
import { measuring } from './measuring.ts'
import { type OldAnswers, openOldAnswers } from './old-answers.ts'
import type { TextClaims } from './text-claims.ts'
import { doubtsOf } from './text-doubts.ts'
import type { Measured } from './text-looks.ts'
import { rungsWithRoom } from './text-memory.ts'
import { assignTexts, oldParts, type TextParts } from './text-parts.ts'
import { type TextRung, textLadder } from './text-rungs.ts'
import { type TextUpdateOptions, textRungNames } from './text-update-types.ts'

/** All that the trials of one update share. */
export interface TextContext {
  readonly options: TextUpdateOptions
  readonly parts: TextParts
  readonly losses: Losses
  /** What the given model says of old rows, asked once whatever rungs ask. */
  readonly answers: OldAnswers | undefined
  /** What the given model loses on each document. */
  readonly before: {
    readonly check: readonly TextLoss[]
    readonly proof: readonly TextLoss[] | undefined
  }
  readonly choose: Measured
  readonly order: Measured | undefined
  /** Undefined where no document proves. */
  readonly claims: TextClaims | undefined
  /** Those that memory has room for. */
  readonly rungs: readonly TextRung[]
  /** What makes the given model's answers doubtful, and which rungs memory has no room for, in sentences. */
  readonly doubts: readonly string[]
  /** What measuring the given model took: all of it, and the documents that prove. */
  readonly seconds: { readonly all: number; readonly proof: number }
}

/**
 * Measures the given model on all that it is measured on once.
 *
 * @param assigned What `assignTexts` made of the same options, where that is known.
 * @throws UsageError `budget-range`, `confidence-range`, `replay-share`, `rungs-empty`, `update-data`, `update-memory`; ModelError `model-looks-ahead`, `logits-not-finite`.
 */
export async function openTexts(asked: TextUpdateOptions, assigned?: TextParts): Promise<TextContext> {
  const options = { ...asked, model: withTokenClasses(asked.model) }
  const { engine, model, data, budget } = options
  for (const limit of [budget.maxChange, budget.maxTotal]) {
    if (limit !== undefined) checkTextBudget({ unit: budget.unit, budget: limit })
  }
  checkedRatioConfidence(budget.confidence)
  checkAsked(options)
  const first = assigned ?? assignTexts(options)
  const { rungs, notes } = rungsWithRoom(options, textLadder(options))
  await refuseLookingAhead(engine, model, first.check, 'the model')
  const began = performance.now()
  const measured = [first.check, first.choose, first.order, first.proof].filter((rows) => rows !== undefined)
  const losses = openLosses(engine, model, measured)
  const known = (rows: Dataset, what: string) => losses.given(rows, measuring(options, what))
  try {
    const check = await known(first.check, 'the model as it is, on new documents')
    const choose =
      first.choose === first.check ? check : await known(first.choose, 'the same, on those to choose by')
    const ordering = first.order && (await known(first.order, 'the same, on old documents that order'))
    const proving = performance.now()
    const heldOut = first.proof && (await known(first.proof, 'the same, on old documents that prove'))
    const ended = performance.now()
    const { parts, order, proof } = dealtAnew(options, first, { order: ordering, proof: heldOut })
    return {
      ...{ options, parts, losses, before: { check, proof } },
      answers: parts.rehearsed && openOldAnswers(options, parts.rehearsed.rows),
      choose: { rows: parts.choose, before: choose },
      order: parts.order && order && { rows: parts.order, before: order },
      claims: proof && { budget, before: proof, first: parts.first, uses: data.uses ?? 0 },
      rungs,
      doubts: [...doubtsOf(vocabularyOf(model), { old: proof ?? order, new: check }), ...notes],
      seconds: { all: (ended - began) / 1000, proof: (ended - proving) / 1000 },
    }
  } catch (error) {
    await losses.dispose()
    throw error
  }
}

interface OldLosses {
  readonly order: readonly TextLoss[] | undefined
  readonly proof: readonly TextLoss[] | undefined
}

/**
 * The parts once the given model is known, and what it loses on old documents: where it knows by heart what is to be rehearsed, some of those
 * that prove order candidates instead. Which ones is told by what they say, whatever is lost on them.
 */
function dealtAnew(
  options: TextUpdateOptions,
  parts: TextParts,
  old: OldLosses,
): OldLosses & { readonly parts: TextParts } {
  const ofOrder = options.data.order?.length ? undefined : old.order
  const byHeart = parts.rehearsed && knownByHeart(ofOrder, old.proof)
  if (!byHeart) return { parts, ...old }
  const dealt = dealDocuments(options.data, true)
  const anew = oldParts(options, dealt, byHeart)
  const lossOf = (place: number) => itemAt(present(old.proof, 'old losses'), place, 'document')
  return {
    parts: { ...parts, ...anew, counts: { ...parts.counts, ...anew.counts } },
    order: dealt.spared?.map(lossOf) ?? old.order,
    proof: dealt.proof.map(lossOf),
  }
}

function checkAsked({ replayShare = 0, rungs }: TextUpdateOptions): void {
  if (!(replayShare >= 0 && replayShare < 1)) {
    throw new UsageError(
      'replay-share',
      `The share of old text in what is trained on is a number from 0 to below 1, but it is ${replayShare}.`,
    )
  }
  if (rungs?.length !== 0) return
  throw new UsageError('rungs-empty', `No rung is left to climb; there are ${textRungNames.join(' and ')}.`)
}
