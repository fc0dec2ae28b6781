import { itemAt } from '../../required.ts'
/** Maps a value of the domain to a place in the drawing, two decimals. */
export type Scale = (value: number) => number

/**
 * A straight scale from [from, to] to [start, end].
 *
 * @example linear(0, 1, 100, 0)(0.25) // 75
 */
export const linear =
  (from: number, to: number, start: number, end: number): Scale =>
  (value) =>
    Math.round(100 * (start + ((value - from) / (to - from || 1)) * (end - start))) / 100

/**
 * Places for labels, at least `gap` apart and inside [top, bottom], as near as may be to where they want to be and in the same
 * order. Returned in the order given.
 *
 * @example spread([10, 12], 8, 0, 100) // [7, 15]
 */
export function spread(wanted: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = wanted.map((want, index) => ({ want, index })).sort((a, b) => a.want - b.want)
  // Labels that would touch form a block that sits at the mean of its members' wishes.
  const blocks: { indices: number[]; centre: number }[] = []
  const clamp = (centre: number, size: number): number => {
    const half = ((size - 1) * gap) / 2
    return Math.max(top + half, Math.min(bottom - half, centre))
  }
  for (const { want, index } of order) {
    let block = { indices: [index], centre: clamp(want, 1) }
    for (let above = blocks.at(-1); above !== undefined; above = blocks.at(-1)) {
      const reach = ((above.indices.length + block.indices.length) * gap) / 2
      if (block.centre - above.centre >= reach) break
      blocks.pop()
      const indices = [...above.indices, ...block.indices]
      const wish = indices.reduce((sum, member) => sum + itemAt(wanted, member, 'place'), 0) / indices.length
      block = { indices, centre: clamp(wish, indices.length) }
    }
    blocks.push(block)
  }
  const places = new Array<number>(wanted.length).fill(0)
  for (const { indices, centre } of blocks) {
    indices.forEach((index, n) => {
      places[index] = Math.round(100 * (centre + (n - (indices.length - 1) / 2) * gap)) / 100
    })
  }
  return places
}

/** The next 1, 2 or 5 times a power of ten, so that numbers at an axis are round ones. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10)
}

/**
 * Round numbers between two, about as many as wanted.
 *
 * @example roundTicks(0, 0.04, 5) // [0, 0.01, 0.02, 0.03, 0.04]
 */
export function roundTicks(from: number, to: number, wanted: number): number[] {
  const step = roundStep((to - from) / wanted)
  const first = Math.ceil(from / step - 1e-9)
  const last = Math.floor(to / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)))
}
