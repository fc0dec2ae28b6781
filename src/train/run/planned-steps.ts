import { itemAt, required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { StepGraph } from '../step/index.ts'

/** Steps that one call of the runtime does. */
export interface Planned {
  readonly from: number
  readonly count: number
  /** Rows of the pool, [count * rows a step]. */
  readonly rows: Int32Array<ArrayBuffer>
  readonly columns: ReadonlyMap<string, Tensor<'int32'>>
}

/**
 * Steps parted where the next one reads its rows in another length, in their order.
 *
 * @param needs Which length each row of the pool needs; a step takes the longest of its rows.
 */
export function byNeed(
  { from, count, rows, columns }: Planned,
  width: number,
  needs: Int32Array,
): readonly (Planned & { readonly need: number })[] {
  const needOf = (step: number): number =>
    rows
      .subarray(step * width, (step + 1) * width)
      .reduce((most, row) => Math.max(most, itemAt(needs, row, 'row')), 0)
  const parts: (Planned & { readonly need: number })[] = []
  for (let first = 0; first < count; ) {
    const need = needOf(first)
    let end = first + 1
    while (end < count && needOf(end) === need) end++
    const cut = ([name, { type, dims, data }]: readonly [string, Tensor<'int32'>]) => {
      const each = data.length / count
      const own: Tensor<'int32'> = {
        type,
        dims: [end - first, ...dims.slice(1)],
        data: data.slice(first * each, end * each),
      }
      return [name, own] as const
    }
    parts.push({
      ...{ need, from: from + first, count: end - first, rows: rows.slice(first * width, end * width) },
      columns: new Map([...columns].map(cut)),
    })
    first = end
  }
  return parts
}

/** What steps say together: the mean of each loss over all of them, and the reports of the last. */
export function saidTogether(
  parts: readonly { readonly count: number; readonly said: Readonly<Record<string, number>> }[],
  { losses }: Pick<StepGraph, 'losses'>,
): Record<string, number> {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const last = itemAt(parts, parts.length - 1, 'part')
  const mean = (name: string): number =>
    parts.reduce(
      (sum, part) => sum + (part.count * required(new Map(Object.entries(part.said)), name, 'loss')) / count,
      0,
    )
  return { ...last.said, ...Object.fromEntries(losses.map((name) => [name, mean(name)])) }
}
