/** Where a tuning looks for a number. */
export interface NumberRange {
  readonly from: number
  readonly to: number
  /**
   * `log`: each factor of ten is as likely as any other; `below-one`: each factor of ten of the distance from 1; `linear`: each part of the
   * range.
   */
  readonly scale: 'log' | 'linear' | 'below-one'
}

/** Where a tuning looks for an option's value. */
export type SearchRange = NumberRange | { readonly among: readonly (string | boolean)[] }

/**
 * An option's range in tunings, for its schema: `z.number().meta(searched(0.01, 100))`. What a method is given to spend (memory, rows a
 * step) has none: more of it is no better setting.
 */
export const searched = (
  from: number,
  to: number,
  scale: NumberRange['scale'] = 'log',
): { readonly search: SearchRange } => ({ search: { from, to, scale } })

/** The same for an option that is one of some words, or a switch. */
export const searchedAmong = (...among: readonly (string | boolean)[]): { readonly search: SearchRange } => ({
  search: { among },
})
