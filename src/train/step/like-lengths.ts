import { samples } from '../../data/dataset.ts'
import type { BatchSource, Json } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import { batchWidth } from './batch.ts'
import type { BatchSampler } from './samplers.ts'

/** Rows are dealt among so many steps at most. */
const MOST_STEPS = 32

/** Under which name its state is, beside those of the sources. */
const OWN = 'rows of like lengths'

export interface LikeLengths {
  readonly sources: readonly BatchSource[]
  /** Where each source's rows begin in the pool. */
  readonly offsets: readonly number[]
  /** Of each row of the pool, which length it needs. */
  readonly needs: Int32Array
  readonly random: (name: string) => RandomStream
  readonly saved: { readonly [source: string]: Json }
  /** The sampler whose rows are dealt anew, from a state on. */
  readonly open: (saved: { readonly [source: string]: Json }) => BatchSampler
}

/**
 * Rows of like lengths in a step, so that short ones are not filled up to the longest of seven others. What is drawn stays what it is: the rows of
 * some steps, {@link MOST_STEPS} or as many as go through the new rows once, are dealt among these steps anew. Which step gets short rows is drawn,
 * and each keeps its number of rows of each kind, new and old.
 *
 * Sources that plan columns beside their rows are not dealt anew: `open` is what it gives then.
 */
export function likeLengths({ open, saved, ...given }: LikeLengths): BatchSampler {
  const { sources, random } = given
  if (sources.some(({ columns }) => columns !== undefined)) return open(saved)
  const steps = stepsTogether(sources)
  const width = batchWidth(sources)
  const own = saved[OWN] as Place | undefined
  let { window, at } = own ?? { window: 0, at: 0 }
  const inner = open(saved)
  let before = inner.state()
  const planned = (): Int32Array<ArrayBuffer> =>
    dealt(inner.next(steps).rows, random(`${OWN}/${window}`).permutation(steps), { ...given, width })
  let rows = planned()
  return {
    next: (count) => {
      const found = new Int32Array(count * width)
      for (let done = 0; done < count; ) {
        if (at === steps) {
          before = inner.state()
          window++
          at = 0
          rows = planned()
        }
        const many = Math.min(count - done, steps - at)
        found.set(rows.subarray(at * width, (at + many) * width), done * width)
        done += many
        at += many
      }
      return { rows: found, columns: new Map() }
    },
    state: () => ({ ...before, [OWN]: { window, at } }),
  }
}

/** Windows planned before the present one, and the steps of that that were handed out. */
type Place = { readonly window: number; readonly at: number }

/** No more steps than go through the new rows once, in equal parts: else a row would stand beside itself. */
function stepsTogether(sources: readonly BatchSource[]): number {
  const once = Math.min(
    ...sources
      .filter(({ name }) => name === 'new')
      .map(({ dataset, size }) => Math.floor(samples(dataset) / size)),
    Number.MAX_SAFE_INTEGER,
  )
  return Math.max(1, Math.floor(once / Math.ceil(once / MOST_STEPS)))
}

/** Rows [steps, width] in the order of what they need, those of each kind in the places of its own, the steps in a given order. */
function dealt(
  rows: Int32Array,
  order: ArrayLike<number>,
  {
    sources,
    offsets,
    needs,
    width,
  }: Pick<LikeLengths, 'sources' | 'offsets' | 'needs'> & { readonly width: number },
): Int32Array<ArrayBuffer> {
  const columns = sources.flatMap(({ size }, source) => new Array<number>(size).fill(source))
  const partOf = (row: number): number => offsets.findLastIndex((offset) => offset <= row)
  const places = new Map<string, number[]>()
  for (const step of Array.from(order)) {
    for (const [column, source] of columns.entries()) {
      const place = step * width + column
      const kind = `${source}/${partOf(itemAt(rows, place, 'row'))}`
      const own = places.get(kind)
      if (own) own.push(place)
      else places.set(kind, [place])
    }
  }
  const found = new Int32Array(rows.length)
  for (const own of places.values()) {
    const need = (place: number): number => itemAt(needs, itemAt(rows, place, 'row'), 'need of a row')
    // In the order in which they were drawn where they need the same: a row that was drawn twice does not come twice at once.
    const sorted = [...own].sort((a, b) => a - b).sort((a, b) => need(a) - need(b))
    for (const [at, place] of own.entries()) found[place] = itemAt(rows, itemAt(sorted, at, 'place'), 'row')
  }
  return found
}
