import type { Graph, Node } from '../../onnx/graph.ts'
import { nodesBehind } from '../../onnx/walk.ts'
import { type Flow, readsDims, valuesRead } from './flow.ts'

/** What of a graph lies between some values and the logits. */
export interface Above {
  /** In order. */
  readonly nodes: readonly Node[]
  /** Every name of which they read the value. */
  readonly read: ReadonlySet<string>
  /** Nodes among them that tell the dims of a value that is not above: of the input, say. */
  readonly dims: readonly Node[]
  /** Inputs of the graph that they read. */
  readonly inputs: readonly string[]
}

/** @param from Values that are given. */
export function aboveOf(graph: Graph, output: string, from: ReadonlySet<string>): Above {
  const { nodes, read } = nodesBehind(graph.nodes, [output], (name) => from.has(name), valuesRead)
  const given = new Set([...from, ...graph.initializers.keys(), ...nodes.flatMap(({ outputs }) => outputs)])
  return {
    nodes,
    read,
    dims: nodes.filter((node) => readsDims(node) && !node.inputs.every((name) => given.has(name))),
    inputs: graph.inputs.flatMap(({ name }) => (read.has(name) && !from.has(name) ? [name] : [])),
  }
}

/** Values beside the learned one that are read above it, and depend on the input, but on no parameter. */
export function sidesOf(
  graph: Graph,
  output: string,
  { varying, learned }: Flow,
  value: string,
): readonly string[] {
  const isSide = (name: string) => varying.has(name) && !learned.has(name)
  const stop = (name: string) => name === value || isSide(name)
  return [...nodesBehind(graph.nodes, [output], stop, valuesRead).read].filter(isSide)
}

/**
 * The values, nearer to the input, that these are made of, where they are no larger: a mask of one number a token in place
 * of one for each pair. The input itself is taken only where it is smaller.
 *
 * @param size Of a row; infinite for what cannot be cut.
 */
export function nearestTo(
  input: string,
  names: readonly string[],
  { nodes }: Graph,
  { varying }: Flow,
  size: (name: string) => number,
): readonly string[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const total = (all: readonly string[]) => all.reduce((sum, name) => sum + size(name), 0)
  let chosen = names
  for (let next: readonly string[] | undefined = chosen; next; ) {
    chosen = next
    next = [...chosen]
      .sort((a, b) => size(b) - size(a))
      .flatMap((name) => {
        const producer = producers.get(name)
        if (!producer) return []
        const parents = valuesRead(producer).filter((parent) => varying.has(parent))
        const others = chosen.filter((other) => !producer.outputs.includes(other))
        const candidate = [...new Set([...others, ...parents])]
        const [was, is] = [total(chosen), total(candidate)]
        return is < was || (is === was && !parents.includes(input)) ? [candidate] : []
      })[0]
  }
  return chosen
}
