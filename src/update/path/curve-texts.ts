import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { ModelError } from '../../errors.ts'
import { textFigures, withWeights } from '../../evaluate/index.ts'
import { defaultConfidence } from '../../measure/confidence.ts'
import { bitsPerByte, perplexity, type TextLoss, totalLoss } from '../../measure/text-scores.ts'
import { judgeTexts, type TextBudget } from '../../measure/text-verdict.ts'
import type { Verdict } from '../../measure/verdict.ts'
import { withTokenClasses } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { copiedDocuments } from '../copied-documents.ts'
import { type Along, alongPath, type PathOptions } from './along-path.ts'

export interface TextCurveOptions extends PathOptions {
  /** Rows of next tokens that know their documents, as `packDocuments` makes them. A text that stands more than once counts once. */
  readonly old?: Dataset | undefined
  readonly new?: Dataset | undefined
  /** How much worse the second model may be on the old documents. Default: none is held, and changes are relative. */
  readonly budget?: Omit<TextBudget, 'confidence'> | undefined
  /** Of each bound, one-sided. Default 0.95. */
  readonly confidence?: number | undefined
}

/** A score on some documents, and what it changed by against the first model, in the budget's unit. */
export interface TextCurveScore {
  readonly bitsPerByte: number
  readonly perplexity: number
  readonly change: number
  /** One-sided bounds of the change; infinite below five documents. */
  readonly lower: number
  readonly upper: number
}

/** One set of weights on the path; null where there are no such documents. */
export interface TextCurvePoint {
  /** 0 is the first model, 1 the second. */
  readonly alpha: number
  readonly old: TextCurveScore | null
  readonly new: TextCurveScore | null
  /** Of the old documents against the budget; null where there is none. */
  readonly verdict: Verdict | null
}

/** What {@link curveTexts} found; `holdfast curve --json` prints it for language models. */
export interface TextCurveResult extends Along<TextCurvePoint> {
  readonly schema: 'holdfast.curve-texts/1'
  readonly documents: { readonly old: number; readonly new: number }
  readonly unit: TextBudget['unit']
  readonly budget: number | null
  readonly confidence: number
  /** The bits per byte on the old documents at which the budget is used up; null without one. */
  readonly limit: number | null
}

type Losses = readonly TextLoss[]

/**
 * What two language models lose on old and new documents along the straight path between their weights, with bounds of the change
 * against the first model.
 *
 * @throws ModelError `curve-graphs` when the models are not of one graph, or hold other constants; UsageError `curve-points`; what
 * measuring and {@link judgeTexts} throw.
 * @example
 * const { points } = await curveTexts({ engine, from, to, old, new: fresh, budget: { unit: 'relative', budget: 0.02 } })
 */
export async function curveTexts(options: TextCurveOptions): Promise<TextCurveResult> {
  const { engine, budget, confidence = defaultConfidence } = options
  const [from, to] = [withTokenClasses(options.from), withTokenClasses(options.to)]
  checkConstants(from, to)
  const parts = { old: distinct(options.old), new: distinct(options.new) }
  const first = {
    old: await lossesOn(engine, from, parts.old),
    new: await lossesOn(engine, from, parts.new),
  }
  const asked = budget ?? { unit: 'relative', budget: 0 }
  const found = await alongPath(options, async () => async (weights, alpha): Promise<TextCurvePoint> => {
    const model = withWeights(to, weights)
    const score = async (which: 'old' | 'new') => {
      const [before, after] = [first[which], await lossesOn(engine, model, parts[which])]
      return before && after ? scoreOf(before, after, { ...asked, confidence }) : null
    }
    const [old, fresh] = [await score('old'), await score('new')]
    return {
      alpha,
      old: old?.score ?? null,
      new: fresh?.score ?? null,
      verdict: budget && old ? old.verdict : null,
    }
  })
  return {
    schema: 'holdfast.curve-texts/1',
    documents: { old: first.old?.length ?? 0, new: first.new?.length ?? 0 },
    unit: asked.unit,
    budget: budget?.budget ?? null,
    confidence,
    limit: budget && first.old ? limitOf(totalLoss(first.old), budget) : null,
    ...found,
  }
}

/** Documents, and which of them say what another one does: bounds are for texts that are drawn apart. */
interface Distinct {
  readonly data: Dataset
  readonly copies: ReadonlyMap<string, string>
}

const distinct = (data: Dataset | undefined): Distinct | undefined =>
  data && { data, copies: copiedDocuments(data) }

async function lossesOn(
  engine: Engine,
  model: Model,
  part: Distinct | undefined,
): Promise<Losses | undefined> {
  if (!part) return undefined
  const { documents } = await textFigures(engine, model, part.data)
  return documents.filter(({ document }) => !part.copies.has(document))
}

function scoreOf(before: Losses, after: Losses, budget: TextBudget) {
  const pairs = before.map((loss, at) => ({ before: loss, after: itemAt(after, at, 'document') }))
  const { change, lower, upper, verdict } = judgeTexts(pairs, budget)
  const whole = totalLoss(after)
  return {
    verdict,
    score: { bitsPerByte: bitsPerByte(whole), perplexity: perplexity(whole), change, lower, upper },
  }
}

function limitOf(loss: TextLoss, { unit, budget }: Omit<TextBudget, 'confidence'>): number {
  const bits = bitsPerByte(loss)
  // A token of these texts has bytes / tokens bytes.
  return {
    relative: () => bits * (1 + budget),
    bits: () => bits + budget,
    perplexity: () => bits + (Math.log2(budget) * loss.tokens) / loss.bytes,
  }[unit]()
}

/** What does not move, as weights of few bits, has to be the same at both ends. */
function checkConstants(from: Model, to: Model): void {
  for (const [name, tensor] of to.graph.initializers) {
    const own = from.graph.initializers.get(name)
    if (!own || sameValues(own.data, tensor.data)) continue
    throw new ModelError(
      'curve-graphs',
      `The constant "${name}" is not the same in both models, and what lies between is no model: weights of few bits, for example, do not move. Give a model and its update.`,
    )
  }
}

function sameValues(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (!Object.is(a[at], b[at])) return false
  return true
}
