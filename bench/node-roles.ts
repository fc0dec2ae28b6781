import type { Graph, Node } from '../src/onnx/graph.ts'
import { namesRead, nodesBehind, subgraphsOf } from '../src/onnx/walk.ts'

const products = new Set([
  ...[
    'Conv',
    'ConvTranspose',
    'Einsum',
    'FusedConv',
    'FusedGemm',
    'FusedMatMul',
    'Gemm',
    'GRU',
    'LSTM',
    'MatMul',
  ],
  'RNN',
])
const layout = new Set([
  ...[
    'Cast',
    'Concat',
    'Expand',
    'Gather',
    'GatherElements',
    'GatherND',
    'Identity',
    'Pad',
    'Reshape',
    'Slice',
    'Split',
  ],
  ...['Squeeze', 'Transpose', 'Unsqueeze', 'MemcpyToHost', 'Flatten', 'ReorderInput', 'ReorderOutput'],
])
const reductions =
  /^(Simplified|Skip)*LayerNormalization$|^(Log)?Softmax$|^Reduce|^BatchNormalization$|Pool$|^Scatter/
const loops = new Set(['Scan', 'Loop', 'If'])

/** What each node of a step is there for, by its name: `forward`, `backward`, `optimiser`, with what kind of work it is behind it. */
export function rolesOf(graph: Graph): ReadonlyMap<string, string> {
  const roles = new Map<string, string>()
  const body = stepOf(graph)
  const updating = updates(body)
  const forward = new Set(nodesBehind(body.nodes, lossesOf(body)).nodes)
  const visit = ({ nodes }: Graph, part: (node: Node) => string): void => {
    for (const node of nodes) {
      roles.set(node.name, `${part(node)} ${kindOf(node)}`)
      for (const inner of subgraphsOf(node)) visit(inner, inner === body ? partOf : () => part(node))
    }
  }
  const partOf = (node: Node): string =>
    forward.has(node) ? 'forward' : updating.has(node) ? 'optimiser' : 'backward'
  visit(graph, body === graph ? partOf : () => 'outside')
  return roles
}

export function kindOf({ op }: Pick<Node, 'op'>): string {
  if (loops.has(op)) return 'loop'
  if (products.has(op)) return 'products'
  if (layout.has(op)) return 'layout'
  return reductions.test(op) ? 'reductions' : 'element-wise'
}

/** The largest body of a `Scan`, which is the step; the graph itself where it has none. */
function stepOf(graph: Graph): Graph {
  const bodies = graph.nodes.filter(({ op }) => op === 'Scan').flatMap(subgraphsOf)
  return bodies.sort((a, b) => b.nodes.length - a.nodes.length)[0] ?? graph
}

const lossesOf = ({ outputs }: Graph): readonly string[] =>
  outputs.flatMap(({ name, dims }) => (dims?.length === 0 || /stacked|loss/.test(name) ? [name] : []))

/** Nodes whose results go nowhere but into the new state, by element-wise work and moving alone. */
function updates(graph: Graph): ReadonlySet<Node> {
  const found = new Set<Node>()
  const elsewhere = new Set(lossesOf(graph))
  for (const node of [...graph.nodes].reverse()) {
    const kind = kindOf(node)
    const only = node.outputs.every((name) => !elsewhere.has(name))
    if (only && (kind === 'element-wise' || kind === 'layout')) found.add(node)
    else for (const name of namesRead(node)) elsewhere.add(name)
  }
  return found
}
