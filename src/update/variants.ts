import { findHead } from '../model/heads/index.ts'
import { present } from '../required.ts'
import { type ClosedFormKind, closedForms, type Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** One way to try a rung: at a learning rate, or in a closed form. */
export type Variant = { readonly rate: number } | { readonly kind: ClosedFormKind }

export function variantsOf(
  { learningRate, widened }: UpdateOptions,
  { name, rates }: Rung,
): readonly Variant[] {
  if (name !== 'closed-form')
    return (learningRate === undefined ? rates : [learningRate]).map((rate) => ({ rate }))
  // Discriminants need an offset a class.
  const biased = findHead(widened)?.bias !== undefined
  return closedForms.filter((kind) => kind !== 'lda' || biased).map((kind) => ({ kind }))
}

/** The rate of a rung that trains by steps, the first where it has several. */
export const firstRate = (options: UpdateOptions, rung: Rung): number =>
  present(
    variantsOf(options, rung).flatMap((variant) => ('rate' in variant ? [variant.rate] : []))[0],
    'rate',
  )
