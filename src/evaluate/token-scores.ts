import type { GraphBuilder } from '../autodiff/builder.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { TextLoss } from '../measure/text-scores.ts'
import type { Model } from '../model/model.ts'
import { cast, type Value } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { type OnRows, openFromLogits } from './from-logits.ts'
import { likeliest } from './predict.ts'
import { costs, countedIn, refuseOthers } from './row-losses.ts'
import type { Weights } from './weights.ts'

/** What a language model says of rows of next tokens. */
export interface TokenScores extends TextLoss {
  /** How many of the tokens that count are the likeliest at their place. */
  readonly right: number
}

/** Scores of a model with one set of weights after the other, on rows as long and of as many classes as those that it was opened with. */
export interface OpenTokenScores {
  /**
   * @param rows Default those that it was opened with.
   * @param weights Parameters and buffers in place of the model's own, by name.
   */
  of(rows?: Dataset, weights?: Weights, onRows?: OnRows): Promise<TokenScores>
  dispose(): Promise<void>
}

/**
 * The loss on rows of next tokens and how many are right, in one pass: two numbers a token leave the runtime.
 *
 * @param dataset The rows, or of several sets the one with most of them.
 * @throws UsageError `row-losses` for labels that are not one class a token.
 * @example
 * const open = openTokenScores(engine, model, test)
 * const scores = await open.of()
 * console.log(scores.right / scores.tokens, bitsPerByte(scores))
 * await open.dispose()
 */
export function openTokenScores(engine: Engine, model: Model, dataset: Dataset): OpenTokenScores {
  refuseOthers(dataset)
  const make = (body: GraphBuilder, logits: Value, labels: Value) => ({
    costs: costs(body, logits, labels),
    right: right(body, logits, labels, engine.flat),
  })
  const open = openFromLogits(engine, model, { dataset, make })
  return {
    of: async (rows = dataset, weights, onRows) => {
      refuseOthers(rows)
      let [nats, hits] = [0, 0]
      await open.run(
        (made) => {
          nats += sumOf(required(made, 'costs', 'output').data as Float32Array)
          hits += sumOf(required(made, 'right', 'output').data as Float32Array)
        },
        { weights, rows, onRows },
      )
      const { tokens, bytes } = countedIn(rows)
      return { nats, right: hits, tokens: sumOf(tokens), bytes: sumOf(bytes) }
    },
    dispose: open.dispose,
  }
}

/** 1 where the likeliest token is the label and 0 elsewhere, [rows, T]; nothing is the label of places that do not count. */
const right = (body: GraphBuilder, logits: Value, labels: Value, flat: boolean | undefined): Value =>
  cast(body, body.op('Equal', [cast(body, likeliest(body, logits, flat), 'int32'), labels]), logits.type)

const sumOf = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let at = 0; at < values.length; at++) sum += values[at] ?? 0
  return sum
}
