/** What the two models of a curve are called. */
export type CurveEnds = readonly [string, string]

/** A place on the way: two decimals, or three where it takes them. */
export const alphaText = (alpha: number): string => alpha.toFixed(3).replace(/0{1,2}$/, '')
