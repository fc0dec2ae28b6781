import type { Graph, Node } from '../../onnx/graph.ts'
import { float32, int64 } from '../../tensor/tensor.ts'

/** A graph with a value of two logits a row, made of one. */
export interface TwoClasses {
  readonly graph: Graph
  /** [N, 2] */
  readonly output: string
}

/**
 * One logit z a row as the two logits 0 and z: their softmax is 1 - sigmoid(z) and sigmoid(z), so that cross-entropy on them is
 * the binary one on z, and the largest is the answer that a threshold of 1/2 gives.
 *
 * @param logit A value [N] or [N, 1].
 */
export function asTwoClasses(graph: Graph, logit: string): TwoClasses {
  const taken = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ])
  const fresh = (wish: string): string => (taken.has(wish) ? fresh(`${wish}_`) : wish)
  const column = fresh(`${logit}/column`)
  const output = fresh(`${logit}/two`)
  const [shape, spread] = [fresh(`${column}/shape`), fresh(`${output}/spread`)]
  const made = (op: string, inputs: readonly string[], to: string): Node => ({
    op,
    domain: '',
    name: to,
    inputs,
    outputs: [to],
    attributes: {},
  })
  return {
    graph: {
      ...graph,
      initializers: new Map([
        ...graph.initializers,
        [shape, int64([2], [-1, 1])],
        [spread, float32([1, 2], [0, 1])],
      ]),
      nodes: [
        ...graph.nodes,
        made('Reshape', [logit, shape], column),
        made('MatMul', [column, spread], output),
      ],
    },
    output,
  }
}
