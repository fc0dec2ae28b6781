import { classLabels, samples } from '../../data/dataset.ts'
import { type Pack, releaseAccuracy } from './pack.ts'

/** What a pack holds, in figures. */
export interface PackSummary {
  readonly schema: 'holdfast.keep/1'
  readonly created: string
  readonly model: Pack['model']
  readonly private: boolean
  readonly classes: readonly string[]
  readonly preprocessing: Pack['preprocessing']
  readonly budget: Pack['budget']
  readonly exemplars: {
    readonly rows: number
    /** Dims of one row: of an input, or of the features in a private pack. */
    readonly dims: readonly number[]
    /** Rows of each class, in the order of `classes`. */
    readonly perClass: readonly number[]
  }
  readonly heldOut: { readonly rows: number; readonly accuracy: number } | null
  readonly fisher: { readonly rows: number; readonly parameters: number } | null
  readonly data: Pack['data']
  /** First to last; of the held-out rows that each release was asked about. */
  readonly history: readonly {
    readonly model: Pack['model']
    readonly created: string
    readonly classes: number
    readonly heldOut: { readonly rows: number; readonly accuracy: number } | null
  }[]
  readonly versions: Pack['versions']
}

/**
 * What a pack holds, in figures.
 *
 * @example
 * console.log(summarisePack(await readPack('model.keep')).heldOut)
 */
export function summarisePack(pack: Pack): PackSummary {
  const { exemplars, heldOut, fisher, history, classes } = pack
  const counts = new Array<number>(classes.length).fill(0)
  for (const label of exemplars ? classLabels(exemplars) : []) counts[label] = (counts[label] ?? 0) + 1
  const releases = history.map((release) => ({
    model: release.model,
    created: release.created,
    classes: release.classes,
    heldOut: releaseAccuracy(release, heldOut) ?? null,
  }))
  return {
    schema: 'holdfast.keep/1',
    created: pack.created,
    model: pack.model,
    private: pack.private,
    classes,
    preprocessing: pack.preprocessing,
    budget: pack.budget,
    exemplars: {
      rows: exemplars ? samples(exemplars) : 0,
      dims: exemplars?.inputs.dims.slice(1) ?? [],
      perClass: counts,
    },
    heldOut: releases.at(-1)?.heldOut ?? null,
    fisher: fisher
      ? {
          rows: fisher.rows,
          parameters: [...fisher.diagonal.values()].reduce((sum, { data }) => sum + data.length, 0),
        }
      : null,
    data: pack.data,
    history: releases,
    versions: pack.versions,
  }
}
