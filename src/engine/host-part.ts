import { dtypeOfCode } from '../onnx/codes.ts'
import type { Graph, Node, ValueInfo } from '../onnx/graph.ts'
import { namesRead, nodesBehind } from '../onnx/walk.ts'
import type { DType } from '../tensor/tensor.ts'

/** A graph in two: what the host computes before each run, and what a device is left with, which takes that in. */
export interface Parted {
  readonly host: Graph
  readonly device: Graph
}

/** Ops that change whole numbers by constants or by themselves. */
const counting: ReadonlySet<string> = new Set(['Add', 'BitShift', 'BitwiseOr', 'BitwiseXor', 'Cast', 'Mul'])
/** Ops that only move or cut what they are given first. */
const moving: ReadonlySet<string> = new Set(['Gather', 'Identity', 'Reshape', 'Slice', 'Squeeze'])
/** Ops that the host leaves alone where both sides come from a seed: from there on there are as many numbers as a mask has. */
const outer: ReadonlySet<string> = new Set(['Add', 'Mul'])

const whole: ReadonlySet<DType | undefined> = new Set(['uint32', 'uint64'])

/**
 * What a step's random bits are hashed from, taken out of the graph: whole numbers of 64 bits are what WebGPU does not have. It is a
 * function of a seed, one int64 that is fed, and of nothing else, of a few hundred numbers a mask; like a learning rate it is known before
 * the step. All that meets other values stays.
 *
 * @returns undefined where there is no such part.
 * @example
 * const parted = withoutHashing(graph)
 */
export function withoutHashing(graph: Graph): Parted | undefined {
  const seeds = new Set(
    graph.inputs
      .filter(
        ({ type, dims }) => type === 'int64' && dims?.every((dim) => typeof dim === 'string' || dim === 1),
      )
      .map(({ name }) => name),
  )
  const types = new Map<string, DType>([...seeds].map((name) => [name, 'int64']))
  const hashed: Node[] = []
  for (const node of graph.nodes) {
    const type = hashedType(node, types, (name) => graph.initializers.has(name))
    if (type === undefined) continue
    hashed.push(node)
    for (const name of node.outputs) types.set(name, type)
  }
  const own = new Set(hashed)
  const read = new Set([
    ...graph.nodes.filter((node) => !own.has(node)).flatMap(namesRead),
    ...graph.outputs.map(({ name }) => name),
  ])
  const made = hashed
    .flatMap(({ outputs }) => outputs)
    .filter((name) => read.has(name) && types.get(name) === 'uint32')
  if (made.length === 0) return undefined
  const outputs = made.map((name): ValueInfo => ({ name, type: 'uint32', dims: undefined }))
  const host = nodesBehind(hashed, made)
  const known = new Set(made)
  const wanted = graph.outputs.map(({ name }) => name)
  const device = nodesBehind(graph.nodes, wanted, (name) => known.has(name))
  const inputs = graph.inputs.filter(({ name }) => seeds.has(name) && host.read.has(name))
  const gone = new Set(inputs.map(({ name }) => name).filter((name) => !device.read.has(name)))
  return {
    host: {
      ...{ name: `${graph.name} (seeds)`, inputs, outputs, nodes: host.nodes },
      initializers: new Map([...graph.initializers].filter(([name]) => host.read.has(name))),
    },
    device: {
      ...graph,
      inputs: [...graph.inputs.filter(({ name }) => !gone.has(name)), ...outputs],
      nodes: device.nodes,
    },
  }
}

/** The type of what the node makes of seeds, where that is all that it does. */
function hashedType(
  { op, domain, inputs, attributes }: Node,
  types: ReadonlyMap<string, DType>,
  isConstant: (name: string) => boolean,
): DType | undefined {
  const [first, ...others] = inputs.filter((name) => !isConstant(name))
  const type = first === undefined ? undefined : types.get(first)
  if (domain !== '' || type === undefined || !others.every((name) => types.get(name) === type))
    return undefined
  if (moving.has(op)) return others.length === 0 && inputs[0] === first ? type : undefined
  if (!counting.has(op) || (outer.has(op) && others.length > 0)) return undefined
  if (op !== 'Cast') return type
  const to = dtypeOfCode(Number(attributes.to))
  return whole.has(to) ? to : undefined
}
