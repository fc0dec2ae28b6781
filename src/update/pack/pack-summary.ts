import { classLabels, samples } from '../../data/dataset.ts'
import { itemAt, present } from '../../required.ts'
import type { DType } from '../../tensor/tensor.ts'
import type { HeldActivations } from './held-activations.ts'
import { type HeldOut, type Pack, releaseAccuracy } from './pack.ts'
import type { PackSums } from './pack-sums.ts'
import { type Traffic, trafficShares } from './traffic.ts'

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
  readonly heldOut: {
    readonly rows: number
    readonly accuracy: number
    /** How many rows have been used by how many releases, ascending. */
    readonly uses: readonly { readonly releases: number; readonly rows: number }[]
  } | null
  /** More held-out rows, as what the layers below `at` make of them; null where there are none. */
  readonly activations: {
    readonly at: string
    /** In what form they are stored, and the dims of one row. */
    readonly stored: DType
    readonly dims: readonly number[]
    readonly rows: number
    readonly accuracy: number
    readonly uses: readonly { readonly releases: number; readonly rows: number }[]
  } | null
  /** Each class's share, in the order of `classes`; null in packs that do not say it. */
  readonly traffic: { readonly source: Traffic['source']; readonly shares: readonly number[] } | null
  readonly fisher: { readonly rows: number; readonly parameters: number } | null
  /** Sums of features: over how many rows, of how many features, of which so many random ones; null where there are none. */
  readonly sums: {
    readonly of: PackSums['of']
    readonly rows: number
    readonly width: number
    readonly random: number
  } | null
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
  const { exemplars, heldOut, fisher, sums, history, classes } = pack
  const counts = new Array<number>(classes.length).fill(0)
  for (const label of exemplars ? classLabels(exemplars) : [])
    counts[label] = itemAt(counts, label, 'class') + 1
  const releases = history.map((release) => ({
    model: release.model,
    created: release.created,
    classes: release.classes,
    heldOut: releaseAccuracy(release, heldOut) ?? null,
  }))
  const shares = trafficShares(pack.traffic, classes, classes)
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
    heldOut: heldOutSummary(heldOut, releases.at(-1)?.heldOut),
    activations: activationsSummary(pack.activations),
    traffic: shares && pack.traffic ? { source: pack.traffic.source, shares } : null,
    fisher: fisher
      ? {
          rows: fisher.rows,
          parameters: [...fisher.diagonal.values()].reduce((sum, { data }) => sum + data.length, 0),
        }
      : null,
    sums: sums
      ? {
          of: sums.of,
          rows: sums.sums.counts.reduce((all, count) => all + count, 0),
          width: sums.sums.width,
          random: sums.expansion?.width ?? 0,
        }
      : null,
    data: pack.data,
    history: releases,
    versions: pack.versions,
  }
}

function heldOutSummary(
  heldOut: HeldOut | undefined,
  latest: { readonly accuracy: number } | null | undefined,
): PackSummary['heldOut'] {
  if (!heldOut || !latest) return null
  const { dataset, uses } = heldOut
  return {
    rows: samples(dataset),
    accuracy: latest.accuracy,
    uses: usesOf(uses.data),
  }
}

function activationsSummary(held: HeldActivations | undefined): PackSummary['activations'] {
  if (!held) return null
  const { cut, dataset, uses, answers } = held
  const latest = present(answers.at(-1), 'answers of a release').data
  const labels = classLabels(dataset)
  const right = labels.reduce((sum, label, row) => sum + (latest[row] === label ? 1 : 0), 0)
  return {
    at: itemAt(cut.values, 0, 'value of the cut'),
    stored: dataset.inputs.type,
    dims: dataset.inputs.dims.slice(1),
    rows: labels.length,
    accuracy: right / labels.length,
    uses: usesOf(uses.data),
  }
}

/** How many rows have been used by how many releases, ascending. */
export function usesOf(uses: Int32Array): readonly { readonly releases: number; readonly rows: number }[] {
  const counts = new Map<number, number>()
  for (const releases of uses) counts.set(releases, (counts.get(releases) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => a - b).map(([releases, rows]) => ({ releases, rows }))
}
