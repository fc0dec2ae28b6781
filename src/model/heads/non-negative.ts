import type { Graph, Node } from '../../onnx/graph.ts'
import { toNumbers } from '../../tensor/tensor.ts'

/** Ops whose outputs are never negative. */
const positive: ReadonlySet<string> = new Set([
  'Abs',
  'Exp',
  'HardSigmoid',
  'ReduceL1',
  'ReduceL2',
  'Relu',
  'Sigmoid',
  'Softmax',
  'Softplus',
  'Sqrt',
])
/** Ops that move, choose or average what their first input is. */
const passing: ReadonlySet<string> = new Set([
  'AveragePool',
  'Cast',
  'Dropout',
  'Expand',
  'Flatten',
  'Gather',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'Identity',
  'MaxPool',
  'ReduceMax',
  'ReduceMean',
  'Reshape',
  'Slice',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])
/** Ops that keep the sign that all their inputs have. */
const joining: ReadonlySet<string> = new Set(['Add', 'Concat', 'Max', 'Mul', 'Sum'])

/** Whether the graph itself shows that a value is never negative, as pooled features behind a Relu are. */
export function isNonNegative({ nodes, initializers }: Graph, value: string): boolean {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const known = new Map<string, boolean>()
  const constants = (name: string): readonly number[] | undefined => {
    const held = initializers.get(name)
    const given = producers.get(name)?.attributes.value
    const tensor =
      held ??
      (typeof given === 'object' && 'kind' in given && given.kind === 'tensor' ? given.value : undefined)
    return tensor && tensor.type !== 'string' && tensor.dims.length === 0 ? toNumbers(tensor) : undefined
  }
  const ofNode = ({ op, domain, inputs, attributes }: Node): boolean => {
    const [first = '', low = ''] = inputs
    if (domain !== '') return false
    if (op === 'Clip') {
      const least = typeof attributes.min === 'number' ? attributes.min : constants(low)?.[0]
      return (least !== undefined && least >= 0) || of(first)
    }
    return positive.has(op) || (passing.has(op) && of(first)) || (joining.has(op) && inputs.every(of))
  }
  const of = (name: string): boolean => {
    const found = known.get(name)
    if (found !== undefined) return found
    // A damaged graph may go in a circle.
    known.set(name, false)
    const node = producers.get(name)
    const answer = node ? ofNode(node) : (constants(name)?.every((one) => one >= 0) ?? false)
    known.set(name, answer)
    return answer
  }
  return of(value)
}
