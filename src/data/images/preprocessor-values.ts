import type { Preprocessing } from '../dataset.ts'
import { unsupported } from './preprocessor-fields.ts'

/** The fields of preprocessor_config.json that say what becomes of a pixel's value. */
interface ValueFields {
  readonly do_rescale?: boolean | null | undefined
  readonly rescale_factor?: number | null | undefined
  readonly rescale_offset?: boolean | null | undefined
  readonly offset?: boolean | null | undefined
  readonly include_top?: boolean | null | undefined
  readonly image_mean?: PerChannel | null | undefined
  readonly image_std?: PerChannel | null | undefined
}

/**
 * (pixel * scale - mean) / std. EfficientNet's processor takes 1 away after rescaling where `rescale_offset` says so, and with
 * `include_top` divides by the deviation once more, whether it normalised before or not: its weights were trained so.
 */
export function normalisation(config: ValueFields, normalise: boolean, place: string): Preprocessing {
  const rescales = config.do_rescale !== false
  const shift = rescales && (config.rescale_offset ?? config.offset) ? 1 : 0
  const again = config.include_top === true
  if (again && config.image_std == null) throw unsupported(place, 'include_top', true, 'image_std beside it')
  const mean = normalise ? (config.image_mean ?? 0) : 0
  const std = config.image_std ?? 1
  const divisor = normalise ? std : 1
  return {
    scale: rescales ? scaleOf(config.rescale_factor ?? 1 / 255) : 1,
    mean: each(mean, (value) => value + shift),
    std: again ? product(divisor, std) : divisor,
  }
}

/** 1 / 255 and 2 / 255 are written with fewer digits than they have: the exact quotient is meant. */
function scaleOf(factor: number): number {
  const levels = Math.round(factor * 255)
  return levels > 0 && Math.abs(factor * 255 - levels) < 1e-6 ? levels / 255 : factor
}

type PerChannel = number | readonly number[]

const each = (values: PerChannel, change: (value: number, at: number) => number): PerChannel =>
  typeof values === 'number' ? change(values, 0) : values.map(change)

function product(a: PerChannel, b: PerChannel): PerChannel {
  if (typeof b === 'number') return each(a, (value) => value * b)
  return b.map((value, at) => value * (typeof a === 'number' ? a : (a[at] ?? 1)))
}
