import { ModelError, UnsupportedOpError } from '../errors.ts'
import type { Graph, Node } from '../onnx/graph.ts'
import {
  attributeReader,
  dimOf,
  type Emitter,
  ints,
  nodeLabel,
  reshape,
  type Value,
} from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import { int64, toNumbers } from '../tensor/tensor.ts'

/** Most nodes that one loop is unrolled into. */
const MOST_NODES = 20_000

/** A node with subgraphs, its inputs, and how to replay a subgraph. */
export interface ControlFlow {
  readonly builder: Emitter
  readonly node: Node
  readonly opset: number
  readonly inputs: readonly (Value | undefined)[]
  readonly nested: (subgraph: Graph, bound: ReadonlyMap<string, Value>) => Value[]
}

/** The branch that a constant condition takes. */
export function inlineIf({ node, inputs, nested }: ControlFlow): Value[] {
  const taken = truth(node, inputs[0], 'its condition')
  return nested(subgraph(node, taken ? 'then_branch' : 'else_branch'), new Map())
}

/**
 * A loop whose trip count, or whose condition at each turn, is known while the graph is built: one copy of its body a
 * turn. Values that the body hands out are stacked.
 */
export function unrollLoop(flow: ControlFlow): (Value | undefined)[] {
  const { builder, node, inputs, nested } = flow
  const [most, start, ...initial] = inputs
  const body = subgraph(node, 'body')
  const trips = most ? wholeNumber(node, most) : Number.POSITIVE_INFINITY
  const carriedCount = initial.length
  if (trips !== Number.POSITIVE_INFINITY) checkSize(node, body, trips)
  let go = start === undefined || truth(node, start, 'its first condition')
  let carried: Value[] = initial.map((value, index) => present(node, value, index + 2))
  const rows: Value[][] = []
  for (let turn = 0; go && turn < trips; turn++) {
    checkSize(node, body, turn + 1)
    const condition = builder.constant({ type: 'bool', dims: [], data: Uint8Array.of(1) })
    const bound = bind(body, [builder.constant(int64([], [turn])), condition, ...carried])
    const [next, ...outputs] = nested(body, bound)
    carried = outputs.slice(0, carriedCount)
    rows.push(outputs.slice(carriedCount))
    go = truth(node, next, `its condition after turn ${turn + 1}`)
  }
  const stacked = node.outputs
    .slice(carriedCount)
    .map((_, index) => stack(builder, node, column(rows, index), 0))
  return [...carried, ...stacked]
}

/** A Scan over concrete dims: one copy of its body an entry. */
export function unrollScan(flow: ControlFlow): (Value | undefined)[] {
  const { builder, node, inputs, nested, opset } = flow
  if (opset < 9) {
    throw new UnsupportedOpError(
      'control-flow',
      `${nodeLabel(node)}: the form that Scan had in opset 8 is not read. Export the model with opset 9 or newer.`,
    )
  }
  const attributes = attributeReader(node.attributes, nodeLabel(node))
  const body = subgraph(node, 'body')
  const states = inputs.length - attributes.int('num_scan_inputs', 0)
  const values = inputs.map((value, index) => present(node, value, index))
  const at = (name: string, index: number): number => attributes.ints(name)?.[index] ?? 0
  const scanned = values.slice(states).map((value, index) => {
    const entries = unstack(builder, value, at('scan_input_axes', index))
    return at('scan_input_directions', index) === 1 ? entries.reverse() : entries
  })
  const trips = scanned[0]?.length ?? 0
  checkSize(node, body, trips)
  let state = values.slice(0, states)
  const rows: Value[][] = []
  for (let turn = 0; turn < trips; turn++) {
    const outputs = nested(body, bind(body, [...state, ...column(scanned, turn)]))
    state = outputs.slice(0, states)
    rows.push(outputs.slice(states))
  }
  const stacked = node.outputs.slice(states).map((_, index) => {
    const entries = column(rows, index)
    if (at('scan_output_directions', index) === 1) entries.reverse()
    return stack(builder, node, entries, at('scan_output_axes', index))
  })
  return [...state, ...stacked]
}

function subgraph(node: Node, name: string): Graph {
  const attribute = node.attributes[name]
  if (typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph')
    return attribute.value
  throw new ModelError(
    'subgraph-missing',
    `${nodeLabel(node)} has no subgraph "${name}". The model is damaged.`,
  )
}

function truth(node: Node, value: Value | undefined, what: string): boolean {
  if (value?.constant) return toNumbers(value.constant)[0] !== 0
  throw new UnsupportedOpError(
    'control-flow',
    `${nodeLabel(node)}: ${what} is computed at run time, and a training step has one fixed course. Export the model so that it does not depend on the data (with fixed input sizes, or by tracing).`,
  )
}

function wholeNumber(node: Node, value: Value): number {
  if (value.constant) return itemAt(toNumbers(value.constant), 0, 'number')
  throw new UnsupportedOpError(
    'control-flow',
    `${nodeLabel(node)}: its trip count is computed at run time, and a training step has one fixed course. Export the model so that it does not depend on the data (with fixed input sizes, or by tracing).`,
  )
}

function checkSize(node: Node, body: Graph, trips: number): void {
  const size = trips * body.nodes.length
  if (size <= MOST_NODES) return
  throw new UnsupportedOpError(
    'control-flow',
    `${nodeLabel(node)}: unrolled ${trips} times, its body of ${body.nodes.length} nodes makes ${size}; at most ${MOST_NODES} are built. Train on shorter sequences, or export the loop as an op (LSTM, GRU, CumSum).`,
  )
}

function present(node: Node, value: Value | undefined, index: number): Value {
  if (value) return value
  throw new ModelError('missing-input', `${nodeLabel(node)}: input ${index} is required but left out.`)
}

/** The body's inputs by name. */
const bind = (body: Graph, values: readonly Value[]): Map<string, Value> =>
  new Map(
    body.inputs.flatMap(({ name }, index) => {
      const value = values[index]
      return value ? [[name, value]] : []
    }),
  )

const column = (rows: readonly (readonly Value[])[], index: number): Value[] =>
  rows.flatMap((row) => row[index] ?? [])

/** The entries of `value` along `axis`, without that axis. */
function unstack(builder: Emitter, value: Value, axis: number): Value[] {
  const from = axis < 0 ? axis + value.dims.length : axis
  const count = dimOf(value, from)
  const dims = value.dims.filter((_, at) => at !== from)
  if (count === 0) return []
  return builder
    .ops('Split', [value, ints(builder, new Array<number>(count).fill(1))], count, { axis: from })
    .map((part) => reshape(builder, part, dims))
}

function stack(builder: Emitter, node: Node, entries: readonly Value[], axis: number): Value {
  const [first] = entries
  if (!first) {
    throw new UnsupportedOpError(
      'control-flow',
      `${nodeLabel(node)}: its loop runs no turn, and so the dims of what it stacks are not known. Remove it from the model.`,
    )
  }
  const from = axis < 0 ? axis + first.dims.length + 1 : axis
  const wide = entries.map((entry) => {
    const dims = [...entry.dims]
    dims.splice(from, 0, 1)
    return reshape(builder, entry, dims)
  })
  return builder.op('Concat', wide, { axis: from })
}
