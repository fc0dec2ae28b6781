import { GraphBuilder } from '../../autodiff/builder.ts'
import { asStored } from '../../data/dataset.ts'
import { bindInputs } from '../../model/inputs.ts'
import type { Model } from '../../model/model.ts'
import type { Graph, Node } from '../../onnx/graph.ts'
import { namesRead, nodesBehind } from '../../onnx/walk.ts'

/** What the values of a graph depend on. */
export interface Flow {
  /** Names of the values that differ from row to row. */
  readonly varying: ReadonlySet<string>
  /** Those of them that depend on a parameter, too. */
  readonly learned: ReadonlySet<string>
}

/** Any id will do: what is asked is whether a value depends on the rows, not which it is. */
export const anyPreprocessing = { ...asStored, pad: 0 }

/**
 * @param rowDims Of a row of the data. Without them every input of the graph counts as varying.
 */
export function flowOf(model: Model, rowDims: readonly number[] | undefined): Flow {
  const varying = new Set(
    rowDims ? varyingInputs(model, rowDims) : model.graph.inputs.map(({ name }) => name),
  )
  const weighted = new Set(model.parameters.keys())
  for (const node of model.graph.nodes) {
    const reads = valuesRead(node)
    for (const set of [varying, weighted]) {
      if (!reads.some((name) => set.has(name))) continue
      for (const name of node.outputs) if (name !== '') set.add(name)
    }
  }
  return { varying, learned: new Set([...varying].filter((name) => weighted.has(name))) }
}

/** Inputs that are not the same for every row, as token types and positions are. */
function varyingInputs(model: Model, rowDims: readonly number[]): readonly string[] {
  const builder = new GraphBuilder()
  const stored = builder.input('rows', { type: model.input.type, dims: [1, ...rowDims] })
  const bound = bindInputs(builder, model, { stored, preprocessing: anyPreprocessing })
  return [...bound].flatMap(([name, { constant }]) => (constant ? [] : [name]))
}

/** Whether a node tells the dims of what it reads, and nothing of its values. */
export const readsDims = ({ op, domain }: Node): boolean => domain === '' && (op === 'Shape' || op === 'Size')

/** The names of which a node reads the values. */
export const valuesRead = (node: Node): readonly string[] => (readsDims(node) ? [] : namesRead(node))

/**
 * The learned values on every way from the input to the logits, in order: no value that comes before one of them is read
 * by a node behind it.
 */
export function narrows({ nodes }: Graph, output: string, { learned }: Flow): readonly string[] {
  const { nodes: live, read } = nodesBehind(nodes, [output], () => false, valuesRead)
  const places = new Map<string, number>()
  /** The furthest place that each place leads to; -1 is the input. */
  const leads: number[] = []
  let first = -1
  for (const node of live) {
    const sources = valuesRead(node).flatMap((name) => places.get(name) ?? [])
    for (const name of node.outputs) {
      if (!learned.has(name) || !read.has(name)) continue
      const place = places.size
      places.set(name, place)
      leads.push(place)
      for (const source of sources) leads[source] = place
      if (sources.length === 0) first = place
    }
  }
  let furthest = first
  return [...places].flatMap(([name, place]) => {
    const narrow = furthest <= place
    furthest = Math.max(furthest, leads[place] ?? place)
    return narrow ? [name] : []
  })
}
