import type { Model } from '../../model/model.ts'
import type { Node } from '../../onnx/graph.ts'
import { namesRead, nodesBehind } from '../../onnx/walk.ts'
import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import type { UnweighedCut } from './cut.ts'
import type { Sizes } from './sizes.ts'

/**
 * One cut between two layers with weights: the one with the fewest values, of those with as many the last. A Dropout stays
 * above, where it drops in training; a bias and a norm stay with the layer that they belong to.
 *
 * @param cuts From the input to the head.
 */
export function oneEach(
  cuts: readonly UnweighedCut[],
  model: Model,
  { built: { values } }: Sizes,
): readonly UnweighedCut[] {
  const first = (cut: UnweighedCut) => itemAt(cut.values, 0, 'value of the cut')
  const seen = new Set<string | undefined>()
  const chosen = new Map<number, UnweighedCut>()
  for (const cut of cuts) {
    // What passes its input on, as a Dropout does outside training, is the same value by another name.
    const value = values.get(first(cut))?.name
    if (seen.has(value) || belongsToNext(model, first(cut))) continue
    seen.add(value)
    const between = cut.above.parameters.length
    const earlier = chosen.get(between)
    const better =
      !earlier ||
      cut.floats < earlier.floats ||
      (cut.floats === earlier.floats && dropouts(model, first(cut)) === dropouts(model, first(earlier)))
    if (better) chosen.set(between, cut)
  }
  return [...chosen.values()]
}

const dropouts = ({ graph }: Model, value: string): number =>
  nodesBehind(graph.nodes, [value]).nodes.filter(({ op }) => op === 'Dropout').length

/** Whether all that reads a value is a norm, or the sum or product with a vector: a bias, a norm's scale. */
function belongsToNext({ graph, parameters }: Model, value: string): boolean {
  const readers = graph.nodes.filter((node) => namesRead(node).includes(value))
  const [reader] = readers
  if (!reader || readers.length > 1) return false
  return (
    isNorm(reader) || (reader.op === 'Add' && reader.inputs.some((name) => isVector(parameters.get(name))))
  )
}

const isNorm = ({ op }: Node): boolean => op.endsWith('Normalization')

const isVector = (tensor: { readonly dims: readonly number[] } | undefined): boolean =>
  tensor !== undefined && Math.max(1, ...tensor.dims) === sizeOf(tensor.dims)
