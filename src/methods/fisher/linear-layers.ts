import type { Model } from '../../model/model.ts'
import { inputName, type Node, outputName } from '../../onnx/graph.ts'

/** A layer y = W x + b on one vector a row, each parameter of which is read here alone. */
export interface LinearLayer {
  readonly weight: string
  readonly bias: string | undefined
  /** Whether rows of the weight are outputs, [out, in], or columns, [in, out]. */
  readonly layout: 'out-in' | 'in-out'
  /** Names of x and y in the model's graph. */
  readonly input: string
  readonly output: string
}

/** The layers that are written as a Gemm, or as a MatMul with or without an Add behind it. */
export function linearLayers({ graph, parameters }: Model): readonly LinearLayer[] {
  const readers = new Map<string, Node[]>()
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node])
  }
  const ownOf = (name: string, node: Node): string | undefined =>
    parameters.has(name) && readers.get(name)?.length === 1 && readers.get(name)?.[0] === node
      ? name
      : undefined
  return graph.nodes.flatMap((node): LinearLayer[] => {
    const weight = ownOf(node.inputs[1] ?? '', node)
    if (weight === undefined || parameters.get(weight)?.dims.length !== 2) return []
    const input = inputName(node, 0)
    const output = outputName(node, 0)
    if (node.op === 'Gemm' && isPlain(node)) {
      const layout = node.attributes.transB === 1 ? 'out-in' : 'in-out'
      return [{ weight, bias: ownOf(node.inputs[2] ?? '', node), layout, input, output }]
    }
    if (node.op !== 'MatMul') return []
    const [next, ...others] = readers.get(output) ?? []
    const added = next?.op === 'Add' && others.length === 0 ? next : undefined
    const bias = added?.inputs.map((name) => ownOf(name, added)).find((name) => name !== undefined)
    const whole = bias !== undefined && parameters.get(bias)?.dims.length === 1 && added
    return whole
      ? [{ weight, bias, layout: 'in-out', input, output: outputName(whole, 0) }]
      : [{ weight, bias: undefined, layout: 'in-out', input, output }]
  })
}

/** y = x W + b with no factors, and x as it is. */
const isPlain = ({ attributes: { alpha, beta, transA } }: Node): boolean =>
  [alpha, beta].every(
    (factor) =>
      factor === undefined || (typeof factor === 'object' && 'value' in factor && factor.value === 1),
  ) && (transA ?? 0) === 0
