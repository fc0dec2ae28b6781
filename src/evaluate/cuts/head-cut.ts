import { expansionOf, type Head, readingTrunk, requireHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import type { Place } from './cut.ts'

/**
 * The place right below the head and any random features before it: what these are made of. It needs no data, and so says nothing of sizes but for those that the head
 * tells.
 *
 * @throws ModelError `head-missing`, `head-tied`.
 * @example
 * const head = modelAbove(model, headCut(model))
 */
export function headCut(model: Model): Place {
  const head = readingTrunk(model, requireHead(model))
  return { values: [head.features], types: ['float32'], dims: [featureDims(model, head)] }
}

function featureDims(model: Model, { op, weight, classAxis }: Head): readonly number[] | undefined {
  const width = expansionOf(model)?.weight.dims[0] ?? model.parameters.get(weight)?.dims[1 - classAxis]
  return op === 'Gemm' && width !== undefined ? [width] : undefined
}
