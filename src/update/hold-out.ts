import { classLabels, type Dataset, samples, subset } from '../data/dataset.ts'
import { chooseBalanced } from '../data/memory/index.ts'
import { randomStream } from '../tensor/random.ts'

/**
 * Holds out a share of each class, at least one row where a class has two.
 *
 * @param share In 0..1.
 */
export function holdOut(
  dataset: Dataset,
  share: number,
  seed: number,
): { readonly rest: Dataset; readonly heldOut: Dataset } {
  const random = randomStream(seed, 'update/hold out')
  const byClass = new Map<number, number[]>()
  for (const [row, label] of classLabels(dataset).entries()) {
    const members = byClass.get(label)
    if (members) members.push(row)
    else byClass.set(label, [row])
  }
  const held = new Set(
    [...byClass.values()].flatMap((members) => {
      const count = Math.min(members.length - 1, Math.max(1, Math.round(members.length * share)))
      return random.shuffle(members).slice(0, count)
    }),
  )
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

/** Exemplars at most, unless {@link EXEMPLAR_SHARE} of the rows is more. */
const EXEMPLARS = 2000
const EXEMPLAR_SHARE = 0.05

/** Old rows to rehearse: as many of each class, 2,000 or 5 % of all in number, whichever is more. */
export function chooseExemplars(dataset: Dataset, seed: number): Dataset {
  const most = Math.max(EXEMPLARS, Math.ceil(samples(dataset) * EXEMPLAR_SHARE))
  if (samples(dataset) <= most) return dataset
  const classes = new Set(classLabels(dataset)).size
  const perClass = Math.max(1, Math.floor(most / classes))
  return subset(dataset, chooseBalanced(dataset, perClass, randomStream(seed, 'update/exemplars')).sort())
}
