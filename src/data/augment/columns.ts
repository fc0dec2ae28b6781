import { type AugmentSpec, mixes } from './spec.ts'

/** Numbers of each row that say what is done to it. */
export interface AugmentColumn {
  readonly name: AugmentColumnName
  readonly type: 'int32' | 'float32'
  /** What they are for a row that stays as it is; `row` is its place in the batch. */
  readonly still: (row: number) => readonly number[]
}

/**
 * - `place`: first row, first column, and step of the columns (1, or -1 for a flip) that the image is read from;
 * - `colour`: factors of the pixel, of its grey and of the image's mean grey;
 * - `cutout`: top, bottom, left and right of what is blanked;
 * - `partner`: the row of the batch that it is mixed with, and `share`, how much the row's own label counts;
 * - `blend`: how much of each pixel is its own (mixup);
 * - `box`: top, bottom, left and right of what is the partner's (CutMix).
 */
export type AugmentColumnName = 'place' | 'colour' | 'cutout' | 'partner' | 'share' | 'blend' | 'box'

/** What a graph that augments is fed for each row of its batch. */
export function augmentColumns(spec: AugmentSpec): readonly AugmentColumn[] {
  const { flip, crop, colour, cutout, mixup, cutmix } = spec
  const columns: readonly (AugmentColumn & { readonly needed: boolean })[] = [
    { name: 'place', type: 'int32', still: () => [0, 0, 1], needed: (flip ?? crop) !== undefined },
    { name: 'colour', type: 'float32', still: () => [1, 0, 0], needed: colour !== undefined },
    { name: 'cutout', type: 'int32', still: () => [0, 0, 0, 0], needed: cutout !== undefined },
    { name: 'partner', type: 'int32', still: (row) => [row], needed: mixes(spec) },
    { name: 'share', type: 'float32', still: () => [1], needed: mixes(spec) },
    { name: 'blend', type: 'float32', still: () => [1], needed: mixup !== undefined },
    { name: 'box', type: 'int32', still: () => [0, 0, 0, 0], needed: cutmix !== undefined },
  ]
  return columns.filter(({ needed }) => needed)
}

/** The numbers of one row, or of one draw. */
export type Numbers = readonly number[]

/** Some numbers of a row, with the columns that they belong to. */
export type RowDraws = readonly (readonly [AugmentColumnName, Numbers])[]
