import { ModelError } from '../errors.ts'
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'

const standard = (domain = ''): string => (domain === 'ai.onnx' ? '' : domain)
const keyOf = (domain: string | undefined, op = '', overload = ''): string =>
  `${standard(domain)}:${op}:${overload}`

/**
 * The model's graph with the functions that the model defines itself put in place of the nodes that call them, functions
 * inside functions among them. What a call does not give stays left out; attributes are the call's, else the function's
 * defaults. Names of a function's inside get the call's name before them.
 *
 * @throws ModelError `function-cycle` for a function that calls itself, `function-too-large` where calls within calls come to
 * more nodes than any model has.
 */
export function withoutFunctions(graph: GraphProto, functions: ModelProto['functions']): GraphProto {
  if (functions.length === 0) return graph
  const table = new Map(functions.map((item) => [keyOf(item.domain, item.name, item.overload), item]))
  const names = uniqueNames(graph)
  return inlineGraph(graph, { table, names, open: [], count: { nodes: 0 } })
}

/** Operator sets that only functions import: their nodes are the graph's own afterwards. */
export function functionOpsets(functions: ModelProto['functions']): [domain: string, version: number][] {
  return functions.flatMap(({ opsetImport }) =>
    opsetImport.map(({ domain, version = 1n }): [string, number] => [standard(domain), Number(version)]),
  )
}

interface Inlining {
  readonly table: ReadonlyMap<string, FunctionProto>
  /** A name that nothing has yet, as near to the wish as can be. */
  readonly names: (wish: string) => string
  /** The functions that are being put in place, outermost first. */
  readonly open: readonly string[]
  /** Nodes that were put in so far. */
  readonly count: { nodes: number }
}

/** Functions double with every level that calls the one below twice: 30 levels of a few bytes make a billion nodes. */
const MOST_NODES = 100_000
const MOST_LEVELS = 64

function inlineGraph(graph: GraphProto, inlining: Inlining): GraphProto {
  return { ...graph, node: graph.node.flatMap((node) => inlineNode(node, inlining)) }
}

function inlineNode(node: NodeProto, inlining: Inlining): NodeProto[] {
  const key = keyOf(node.domain, node.opType, node.overload)
  const called = inlining.table.get(key)
  if (!called) {
    return [{ ...node, attribute: mapGraphs(node.attribute, (graph) => inlineGraph(graph, inlining)) }]
  }
  if (inlining.open.includes(key)) {
    throw new ModelError(
      'function-cycle',
      `Function "${called.name}" of domain "${called.domain ?? ''}" calls itself (${[...inlining.open, key].join(' -> ')}). The model is damaged.`,
    )
  }
  inlining.count.nodes += called.node.length
  if (inlining.count.nodes > MOST_NODES || inlining.open.length >= MOST_LEVELS) {
    throw new ModelError(
      'function-too-large',
      `Function "${called.name}" of domain "${called.domain ?? ''}": put in place of their calls, the model's functions make more than ${MOST_NODES} nodes or go more than ${MOST_LEVELS} levels deep. Export the model without functions.`,
    )
  }
  const inner = { ...inlining, open: [...inlining.open, key] }
  return bodyOf(node, called, inlining).flatMap((item) => inlineNode(item, inner))
}

/** The nodes of a function as one call wants them. */
function bodyOf(call: NodeProto, called: FunctionProto, { names }: Inlining): NodeProto[] {
  const prefix = names(call.name || called.name || 'function')
  const given = new Map(called.input.map((name, index) => [name, call.input[index] ?? '']))
  const renamed = new Map([['', ''], ...given])
  const passed: [from: string, to: string][] = []
  called.output.forEach((name, index) => {
    const wanted = call.output[index] ?? ''
    if (wanted === '') return
    if (renamed.has(name)) passed.push([name, wanted])
    else renamed.set(name, wanted)
  })
  const rename = (name: string): string => {
    const known = renamed.get(name)
    if (known !== undefined) return known
    const fresh = names(`${prefix}/${name}`)
    renamed.set(name, fresh)
    return fresh
  }
  const attributes = new Map(
    [...called.attributeProto, ...call.attribute].map((attribute) => [nameOf(attribute), attribute]),
  )
  const nodes = called.node.map((node) => renameNode(node, { prefix, rename, attributes }))
  const identities = passed.map(
    ([from, to]): NodeProto => ({
      ...call,
      opType: 'Identity',
      domain: '',
      overload: '',
      name: `${prefix}/${to}`,
      input: [rename(from)],
      output: [to],
      attribute: [],
    }),
  )
  return [...nodes, ...identities]
}

interface Renaming {
  readonly prefix: string
  readonly rename: (name: string) => string
  /** What attributes of the function stand for. */
  readonly attributes: ReadonlyMap<string, AttributeProto>
}

function renameNode(node: NodeProto, renaming: Renaming): NodeProto {
  const { prefix, rename, attributes } = renaming
  const resolved = node.attribute.flatMap((attribute): AttributeProto[] => {
    if (!attribute.refAttrName) return [attribute]
    const value = attributes.get(attribute.refAttrName)
    return value ? [{ ...value, name: attribute.name }] : []
  })
  return {
    ...node,
    name: node.name ? `${prefix}/${node.name}` : prefix,
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: mapGraphs(resolved, (graph) => renameGraph(graph, renaming)),
  }
}

function renameGraph(graph: GraphProto, renaming: Renaming): GraphProto {
  const named = <T extends { name?: string | undefined }>(item: T): T => ({
    ...item,
    name: renaming.rename(nameOf(item)),
  })
  return {
    ...graph,
    input: graph.input.map(named),
    output: graph.output.map(named),
    initializer: graph.initializer.map(named),
    node: graph.node.map((node) => renameNode(node, renaming)),
  }
}

function mapGraphs(
  attributes: readonly AttributeProto[],
  change: (graph: GraphProto) => GraphProto,
): AttributeProto[] {
  return attributes.map((attribute) =>
    attribute.g && !attribute.refAttrName ? { ...attribute, g: change(attribute.g) } : attribute,
  )
}

/** Names beside those that the graph and its subgraphs have. */
function uniqueNames(graph: GraphProto): (wish: string) => string {
  const used = new Set<string>()
  const collect = ({ input, output, initializer, node }: GraphProto): void => {
    for (const { name = '' } of [...input, ...output, ...initializer]) used.add(name)
    for (const item of node) {
      for (const name of [...item.input, ...item.output]) used.add(name)
      for (const { g } of item.attribute) if (g) collect(g)
    }
  }
  collect(graph)
  /** The number last put behind a wish. */
  const last = new Map<string, number>()
  return (wish) => {
    let name = wish
    let count = last.get(wish) ?? 0
    while (used.has(name)) name = `${wish}_${++count}`
    last.set(wish, count)
    used.add(name)
    return name
  }
}
