/** Where a tuning looks for an option's value. */
export interface SearchRange {
  readonly from: number
  readonly to: number
  /** `log`: each factor of ten is as likely as any other. */
  readonly scale: 'log' | 'linear'
}

/**
 * An option's range in tunings, for its schema: `z.number().meta(searched(0.01, 100))`. What a method is given to spend (memory, rows a
 * step) has none: more of it is no better setting.
 */
export const searched = (
  from: number,
  to: number,
  scale: SearchRange['scale'] = 'log',
): { readonly search: SearchRange } => ({ search: { from, to, scale } })
