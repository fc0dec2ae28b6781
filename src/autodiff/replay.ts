import { ModelError, UnsupportedOpError } from '../errors.ts'
import { type Graph, inputName, type Node } from '../onnx/graph.ts'
import { compositeOf } from '../ops/composite-table.ts'
import {
  attributeReader,
  CANONICAL_OPSET,
  emitterNamed,
  foreignOp,
  nodeLabel,
  type Upgraded,
  unknownOp,
  type Value,
} from '../ops/core/index.ts'
import { opTable } from '../ops/table.ts'
import { sameDims } from '../tensor/tensor.ts'
import type { Blocks, ReplayTarget } from './blocks/index.ts'
import { inlineIf, unrollLoop, unrollScan } from './control-flow.ts'
import { aliases, liveNodes } from './live-nodes.ts'
import { batchNormalization, dropout } from './special-nodes.ts'
import type { WrittenGelu } from './written-gelu.ts'

/** What stays the same while a graph and the subgraphs inside it are replayed. */
export interface Replay {
  readonly builder: ReplayTarget
  /** The same as `builder`, where the graph's batch is fixed and several of it are run at once. */
  readonly blocks?: Blocks | undefined
  readonly opset: number
  readonly batchNorm: 'batch' | 'fixed'
  readonly dropout: { readonly training: boolean; readonly seed?: Value | undefined }
  /** New running statistics, by the name of the buffer that they replace. */
  readonly buffers: Map<string, Value>
  /** What was replayed, where several nodes may mean one op. */
  readonly written: WrittenGelu
  /** How many nodes of subgraphs were replayed so far. */
  inlined: number
  /** Called with what went wrong at a node, if the replay is to go on without that node's outputs. */
  readonly skip?: (node: Node, problem: Error) => void
}

/** Values by name while one graph is replayed. */
export interface Scope {
  readonly values: Map<string, Value>
  /** What this graph does not compute itself: values of the graph around it, or an error. */
  readonly outside: (name: string, reader: string) => Value
}

/** A value that a node left out by {@link Replay.skip} would have computed. */
export class Skipped extends Error {}

/**
 * Replays what `wanted` needs of a graph, and gives a reader of its values by name. The reader computes what is not
 * there yet: subgraphs read values of the graph around them, and only the branch that is taken says which.
 */
export function replayGraph(
  replay: Replay,
  graph: Graph,
  { values, outside }: Scope,
  wanted: readonly string[],
  depth = 0,
): (name: string, reader: string) => Value {
  const lost = new Set<string>()
  const source = aliases(graph)
  const producers = new Set(graph.nodes.flatMap((node) => node.outputs))
  const begun = new Set<Node>()
  const done = new Set<Node>()
  const compute = (names: readonly string[]): void => {
    for (const [index, node] of liveNodes(graph, names, (name) => values.has(name) || lost.has(name))) {
      if (done.has(node)) continue
      if (begun.has(node)) throw cycle(graph, node)
      begun.add(node)
      const outputs = attempt(replay, node, () => {
        checkKnown(node)
        return replayNode(replay, {
          node,
          inputs: node.inputs.map((name) => (name === '' ? undefined : read(name, nodeLabel(node)))),
          index: depth === 0 ? index : graph.nodes.length + replay.inlined++,
          nested,
          buffer: (at) => source(inputName(node, at)),
        })
      })
      node.outputs.forEach((name, at) => {
        const value = outputs?.[at]
        if (name === '' || values.has(name)) return
        if (value) values.set(name, value)
        else if (!outputs) lost.add(name)
      })
      done.add(node)
    }
  }
  const nested = (subgraph: Graph, bound: ReadonlyMap<string, Value>): Value[] => {
    const names = subgraph.outputs.map((output) => output.name)
    const inner = replayGraph(replay, subgraph, { values: new Map(bound), outside: read }, names, depth + 1)
    return names.map((name) => inner(name, 'an output of a subgraph'))
  }
  const read = (name: string, reader: string): Value => {
    const known = values.get(name)
    if (known) return known
    if (lost.has(name)) throw new Skipped(name)
    const tensor = graph.initializers.get(name)
    if (tensor) {
      const value = replay.builder.constant(tensor)
      values.set(name, value)
      return value
    }
    if (!producers.has(name)) return outside(name, reader)
    compute([name])
    const computed = values.get(name)
    if (computed) return computed
    if (lost.has(name)) throw new Skipped(name)
    throw notGiven(graph, name)
  }
  compute(wanted)
  return read
}

function attempt<T>(replay: Replay, node: Node, work: () => T): T | undefined {
  if (!replay.skip) return work()
  try {
    return work()
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem
    replay.skip(node, problem)
    return undefined
  }
}

const cycle = (graph: Graph, node: Node): ModelError =>
  new ModelError(
    'graph-cycle',
    `Graph "${graph.name}": ${nodeLabel(node)} needs what is computed from its own output. The model is damaged.`,
  )

function notGiven(graph: Graph, name: string): UnsupportedOpError {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(name))
  const label = node ? nodeLabel(node) : 'A node'
  return new UnsupportedOpError(
    'output-missing',
    `${label}: something reads its output "${name}", which Holdfast does not compute for this op. Remove that output, or what reads it.`,
  )
}

interface Replaying {
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  /** Tells two Dropouts apart. */
  readonly index: number
  /** Replays a subgraph and gives its outputs. */
  readonly nested: (subgraph: Graph, bound: ReadonlyMap<string, Value>) => Value[]
  /** The name of the initialiser behind an input. */
  readonly buffer: (input: number) => string
}

/** Refuses an op that is not known at all, whatever its inputs are. */
function checkKnown(node: Node): void {
  const { op, domain } = node
  if (compositeOf(domain, op) || (domain === '' && (opTable.has(op) || isControlFlow(op)))) return
  throw domain === '' ? unknownOp(node) : foreignOp(node)
}

const controlFlow = { If: inlineIf, Loop: unrollLoop, Scan: unrollScan } as const

const isControlFlow = (op: string): op is keyof typeof controlFlow => Object.hasOwn(controlFlow, op)

function replayNode(replay: Replay, replaying: Replaying): readonly (Value | undefined)[] {
  const { builder, opset } = replay
  const { node, inputs: given, index } = replaying
  const { op, domain, name } = node
  if (domain !== '' || !opTable.has(op)) {
    const composite = compositeOf(domain, op)
    if (composite) {
      const attributes = attributeReader(node.attributes, nodeLabel(node))
      const emit = emitterNamed(builder, name)
      return composite.expand({ emit, op, domain, name, inputs: given, attributes, outputs: countOf(node) })
    }
    if (isControlFlow(op)) return controlFlow[op]({ ...replaying, builder, opset })
  }
  if (op === 'Dropout') {
    return onAllRows(replay, given, (target, inputs) =>
      dropout({ builder: target, node, inputs, index, ...replay.dropout }),
    )
  }
  const definition = opTable.get(op)
  const upgrade = opset < CANONICAL_OPSET || definition?.upgradesAll ? definition?.upgrade : undefined
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
  if (op === 'BatchNormalization') {
    return onAllRows(replay, inputs, (target, whole) => {
      const training = replay.batchNorm === 'batch'
      const { outputs, buffers } = batchNormalization(target, { ...node, attributes }, whole, training)
      for (const [at, value] of buffers ?? []) replay.buffers.set(replaying.buffer(at), value)
      return outputs
    })
  }
  const added = builder.add({ op, inputs, count: countOf(node), attributes, name })
  const outputs = upgraded.outputs?.(added) ?? added
  const [x] = inputs
  const [y] = outputs
  // A reshape to the dims that are there would cost a copy in every step. Left unread, its node is dropped.
  const idle = x && y && movesNothing.has(op) && sameDims(x.dims, y.dims)
  return idle ? [x] : fused(replay, op, inputs, outputs)
}

/** One op in place of the nodes that end here and mean it; those before are dropped unless something else reads them. */
function fused(
  { builder, blocks, written }: Replay,
  op: string,
  inputs: readonly (Value | undefined)[],
  outputs: readonly Value[],
): readonly Value[] {
  const [y] = outputs
  if (blocks || !y) return outputs
  written.note(op, inputs, outputs)
  const x = op === 'Mul' ? written.inputOf(y) : undefined
  return x ? [builder.op('Gelu', [x])] : outputs
}

/** What depends on the batch as a whole (statistics, random masks) sees the rows of all blocks. */
function onAllRows(
  { builder, blocks }: Replay,
  [x, ...others]: readonly (Value | undefined)[],
  work: (target: ReplayTarget, inputs: readonly (Value | undefined)[]) => readonly Value[],
): readonly Value[] {
  if (!x || !blocks?.isHeld(x)) return work(builder, [x, ...others])
  const [y, ...more] = work(blocks.builder, [blocks.toRows(x), ...others])
  return y ? [blocks.fromRows(y), ...more] : []
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
