import { classLabels, type Dataset, samples, subset } from '../data/dataset.ts'
import { chooseBalanced } from '../data/memory/index.ts'
import { rowDraws } from '../data/row-draws.ts'
import { type RandomStream, randomStream } from '../tensor/random.ts'

/**
 * Holds out about a share of each class, at least one row where a class has two. Which rows they are is told by what they
 * say (`rowDraws`): where rows come and go, the others stay on the side that they were on, and none that was trained on is
 * measured on later.
 *
 * @param share In 0..1.
 */
export function holdOut(
  dataset: Dataset,
  share: number,
): { readonly rest: Dataset; readonly heldOut: Dataset } {
  const draws = rowDraws(dataset, 'hold-out')
  const byClass = new Map<number, number[]>()
  for (const [row, label] of classLabels(dataset).entries()) {
    const members = byClass.get(label)
    if (members) members.push(row)
    else byClass.set(label, [row])
  }
  const held = new Set([...byClass.values()].flatMap((members) => below(members, draws, share)))
  const rows = Int32Array.from({ length: samples(dataset) }, (_, row) => row)
  return {
    rest: subset(
      dataset,
      rows.filter((row) => !held.has(row)),
    ),
    heldOut: subset(
      dataset,
      rows.filter((row) => held.has(row)),
    ),
  }
}

/**
 * The rows whose draw is below a share: the one with the lowest where there would be none, all but the one with the highest
 * where it would be all; none of a single row.
 */
export function below(rows: readonly number[], draws: Float64Array, share: number): number[] {
  const drawOf = (row: number) => draws[row] ?? Number.NaN
  const ranked = [...rows].sort((a, b) => drawOf(a) - drawOf(b) || a - b)
  const count = ranked.filter((row) => drawOf(row) < share).length
  return ranked.slice(0, Math.min(rows.length - 1, Math.max(1, count)))
}

/** Exemplars at most, unless {@link EXEMPLAR_SHARE} of the rows is more. */
const EXEMPLARS = 2000
const EXEMPLAR_SHARE = 0.05

/** Old rows to rehearse: as many of each class, 2,000 or 5 % of all in number, whichever is more. */
export function chooseExemplars(dataset: Dataset, seed: number): Dataset {
  const most = Math.max(EXEMPLARS, Math.ceil(samples(dataset) * EXEMPLAR_SHARE))
  return evenly(dataset, most, randomStream(seed, 'update/exemplars'))
}

/** At most so many rows, as many of each class, one at least; all of them where they are no more. */
export function evenly(dataset: Dataset, most: number, random: RandomStream): Dataset {
  if (samples(dataset) <= most) return dataset
  const classes = new Set(classLabels(dataset)).size
  const perClass = Math.max(1, Math.floor(most / classes))
  return subset(dataset, chooseBalanced(dataset, perClass, random).sort())
}
