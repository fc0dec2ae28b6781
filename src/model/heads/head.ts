import { ModelError } from '../../errors.ts'
import { type Graph, inputName, type Node, outputName } from '../../onnx/graph.ts'
import { nodeLabel } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import type { Model } from '../model.ts'

/** The last layer with weights: what turns features into one logit a class. */
export interface Head {
  readonly op: 'Gemm' | 'MatMul' | 'Conv'
  /** The node's name, or its output's where it has none. */
  readonly node: string
  /** The value that the head reads: the model's feature space. */
  readonly features: string
  /** Parameter with a row (or column) a class. */
  readonly weight: string
  /** Dim of the weight that goes over the classes. */
  readonly classAxis: number
  /** Parameter with one number a class, where there is one. */
  readonly bias: string | undefined
  /** Rows of the weight: one a class, but one for both where the model gives one logit for two. */
  readonly classes: number
  /** Values from the head to the logits, in order: each has the classes as a dim. */
  readonly values: readonly string[]
}

/** Ops that may stand between the head and the logits. */
const between: ReadonlySet<string> = new Set([
  'AveragePool',
  'Cast',
  'Dropout',
  'Flatten',
  'GlobalAveragePool',
  'Identity',
  'ReduceMean',
  'Relu',
  'Reshape',
  'Squeeze',
])

/**
 * The classifier head: a Gemm, a MatMul with or without an Add, or a convolution whose answers are pooled; behind a
 * softmax or not. Weights may be transposed on the way.
 *
 * @returns undefined when the logits come from something else.
 * @example
 * const head = findHead(model)
 * console.log(head?.weight, head?.classes)
 */
export function findHead(model: Model): Head | undefined {
  const { binary, graph, output } = model
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const values: string[] = []
  let bias: string | undefined
  let name = binary?.logit ?? output
  for (let node = producer.get(name); node; node = producer.get(name)) {
    values.unshift(name)
    const [x = '', w = ''] = node.inputs
    if (node.op === 'Gemm' || node.op === 'MatMul' || node.op === 'Conv') {
      return headAt(model, producer, node, values, bias)
    }
    if (node.op === 'Add' && bias === undefined) {
      const left = parameterBehind(model, producer, x)
      bias = (left ?? parameterBehind(model, producer, w))?.name
      if (bias === undefined) return undefined
      name = left ? w : x
    } else if (between.has(node.op)) {
      name = x
    } else return undefined
  }
  return undefined
}

function headAt(
  model: Model,
  producer: ReadonlyMap<string, Node>,
  node: Node,
  values: readonly string[],
  added: string | undefined,
): Head | undefined {
  const [features = '', w = '', b = ''] = node.inputs
  const found = parameterBehind(model, producer, w)
  const tensor = found && model.parameters.get(found.name)
  if (!found || !tensor || tensor.dims.length < 2) return undefined
  // The place of the classes in what the node reads, then in the parameter that this is made of.
  const seen =
    node.op === 'Conv' || (node.op === 'Gemm' && node.attributes.transB === 1) ? 0 : tensor.dims.length - 1
  if (node.op !== 'Conv' && tensor.dims.length !== 2) return undefined
  const classAxis = found.transposed ? 1 - seen : seen
  const classes = itemAt(tensor.dims, classAxis, 'axis')
  const bias = added ?? parameterBehind(model, producer, b)?.name
  if (bias !== undefined && model.parameters.get(bias)?.data.length !== classes) return undefined
  return {
    op: node.op as Head['op'],
    node: node.name === '' ? outputName(node, 0) : node.name,
    features,
    weight: found.name,
    classAxis,
    bias,
    classes,
    values,
  }
}

/** The parameter that a value is, perhaps transposed (two dims only) or cast. */
function parameterBehind(
  model: Model,
  producer: ReadonlyMap<string, Node>,
  value: string,
): { readonly name: string; readonly transposed: boolean } | undefined {
  let transposed = false
  let name = value
  while (!model.parameters.has(name)) {
    const node = producer.get(name)
    if (node?.op === 'Transpose' && isSwap(node)) transposed = !transposed
    else if (node?.op !== 'Identity' && node?.op !== 'Cast') return undefined
    name = inputName(node, 0)
  }
  return { name, transposed }
}

/**
 * Whether the head answers with tokens: the model looks its input up in a table with as many rows as the head has, its own
 * weight perhaps. So do causal language models, and masked ones.
 */
export function readsVocabulary({ graph, parameters, input }: Model, head: Head): boolean {
  const tokens = new Set([input.name])
  for (const { op, inputs, outputs } of graph.nodes) {
    const [first = '', second = ''] = inputs
    if (moves.has(op) && tokens.has(first)) for (const name of outputs) tokens.add(name)
    const table = op === 'Gather' && (parameters.get(first) ?? graph.initializers.get(first))
    if (table && tokens.has(second) && table.dims[0] === head.classes) return true
  }
  return false
}

/** Ops whose output holds the same token ids. */
const moves: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

const isSwap = ({ attributes: { perm } }: Node): boolean =>
  perm === undefined || (Array.isArray(perm) && perm.join() === '1,0')

/**
 * The head, for work that cannot do without one.
 *
 * @throws ModelError `head-missing` naming what the logits come from; `head-tied` when the head's weight is read
 * elsewhere, too (an embedding), so that it cannot get rows of its own.
 */
export function requireHead(model: Model): Head {
  const head = findHead(model)
  if (!head) {
    const node = model.graph.nodes.find(({ outputs }) => outputs.includes(model.output))
    throw new ModelError(
      'head-missing',
      `The logits "${model.output}" come from ${node ? nodeLabel(node) : 'no node'}, and no trainable Gemm, MatMul or Conv with one output a class was found before it. Name the value that holds the logits (--output).`,
    )
  }
  const readers = readersOf(model.graph, head.weight)
  if (readers.length > 1) {
    throw new ModelError(
      'head-tied',
      `The head's weight "${head.weight}" is read by ${readers.map(nodeLabel).join(' and ')}: it is tied, and cannot have classes added.`,
    )
  }
  return head
}

const readersOf = (graph: Graph, name: string): readonly Node[] =>
  graph.nodes.filter(({ inputs }) => inputs.includes(name))
