import { graphCost } from '../../autodiff/graph-cost.ts'
import { HoldfastError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { nodesBehind } from '../../onnx/walk.ts'
import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import { aboveOf, nearestTo, sidesOf } from './above.ts'
import type { Cut, Place, UnweighedCut } from './cut.ts'
import { type Flow, flowOf, narrows, readsDims, valuesRead } from './flow.ts'
import { oneEach } from './one-each.ts'
import { type Sizes, sizesOf } from './sizes.ts'
import { standIns } from './stand-ins.ts'

/**
 * The places where a model can be taken apart for rows of given dims, from the input to the head: everything that the
 * logits depend on of a row passes there, there are weights above and below, and none on both sides. One place between two
 * layers with weights, the one with the fewest values. None where the model cannot be specialised.
 *
 * @param rowDims Of a row of the data, [3, 32, 32] say.
 * @example
 * for (const { values, floats, above } of cutsOf(model, [3, 32, 32])) console.log(values[0], floats, above.elements)
 */
export function cutsOf(model: Model, rowDims: readonly number[]): readonly Cut[] {
  try {
    return foundCuts(model, rowDims)
  } catch (problem) {
    if (problem instanceof HoldfastError) return []
    throw problem
  }
}

function foundCuts(model: Model, rowDims: readonly number[]): readonly Cut[] {
  const flow = flowOf(model, rowDims)
  const places = narrows(model.graph, model.output, flow)
  const sizes = sizesOf(model, rowDims, namesToSize(model, flow, places))
  const parted = places.flatMap((value) => partAt({ model, rowDims, flow, sizes, value }) ?? [])
  const chosen = oneEach(parted, model, sizes)
  const work = workBelow(chosen, sizes)
  return chosen.map(({ above, below, ...place }, at) => ({
    ...place,
    above: { ...above, work: work.all - itemAt(work.below, at, 'place') },
    below: { ...below, work: itemAt(work.below, at, 'place') },
  }))
}

/** All whose dims may be asked: places, what may be read beside them, and what follows from dims alone. */
function namesToSize({ graph, output }: Model, { varying, learned }: Flow, places: readonly string[]) {
  const { nodes, read } = nodesBehind(graph.nodes, [output])
  const beside = [...read].filter((name) => varying.has(name) && !learned.has(name))
  const dims = nodes.filter(readsDims).flatMap(({ outputs }) => outputs)
  const inputs = graph.inputs.flatMap(({ name }) => (read.has(name) ? [name] : []))
  return [...new Set([...places, ...beside, ...dims, ...inputs])]
}

interface Asked {
  readonly model: Model
  readonly rowDims: readonly number[]
  readonly flow: Flow
  readonly sizes: Sizes
  readonly value: string
}

/** The cut at a value with what has to be read beside it, if there is one. */
function partAt({ model, rowDims, flow, sizes, value }: Asked): UnweighedCut | undefined {
  const { graph, output } = model
  const size = (name: string) => {
    const row = sizes.row(name)
    return row ? sizeOf(row.dims) : Number.POSITIVE_INFINITY
  }
  const sides = sidesOf(graph, output, flow, value)
  const values = [value, ...nearestTo(model.input.name, sides, graph, flow, size)]
  const rows = values.flatMap((name) => sizes.row(name) ?? [])
  if (rows.length < values.length) return undefined
  const place = { values, types: rows.map(({ type }) => type), dims: rows.map(({ dims }) => dims), rowDims }
  const above = aboveOf(graph, output, new Set(values))
  const below = nodesBehind(graph.nodes, values, () => false, valuesRead).read
  const side = (read: ReadonlySet<string>) => {
    const parameters = [...model.parameters].filter(([name]) => read.has(name))
    return {
      parameters: parameters.map(([name]) => name),
      elements: parameters.reduce((sum, [, { data }]) => sum + data.length, 0),
    }
  }
  const sided = { above: side(above.read), below: side(below) }
  const tied = sided.above.parameters.some((name) => below.has(name))
  if (tied || sided.above.elements === 0 || sided.below.elements === 0) return undefined
  if (!standIns(above, sizes, { input: value, batch: undefined })) return undefined
  return { ...place, floats: rows.reduce((sum, { dims }) => sum + sizeOf(dims), 0), ...sided }
}

/** Multiply-adds a row forward: of all, and of what is below each cut. */
function workBelow(cuts: readonly Place[], { built: { builder, rows, logits, values } }: Sizes) {
  const wanted = cuts.map((cut) =>
    cut.values.flatMap((name) => {
      const value = values.get(name)
      return value ? [builder.output(value, `cut/${name}`).name] : []
    }),
  )
  const output = builder.output(logits, 'logits').name
  const graph = builder.finish('forward')
  const { nodeFlops } = graphCost(graph)
  const work = new Map(graph.nodes.map((node, at) => [node, itemAt(nodeFlops, at, 'node') / (2 * rows)]))
  const done = new Set<string>()
  let sum = 0
  const until = (names: readonly string[]): number => {
    for (const node of nodesBehind(graph.nodes, names, (name) => done.has(name)).nodes) {
      sum += work.get(node) ?? 0
      for (const name of node.outputs) done.add(name)
    }
    return sum
  }
  const below = wanted.map(until)
  return { below, all: until([output]) }
}
