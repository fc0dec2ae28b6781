import type { TokenDocument } from '../src/data/documents/index.ts'
import type { TextTokenizer } from '../src/data/text/index.ts'
import type { Engine } from '../src/engine/engine.ts'
import type { Model } from '../src/model/model.ts'
import { present } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { updateTexts } from '../src/update/texts/index.ts'

/** Old rows' share of a step, as `update` takes it by default. */
const share = 0.25

export interface UpdateGiven {
  readonly engine: Engine
  readonly model: Model
  readonly tokenizer: TextTokenizer
  readonly old: readonly TokenDocument[]
  readonly fresh: readonly TokenDocument[]
}

export interface UpdateAsked {
  readonly budget: number
  readonly steps: number
  readonly batchSize: number
  readonly length: number
  readonly seed: number
}

/**
 * The weights that `update` leaves: each rung has the steps of the other methods, on as many new rows, and goes over each once. Of the old
 * documents 60 are rehearsed and 100 prove; of the new rows 100 more say what was learned. No test document is among these.
 */
export async function updated(
  { engine, model, tokenizer, old, fresh }: UpdateGiven,
  { budget, steps, batchSize, length, seed }: UpdateAsked,
): Promise<ReadonlyMap<string, Tensor>> {
  const some = <T>(list: readonly T[], name: string): readonly T[] =>
    [...randomStream(seed, name).permutation(list.length)].map((at) => present(list[at], name))
  const rows = some(
    fresh.flatMap((document) => pieces(document, length + 1, tokenizer)),
    'new rows',
  )
  const count = Math.round(steps * batchSize * (1 - share))
  const documents = some(old, 'old documents')
  const { status, chosen, parameters, trials } = await updateTexts({
    ...{ engine, model, seed, epochs: 1, batchSize, replayShare: share, rows: { length, tokenizer } },
    data: {
      ...{ train: rows.slice(0, count), check: rows.slice(count, count + 100) },
      ...{ exemplars: documents.slice(0, 60), heldOut: documents.slice(60, 160) },
    },
    budget: { unit: 'relative', maxChange: budget },
  })
  console.error(
    JSON.stringify({
      status,
      chosen,
      trials: trials.map(({ method, settings }) => ({ method, ...settings })),
    }),
  )
  return parameters
}

/** A document as documents of one row each: the same rows that the other methods draw from, nearly. */
function pieces(
  { place, ids }: TokenDocument,
  size: number,
  { bytesOf }: Pick<TextTokenizer, 'bytesOf'>,
): TokenDocument[] {
  const count = Math.floor((ids.length - 1) / (size - 1))
  return Array.from({ length: count }, (_, at) => {
    const own = ids.subarray(at * (size - 1), at * (size - 1) + size)
    return {
      place: `${place}, row ${at}`,
      ids: own,
      bytes: own.subarray(1).reduce((sum, id) => sum + bytesOf(id), 0),
    }
  })
}
