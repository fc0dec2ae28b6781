import { type Head, requireHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import type { Place } from './cut.ts'

/**
 * The place right below the head: its features. It needs no data, and so says nothing of sizes but for those that the head
 * tells.
 *
 * @throws ModelError `head-missing`, `head-tied`.
 * @example
 * const head = modelAbove(model, headCut(model))
 */
export function headCut(model: Model): Place {
  const head = requireHead(model)
  return { values: [head.features], types: ['float32'], dims: [featureDims(model, head)] }
}

function featureDims({ parameters }: Model, { op, weight, classAxis }: Head): readonly number[] | undefined {
  const width = parameters.get(weight)?.dims[1 - classAxis]
  return op === 'Gemm' && width !== undefined ? [width] : undefined
}
