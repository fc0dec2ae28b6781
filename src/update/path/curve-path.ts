import type { Engine } from '../../engine/engine.ts'
import { ModelError } from '../../errors.ts'
import { findHead, type Head, widenHead, withOldHead } from '../../model/heads/index.ts'
import type { ReadBack } from '../../model/import/index.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import { sameDims, type Tensor } from '../../tensor/tensor.ts'
import { type Blend, openBlend } from './blend.ts'

/**
 * Opens the path between the weights of two models of one graph. Rows of the head that only the second has are the second's at
 * every point.
 *
 * @param stored Weights as the second model's file gives them back: points are then those that it can hold. Default as they are.
 * @throws ModelError `curve-graphs`, `curve-classes`.
 * @example
 * const path = await openPath(engine, before, after)
 * const middle = await path.at(0.5)
 */
export async function openPath(engine: Engine, from: Model, to: Model, stored?: ReadBack): Promise<Blend> {
  const end = weightsOf(to)
  const added = addedClasses(from, to)
  const head = findHead(to)
  const wide = added.length > 0 ? widenHead(from, { classes: added }) : from
  const start = weightsOf(wide)
  checkSame(start, end, from, to)
  const blend = await openBlend(
    engine,
    head && added.length > 0 ? withNewHead(head, start, end, from) : start,
    end,
  )
  return stored ? { ...blend, at: async (alpha) => stored(await blend.at(alpha)) } : blend
}

/** `start` with the rows of the head that only `end` has, which are at the same places in both. */
function withNewHead(
  head: Head,
  start: ReadonlyMap<string, Tensor>,
  end: ReadonlyMap<string, Tensor>,
  { classes }: Model,
): ReadonlyMap<string, Tensor> {
  const mixed = withOldHead(head, end, start, classes.length)
  return new Map(
    [...start].map(([name, tensor]) => [
      name,
      name === head.weight || name === head.bias ? (mixed.get(name) ?? tensor) : tensor,
    ]),
  )
}

/**
 * Classes that the second model has behind those of the first.
 *
 * @throws ModelError `curve-classes`.
 */
export function addedClasses(from: Model, to: Model): readonly string[] {
  const odd = from.classes.findIndex((name, unit) => to.classes[unit] !== name)
  if (odd >= 0) {
    throw new ModelError(
      'curve-classes',
      `Class ${odd} is "${from.classes[odd]}" in the first model and "${to.classes[odd] ?? 'none'}" in the second: a path needs the second to have the first's classes, in their order, and may only add some behind them.`,
    )
  }
  return to.classes.slice(from.classes.length)
}

function checkSame(
  start: ReadonlyMap<string, Tensor>,
  end: ReadonlyMap<string, Tensor>,
  from: Model,
  to: Model,
): void {
  const dims = (tensor: Tensor | undefined) => (tensor ? `[${tensor.dims}]` : 'missing')
  const odd = [...new Set([...start.keys(), ...end.keys()])].find((name) => {
    const [a, b] = [start.get(name), end.get(name)]
    return !a || !b || !sameDims(a.dims, b.dims)
  })
  const ops = (model: Model) => model.graph.nodes.map(({ op }) => op).join()
  if (odd === undefined && ops(from) === ops(to)) return
  throw new ModelError(
    'curve-graphs',
    `${odd === undefined ? 'The nodes of the two graphs differ' : `"${odd}" is ${dims(start.get(odd))} in the first model and ${dims(end.get(odd))} in the second`}: between models of different graphs there is no path. Give a model and its update.`,
  )
}
