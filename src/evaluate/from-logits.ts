import { type Dataset, samples } from '../data/dataset.ts'
import type { RowsOfLength } from '../data/row-lengths.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import { type MadeFromLogits, type OneLength, openOneLength, type Take } from './one-length.ts'
import { rowsTogether } from './rows-together.ts'
import type { Weights } from './weights.ts'

/**
 * Runs a model over rows of tokens, and hands out what is made of their logits: no logits leave the runtime, and no more of them stand
 * at a time than is said. A row that has more goes through some places at a time where its head is a matrix without bias; else whole.
 *
 * Rows for a causal model are read up to their last label, those of about one length together.
 */
export async function fromLogits(
  engine: Engine,
  model: Model,
  { weights, onRows, ...asked }: MadeFromLogits & Pick<FromLogitsRun, 'weights' | 'onRows'>,
  take: Take,
): Promise<void> {
  const all = samples(asked.dataset)
  let done = 0
  // One session at a time: each holds memory of its own.
  for (const { rows, dataset } of groupsOf(model, asked.dataset)) {
    const open = await openOneLength(engine, model, { ...asked, dataset })
    const group = { rows, dataset, onRows: (own: number) => onRows?.(done + own, all) }
    try {
      await open.run(take, weights, group)
    } finally {
      await open.dispose()
    }
    done += rows.length
  }
}

/** {@link fromLogits} of one set of rows and of weights after the other. */
export interface OpenFromLogits {
  run(take: Take, asked?: FromLogitsRun): Promise<void>
  dispose(): Promise<void>
}

/** One run over rows. */
export interface FromLogitsRun {
  /** Parameters and buffers in place of the model's own, by name. Default none. */
  readonly weights?: Weights | undefined
  /** Other rows, as long and of as many classes. Default those that it was opened with. */
  readonly rows?: Dataset | undefined
  /** After each call of the runtime: rows that are done, of so many. */
  readonly onRows?: OnRows | undefined
}

export type OnRows = (done: number, of: number) => void

/** A session of the runtime for each length of rows is kept until it is disposed of. */
export function openFromLogits(engine: Engine, model: Model, asked: MadeFromLogits): OpenFromLogits {
  const lengthOf = ({ labels }: Dataset) => itemAt(labels.dims, 1, 'axis')
  const own = groupsOf(model, asked.dataset)
  const sizes = new Map(own.map(({ dataset }) => [lengthOf(dataset), dataset]))
  const sessions = new Map<number, Promise<OneLength>>()
  const session = (dataset: Dataset): Promise<OneLength> => {
    const length = lengthOf(dataset)
    const known = sizes.get(length) ?? dataset
    const found = sessions.get(length) ?? openOneLength(engine, model, { ...asked, dataset: known })
    sessions.set(length, found)
    return found
  }
  return {
    run: async (take, { weights, rows: given = asked.dataset, onRows } = {}) => {
      let done = 0
      for (const { rows, dataset } of given === asked.dataset ? own : groupsOf(model, given)) {
        const group = { rows, dataset, onRows: (part: number) => onRows?.(done + part, samples(given)) }
        await (await session(dataset)).run(take, weights, group)
        done += rows.length
      }
    },
    dispose: async () => {
      for (const opened of sessions.values()) await (await opened).dispose()
      sessions.clear()
    },
  }
}

const groupsOf = (model: Model, dataset: Dataset): readonly RowsOfLength[] =>
  samples(dataset) === 0 ? [] : rowsTogether(model, dataset)
