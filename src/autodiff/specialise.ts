import { ModelError, UnsupportedOpError } from '../errors.ts'
import type { Graph, Node, ValueInfo } from '../onnx/graph.ts'
import { attributeReader } from '../ops/attributes.ts'
import { emitterNamed } from '../ops/composite.ts'
import { compositeOf } from '../ops/composite-table.ts'
import { CANONICAL_OPSET, type Upgraded, type Value } from '../ops/define.ts'
import { nodeLabel } from '../ops/shapes.ts'
import { opTable } from '../ops/table.ts'
import { sameDims, sizeOf } from '../tensor/tensor.ts'
import type { GraphBuilder } from './builder.ts'
import { batchNormalization, constantOf, dropout } from './special-nodes.ts'

export interface SpecialiseOptions {
  /**
   * Whether batch normalisation takes the batch's own statistics and Dropout drops. Default false: both as at
   * inference, whatever mode the model was exported in.
   */
  readonly training?: boolean
  /** One int64 that differs from step to step. Needed when a Dropout node is to drop. */
  readonly dropoutSeed?: Value
  /** Values of the graph to compute, by name; default its outputs. Any value inside the graph will do. */
  readonly outputs?: readonly string[]
}

export interface Specialised {
  /** By the name they have in the graph. */
  readonly outputs: ReadonlyMap<string, Value>
  /** In training: running statistics after this batch, by the name of the buffer they replace. */
  readonly buffers: ReadonlyMap<string, Value>
}

/**
 * Replays a graph in `builder` for concrete dims: what is constant is folded, every value is shaped, nodes of older
 * opsets are brought to the canonical one, and only what the outputs need is emitted. Initialisers become constants;
 * one that is bound by name becomes that value instead, so a parameter may come from anywhere.
 *
 * @param bindings The graph's inputs, and its parameters and buffers, by name.
 * @throws ModelError `binding-missing`, `binding-mismatch`; and what the shape rules throw.
 * @throws UnsupportedOpError `unknown-op`, `foreign-domain`, naming the node.
 * @example
 * const x = builder.input('x', { type: 'float32', dims: [64, 784] })
 * const { outputs } = specialise(builder, model.graph, model.opsets, new Map([['x', x], ...parameters]))
 */
export function specialise(
  builder: GraphBuilder,
  graph: Graph,
  opsets: Readonly<Record<string, number>>,
  bindings: ReadonlyMap<string, Value>,
  options: SpecialiseOptions = {},
): Specialised {
  const wanted = options.outputs ?? graph.outputs.map((output) => output.name)
  const values = new Map<string, Value>(bindings)
  const buffers = new Map<string, Value>()
  const live = liveNodes(graph, wanted, bindings)
  for (const input of graph.inputs) checkInput(graph, input, bindings, live)
  const read = (name: string, reader: string): Value => {
    const known = values.get(name)
    if (known) return known
    const tensor = graph.initializers.get(name)
    if (!tensor) throw missing(graph, name, reader, bindings)
    const value = builder.constant(tensor)
    values.set(name, value)
    return value
  }
  const opset = opsets[''] ?? CANONICAL_OPSET
  const source = aliases(graph)
  for (const [index, node] of live) {
    const label = nodeLabel(node)
    const inputs = node.inputs.map((name) => (name === '' ? undefined : read(name, label)))
    const replayed = replay({ builder, node, index, inputs, opset, options })
    node.outputs.forEach((name, at) => {
      const value = replayed.outputs[at]
      if (name !== '' && value) values.set(name, value)
    })
    for (const [at, value] of replayed.buffers ?? []) buffers.set(source(node.inputs[at] ?? ''), value)
  }
  return {
    outputs: new Map(wanted.map((name) => [name, read(name, 'an output of the graph')])),
    buffers,
  }
}

interface Replay {
  readonly builder: GraphBuilder
  readonly node: Node
  /** The node's place in the graph, which tells two Dropouts apart. */
  readonly index: number
  readonly inputs: readonly (Value | undefined)[]
  readonly opset: number
  readonly options: SpecialiseOptions
}

interface Replayed {
  readonly outputs: readonly (Value | undefined)[]
  /** New running statistics by the place of the input that they replace. */
  readonly buffers?: ReadonlyMap<number, Value>
}

function replay({ builder, node, index, inputs: given, opset, options }: Replay): Replayed {
  const composite = node.domain === '' && opTable.has(node.op) ? undefined : compositeOf(node.domain, node.op)
  if (composite) {
    const { op, domain, name } = node
    const attributes = attributeReader(node.attributes, nodeLabel(node))
    const emit = emitterNamed(builder, name)
    return {
      outputs: composite.expand({
        emit,
        op,
        domain,
        name,
        inputs: given,
        attributes,
        outputs: countOf(node),
      }),
    }
  }
  if (node.domain !== '') throw foreign(node)
  if (node.op === 'Constant') return { outputs: [builder.constant(constantOf(node))] }
  if (node.op === 'Dropout') {
    return { outputs: dropout({ builder, node, inputs: given, index, ...options }) }
  }
  const upgrade = opset < CANONICAL_OPSET ? opTable.get(node.op)?.upgrade : undefined
  const upgraded: Upgraded = upgrade
    ? upgrade({
        attributes: node.attributes,
        inputs: given,
        opset,
        emit: builder,
        outputs: node.outputs.length,
      })
    : { inputs: given, attributes: node.attributes }
  const { inputs, attributes } = upgraded
  if (node.op === 'BatchNormalization') {
    return batchNormalization(builder, { ...node, attributes }, inputs, options.training ?? false)
  }
  const added = builder.add({ op: node.op, inputs, count: countOf(node), attributes, name: node.name })
  const outputs = upgraded.outputs?.(added) ?? added
  const [x] = inputs
  const [y] = outputs
  // A reshape to the dims that are there would cost a copy in every step. Left unread, its node is dropped.
  const idle = x && y && movesNothing.has(node.op) && sameDims(x.dims, y.dims)
  return { outputs: idle ? [x] : outputs }
}

/** How many outputs a node has, up to the last one that is named. */
const countOf = (node: Node): number => node.outputs.findLastIndex((name) => name !== '') + 1

const movesNothing: ReadonlySet<string> = new Set([
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
])

/** The nodes that `wanted` depends on, with their places in the graph. What is bound needs no node. */
function liveNodes(
  graph: Graph,
  wanted: readonly string[],
  bindings: ReadonlyMap<string, Value>,
): [index: number, node: Node][] {
  const needed = new Set(wanted.filter((name) => !bindings.has(name)))
  const live: [number, Node][] = []
  for (const [index, node] of [...graph.nodes.entries()].reverse()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue
    live.push([index, node])
    for (const name of node.inputs) if (!bindings.has(name)) needed.add(name)
  }
  return live.reverse()
}

/** The name behind any Identity nodes: exporters let equal tensors share one initialiser that way. */
function aliases(graph: Graph): (name: string) => string {
  const behind = new Map(
    graph.nodes.flatMap(({ op, inputs: [from], outputs: [to] }) =>
      op === 'Identity' && from !== undefined && to !== undefined ? [[to, from]] : [],
    ),
  )
  return (name) => {
    let source = name
    for (let next = behind.get(source); next !== undefined; next = behind.get(source)) source = next
    return source
  }
}

/**
 * A batch may have another size than the model was exported with, and a flat batch may come as images; but a sample
 * has the number of elements that the model says.
 */
function checkInput(
  graph: Graph,
  input: ValueInfo,
  bindings: ReadonlyMap<string, Value>,
  live: readonly (readonly [number, Node])[],
): void {
  const bound = bindings.get(input.name)
  if (!bound) {
    if (!live.some(([, node]) => node.inputs.includes(input.name))) return
    throw missing(graph, input.name, 'a graph input', bindings)
  }
  const sample = input.dims?.slice(1)
  const known = sample?.every((dim) => typeof dim === 'number')
  const sizesDiffer = known && sizeOf(sample?.map(Number) ?? []) !== sizeOf(bound.dims.slice(1))
  if (bound.type !== input.type || sizesDiffer) {
    throw new ModelError(
      'binding-mismatch',
      `Input "${input.name}" of graph "${graph.name}" is ${input.type}[${input.dims ?? 'any'}], but was bound to ${bound.type}[${bound.dims}]. Samples lie along the first axis; check how the data was prepared.`,
    )
  }
}

function missing(
  graph: Graph,
  name: string,
  reader: string,
  bindings: ReadonlyMap<string, Value>,
): ModelError {
  const have = [...bindings.keys()].slice(0, 12).map((key) => `"${key}"`)
  const more = bindings.size > have.length ? ', …' : ''
  return new ModelError(
    'binding-missing',
    `Graph "${graph.name}" needs a value for "${name}" (read by ${reader}), but it is no initialiser, no node computes it before, and it was not bound. Bound are: ${have.join(', ') || 'none'}${more}.`,
  )
}

function foreign(node: Node): UnsupportedOpError {
  return new UnsupportedOpError(
    'foreign-domain',
    `${nodeLabel(node)} is of the operator set "${node.domain}", and Holdfast does not know how to write it with standard operators. Export the model with standard ONNX operators only (for ONNX Runtime's own: without its graph optimisation).`,
  )
}
