/** How one axis is resized: its lengths, the factor between them, and the part of the input that is looked at. */
export interface ResizeAxis {
  readonly input: number
  readonly output: number
  readonly scale: number
  /** Beginning and end of the region in shares of the axis; only `tf_crop_and_resize` reads them. */
  readonly region: readonly [begin: number, end: number]
}

export interface Interpolation {
  /** nearest, linear or cubic. */
  readonly mode: string
  /** The `coordinate_transformation_mode`. */
  readonly transform: string
  /** The `nearest_mode`. */
  readonly nearest: string
  /** The a of the cubic kernel (Keys 1981). */
  readonly cubic: number
  readonly excludeOutside: boolean
  /** Whether the kernel widens with the step where an axis shrinks, so that every element counts. */
  readonly antialias: boolean
}

/** An element of the input that a place in the output takes a share of. */
export interface Tap {
  readonly from: number
  readonly share: number
}

export const coordinateTransforms: ReadonlySet<string> = new Set([
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
])

const f = Math.fround

/**
 * Where a place of the output lies in the input, in steps of the input. Rounded to float32 after every operation as the
 * runtime does: which neighbour is the nearest, or whether there is a tie, turns on it.
 */
function coordinate(axis: ResizeAxis, transform: string, place: number): number {
  const { input, output, region } = axis
  const scale = f(axis.scale)
  const halfPixel = () => f(f(f(place + 0.5) / scale) - 0.5)
  switch (transform) {
    case 'asymmetric':
      return f(place / scale)
    case 'pytorch_half_pixel':
      return output > 1 ? halfPixel() : 0
    case 'align_corners':
      return output === 1 ? 0 : f(f(place * (input - 1)) / (output - 1))
    case 'half_pixel_symmetric': {
      const adjustment = f(output / f(scale * input))
      return f(f((input / 2) * f(1 - adjustment)) + (place + 0.5) / scale - 0.5)
    }
    case 'tf_crop_and_resize': {
      const [begin, end] = region
      if (output === 1) return f(0.5 * f(f(begin) + f(end)) * (input - 1))
      const along = f(f(f(place * f(f(end) - f(begin))) * (input - 1)) / (output - 1))
      return f(f(f(begin) * (input - 1)) + along)
    }
    default:
      return halfPixel()
  }
}

/** Halves go away from zero, as in C. */
const round = (at: number): number => Math.sign(at) * Math.floor(Math.abs(at) + 0.5)

function nearestTo(at: number, rule: string): number {
  if (rule === 'floor') return Math.floor(at)
  if (rule === 'ceil') return Math.ceil(at)
  if (rule === 'round_prefer_floor' && at === Math.trunc(at) + 0.5) return Math.floor(at)
  return round(at)
}

const clamp = (at: number, input: number): number => Math.max(0, Math.min(at, input - 1))

function linearTaps(at: number, input: number): Tap[] {
  const inside = clamp(at, input)
  const from = Math.floor(inside)
  const rest = inside - from
  return rest === 0
    ? [{ from, share: 1 }]
    : [
        { from, share: 1 - rest },
        { from: from + 1, share: rest },
      ]
}

/** Keys' kernel at distance x: the cubic of the inner interval, of the outer one. */
function cubicKernel(a: number, x: number): number {
  const d = Math.abs(x)
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
}

/** Neighbours beyond the border are the border's own element, or left out and the other shares enlarged. */
function bordered(taps: readonly Tap[], input: number, excludeOutside: boolean): Tap[] {
  const kept = excludeOutside ? taps.filter(({ from }) => from === clamp(from, input)) : taps
  const total = kept.reduce((sum, { share }) => sum + share, 0)
  return kept.map(({ from, share }) => ({ from: clamp(from, input), share: share / total }))
}

function kernelTaps(at: number, { input, scale }: ResizeAxis, how: Interpolation): Tap[] {
  const cubic = how.mode === 'cubic'
  const kernel = (x: number) => (cubic ? cubicKernel(how.cubic, x) : Math.max(0, 1 - Math.abs(x)))
  const stretch = how.antialias ? Math.min(1, scale) : 1
  const reach = (cubic ? 2 : 1) / stretch
  const first = Math.floor(at - reach + 1)
  const taps = Array.from({ length: Math.floor(at + reach + 1) - first }, (_, step) => ({
    from: first + step,
    share: kernel((first + step - at) * stretch),
  }))
  return bordered(taps, input, how.excludeOutside)
}

/** What each place along the resized axis is made of; nothing where it holds the extrapolation value. */
export function resizeTaps(axis: ResizeAxis, how: Interpolation): Tap[][] {
  return Array.from({ length: axis.output }, (_, place) => {
    // The runtime leaves an axis of scale 1 alone, whatever the transform says.
    if (axis.scale === 1) return [{ from: place, share: 1 }]
    const at = coordinate(axis, how.transform, place)
    if (how.transform === 'tf_crop_and_resize' && (at < 0 || at > axis.input - 1)) return []
    if (how.mode === 'cubic' || how.antialias) return kernelTaps(at, axis, how)
    if (how.mode === 'linear') return linearTaps(at, axis.input)
    return [{ from: clamp(nearestTo(at, how.nearest), axis.input), share: 1 }]
  })
}

/** k where every element is repeated k times in its place, as by nearest neighbours with a whole factor. */
export function repeatFactor(axis: ResizeAxis, taps: readonly (readonly Tap[])[]): number | undefined {
  const factor = axis.output / axis.input
  if (!Number.isInteger(factor)) return undefined
  const repeated = taps.every((tap, place) => {
    const [only] = tap
    return tap.length === 1 && only?.share === 1 && only.from === Math.floor(place / factor)
  })
  return repeated ? factor : undefined
}
