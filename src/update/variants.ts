import { expansionOf, findHead } from '../model/heads/index.ts'
import { present } from '../required.ts'
import type { ClosedFormKind, Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** One way to try a rung: at a learning rate, or in a closed form. */
export type Variant = { readonly rate: number } | { readonly kind: ClosedFormKind }

export function variantsOf(options: UpdateOptions, { name, rates }: Rung): readonly Variant[] {
  const { learningRate } = options
  if (name === 'closed-form') return formsFor(options).map((kind) => ({ kind }))
  return (learningRate === undefined ? rates : [learningRate]).map((rate) => ({ rate }))
}

/**
 * Random features tell old classes apart better than the trained head where the sums are of all old rows (RanPAC: McDonnell et al. 2023):
 * then all rows are worked out. On features as they are the trained rows are the better ones (`bench/update-cifar.ts --sums`).
 */
function formsFor({ widened, data }: UpdateOptions): readonly ClosedFormKind[] {
  const regression = data.sums && expansionOf(widened) ? 'ridge-all' : 'ridge'
  // Discriminants need an offset a class.
  return findHead(widened)?.bias === undefined ? [regression] : [regression, 'lda']
}

/** The rate of a rung that trains by steps, the first where it has several. */
export const firstRate = (options: UpdateOptions, rung: Rung): number =>
  present(
    variantsOf(options, rung).flatMap((variant) => ('rate' in variant ? [variant.rate] : []))[0],
    'rate',
  )
