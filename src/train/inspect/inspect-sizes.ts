import type { ValueInfo } from '../../onnx/graph.ts'

/** In pixels. */
export interface ImageSize {
  readonly height: number
  readonly width: number
}

interface Asked {
  readonly batch: number
  readonly sequence: number
  readonly image?: ImageSize | undefined
}

/** Sizes for dims that the file leaves free. */
export interface Sizes {
  readonly batch: number
  readonly sequence: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly other: number
}

/** Pixels along a side of images, where nothing says how many. */
export const USUAL_SIDE = 224

/** What is taken for them. */
export const usualSizes = ({ batch, sequence, image }: Asked): Sizes => ({
  batch,
  sequence,
  height: image?.height ?? USUAL_SIDE,
  width: image?.width ?? USUAL_SIDE,
  channels: 3,
  other: 8,
})

/** What symbolic dims are by how they are called. The first axis of an input is the batch. */
const kinds: readonly { readonly name: RegExp; readonly kind: keyof Sizes }[] = [
  { name: /past/i, kind: 'other' },
  { name: /seq|length|token|position|time|^t$|^l$|^s$/i, kind: 'sequence' },
  { name: /height|^h$/i, kind: 'height' },
  { name: /width|^w$/i, kind: 'width' },
  { name: /channel|^c$/i, kind: 'channels' },
]

/** Sizes of symbolic dims by name: as given, or as their names and places suggest. */
export function namedSizes(
  inputs: readonly ValueInfo[],
  sizes: Sizes,
  given: Readonly<Record<string, number>>,
): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const { dims = [] } of inputs) {
    dims.forEach((dim, axis) => {
      if (typeof dim !== 'string' || dim === '' || found.has(dim)) return
      const asked = Object.hasOwn(given, dim) ? given[dim] : undefined
      const named = axis === 0 ? undefined : kinds.find(({ name }) => name.test(dim))?.kind
      found.set(dim, asked ?? sizes[named ?? kindAt(axis, dims)])
    })
  }
  return found
}

/** What an axis is where nothing names it. */
function kindAt(axis: number, dims: readonly (number | string)[]): keyof Sizes {
  if (axis === 0) return 'batch'
  if (dims.length === 4) {
    const last = dims[3] === 1 || dims[3] === 3
    return (
      (last ? (['height', 'width', 'channels'] as const) : (['channels', 'height', 'width'] as const))[
        axis - 1
      ] ?? 'other'
    )
  }
  return dims.length < 4 && axis === 1 ? 'sequence' : 'other'
}

/** The dims that an input is bound with: a batch that the file fixes is run several at a time, so any number of rows is. */
export const concreteDims = (
  { dims = [] }: ValueInfo,
  sizes: Sizes,
  found: ReadonlyMap<string, number>,
): number[] =>
  dims.map((dim, axis) => {
    if (typeof dim === 'number') return axis === 0 ? sizes.batch : dim
    return found.get(dim) ?? sizes[kindAt(axis, dims)]
  })
