import { type Dataset, samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { type OnRows, type OpenRowLosses, openRowLosses, refuseInfinite } from '../../evaluate/index.ts'
import { documentLosses, type TextLoss } from '../../measure/text-scores.ts'
import type { Model } from '../../model/model.ts'
import { present } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** What a model loses on each document of some rows, in the rows' order; to be closed. */
export interface Losses {
  /**
   * With its own weights.
   *
   * @throws ModelError `logits-not-finite` naming the document.
   */
  given(rows: Dataset, onRows?: OnRows): Promise<readonly TextLoss[]>
  /** With others. */
  on(rows: Dataset, weights: ReadonlyMap<string, Tensor>, onRows?: OnRows): Promise<readonly TextLoss[]>
  dispose(): Promise<void>
}

/** One session of the runtime for all sets of rows, which are as long as one another: a session holds memory of its own. */
export function openLosses(engine: Engine, model: Model, all: readonly Dataset[]): Losses {
  const [largest] = [...all].sort((a, b) => samples(b) - samples(a))
  let opened: Promise<OpenRowLosses> | undefined
  const open = () => {
    opened ??= openRowLosses(engine, model, present(largest, 'rows'))
    return opened
  }
  return {
    given: async (rows, onRows) => {
      const losses = await (await open()).of(undefined, { rows, onRows })
      refuseInfinite(losses, rows, 'the model')
      return documentLosses(losses)
    },
    on: async (rows, weights, onRows) => documentLosses(await (await open()).of(weights, { rows, onRows })),
    dispose: async () => {
      await (await opened)?.dispose()
    },
  }
}
