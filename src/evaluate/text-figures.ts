import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { ModelError } from '../errors.ts'
import {
  bitsPerByteOrNull,
  documentLosses,
  perplexity,
  type RowLosses,
  type TextLoss,
  totalLoss,
} from '../measure/text-scores.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import type { OnRows } from './from-logits.ts'
import { rowLosses } from './row-losses.ts'

/** What a language model's loss on some text is. */
export interface TextFigures extends TextLoss {
  /** Nats for a token that counts. */
  readonly loss: number
  readonly perplexity: number
  /** Null where only special tokens count, which have no bytes. */
  readonly bitsPerByte: number | null
}

/** The same of one document. */
export interface DocumentFigures extends TextFigures {
  /** Its file, and its line there. */
  readonly document: string
}

/**
 * The loss of a causal language model on documents, together and one by one.
 *
 * @param dataset Rows of next tokens that know their documents, as `packDocuments` makes them.
 * @param name What messages call the model. Default 'the model'.
 * @param onRows After each call of the runtime: rows that are done, of so many.
 * @throws ModelError `logits-not-finite` naming the document; what {@link rowLosses} throws.
 * @example
 * const { total } = await textFigures(engine, model, packDocuments(documents, how).dataset)
 * console.log(total.bitsPerByte)
 */
export async function textFigures(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  name = 'the model',
  onRows?: OnRows | undefined,
): Promise<{ readonly total: TextFigures; readonly documents: readonly DocumentFigures[] }> {
  return figuresFrom(await rowLosses(engine, model, dataset, undefined, onRows), dataset, name)
}

/**
 * The figures of documents from what their rows cost.
 *
 * @throws ModelError `logits-not-finite` naming the document.
 */
export function figuresFrom(
  losses: RowLosses,
  dataset: Dataset,
  name: string,
): { readonly total: TextFigures; readonly documents: readonly DocumentFigures[] } {
  refuseInfinite(losses, dataset, name)
  const called = (document: number) => calledIn(dataset, document)
  const each = documentLosses(losses)
  return {
    total: figuresOf(totalLoss(each)),
    documents: each.map(({ document, nats, tokens, bytes }) => ({
      document: called(document),
      ...figuresOf({ nats, tokens, bytes }),
    })),
  }
}

/**
 * Makes sure that losses are numbers.
 *
 * @param name What messages call the model.
 * @throws ModelError `logits-not-finite` naming the document.
 */
export function refuseInfinite({ nats, documents }: RowLosses, dataset: Dataset, name: string): void {
  const row = Array.from(nats).findIndex((loss) => !Number.isFinite(loss))
  if (row < 0) return
  throw new ModelError(
    'logits-not-finite',
    `${calledIn(dataset, itemAt(documents, row, 'row'))}: the loss of ${name} is ${nats[row]} there: its logits are not all finite numbers.`,
  )
}

const calledIn = (dataset: Dataset, document: number): string =>
  dataset.documents ? itemAt(dataset.documents.names, document, 'document') : `row ${document}`

const figuresOf = (loss: TextLoss): TextFigures => ({
  ...loss,
  loss: loss.nats / loss.tokens,
  perplexity: perplexity(loss),
  bitsPerByte: bitsPerByteOrNull(loss),
})
