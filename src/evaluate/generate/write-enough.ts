import { itemAt } from '../../required.ts'
import type { SelfWrittenOptions } from './self-written-types.ts'
import { openSieve, type Unfit } from './sift.ts'

/** For each text that is wanted, so many are written at most. */
const TRIES = 4

/** One text that is to be written. */
export interface Try {
  readonly place: number
  readonly beginning: readonly number[]
}

export interface KeptText extends Try {
  readonly ids: readonly number[]
}

/** Writes until as many are fit as are wanted, or fit into the time. Which text a place has does not depend on how many are written side by side. */
export async function writeEnough(
  write: (tries: readonly Try[]) => Promise<readonly (readonly number[])[]>,
  {
    wanted,
    within,
    beginnings,
    size,
    decode,
    onProgress,
  }: {
    readonly wanted: number
    readonly within: SelfWrittenOptions['within']
    readonly beginnings: readonly (readonly number[])[]
    readonly size: number
    readonly decode: (ids: Iterable<number>) => string
    readonly onProgress: SelfWrittenOptions['onProgress']
  },
): Promise<{ kept: readonly KeptText[]; written: number; leftOut: Record<Unfit, number>; seconds: number }> {
  const began = performance.now()
  const spent = () => (performance.now() - began) / 1000
  const sieve = openSieve()
  const kept: KeptText[] = []
  const leftOut: Record<Unfit, number> = { empty: 0, repeating: 0, duplicate: 0 }
  let written = 0
  let aim = within ? Math.min(wanted, within.least) : wanted
  onProgress?.(0, aim)
  while (kept.length < aim && written < TRIES * aim) {
    // Each batch says anew how many fit into the time.
    const many = Math.min(aim - kept.length, TRIES * aim - written, within ? size : wanted)
    const tries = Array.from({ length: many }, (_, at) => ({
      place: written + at,
      beginning: itemAt(beginnings, (written + at) % beginnings.length, 'beginning'),
    }))
    const texts = new Map<number, readonly number[]>()
    for (const group of ofOneLength(tries, size)) {
      const found = await write(group)
      for (const [at, { place }] of group.entries()) texts.set(place, itemAt(found, at, 'text'))
      onProgress?.(Math.min(aim, kept.length + texts.size), aim)
    }
    for (const each of tries) {
      const ids = texts.get(each.place) ?? []
      const unfit = sieve.refuses(ids, decode(ids))
      if (unfit) leftOut[unfit]++
      else kept.push({ ...each, ids })
    }
    written += many
    if (within) aim = fitting(wanted, within, { texts: kept.length, seconds: spent() })
  }
  return { kept, written, leftOut, seconds: spent() }
}

/** How many texts fit into the time, as some that are written let one expect: `least` at least, and no more than are wanted. */
export const fitting = (
  wanted: number,
  { seconds, least }: NonNullable<SelfWrittenOptions['within']>,
  done: { readonly texts: number; readonly seconds: number },
): number => Math.min(wanted, Math.max(least, Math.floor((seconds * done.texts) / done.seconds)))

/** Tries whose beginnings are of one length, at most `size` together. */
function ofOneLength(tries: readonly Try[], size: number): readonly (readonly Try[])[] {
  const lengths = [...new Set(tries.map(({ beginning }) => beginning.length))]
  return lengths.flatMap((length) => {
    const group = tries.filter(({ beginning }) => beginning.length === length)
    return Array.from({ length: Math.ceil(group.length / size) }, (_, at) =>
      group.slice(at * size, (at + 1) * size),
    )
  })
}
