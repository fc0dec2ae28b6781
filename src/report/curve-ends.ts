/** What the two models of a curve are called. */
export type CurveEnds = readonly [string, string]

/** A place on the way: two decimals, or three where it takes them. */
export const alphaText = (alpha: number): string => alpha.toFixed(3).replace(/0{1,2}$/, '')

/** What stands at an end of the way; nothing between. */
export const endText = (alpha: number): string =>
  alpha === 0 ? 'the old model' : alpha === 1 ? 'the new model' : ''
