import type { Graph, ValueInfo } from '../onnx/graph.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * A network that classifies: a graph, and the values that it reads by name. A model is a plain value; training hands
 * back another one with other parameters.
 */
export interface Model {
  /**
   * Reads parameters and buffers by name, but does not hold them; its initialisers are constants. Its first input's
   * first dim is the batch. Its outputs need not contain {@link Model.output}.
   */
  readonly graph: Graph
  /** Version of each operator set by domain; '' is the standard one. */
  readonly opsets: Readonly<Record<string, number>>
  /** What training changes, by the names that PyTorch would give: `fc.weight`, `layers.0.bias`. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** What training keeps account of without a gradient: running statistics of batch normalisation. */
  readonly buffers: ReadonlyMap<string, Tensor>
  readonly input: ValueInfo
  /** Inputs of the file that are none of the graph: those of an empty cache, and those that were given a value. */
  readonly bound?: readonly BoundInput[] | undefined
  /** The value inside the graph that holds the logits, [N, classes]. */
  readonly output: string
  /** The label of each logit; empty where the model's file says nothing of them. */
  readonly classes: readonly string[]
  /** Whether nobody named the classes: then they are '0' to 'n - 1', or LABEL_0, …, and stand for places. Default false. */
  readonly unnamed?: boolean | undefined
  /** Whether a file beside the model's names the classes: numbers among them are then names that somebody gave. Default false. */
  readonly namedBeside?: boolean | undefined
  /**
   * Of a model that gives one number a row for two classes: the value that holds it, [N] or [N, 1], and the file's output, its
   * sigmoid perhaps. {@link Model.output} is then [0, logit], whose softmax is what the sigmoid says.
   */
  readonly binary?: { readonly logit: string; readonly answer: string } | undefined
}

/** An input of a model's file that its graph makes itself. */
export interface BoundInput {
  /** As the file declares it. */
  readonly info: ValueInfo
  /**
   * `cache`: keys or values of earlier calls, of which there are none; `branch`: whether there are some, false; `given`: a
   * value that whoever read the file gave; `update`: half of a low-rank update that each caller feeds, zero.
   */
  readonly role: 'cache' | 'branch' | 'given' | 'update'
  /** Of a cache: the output that holds it for the next call. */
  readonly present?: string | undefined
}

/** What a model says of its classes' names, for whoever compares others with them. */
export const namingOf = ({ unnamed, namedBeside }: Model): Pick<Model, 'unnamed' | 'namedBeside'> => ({
  unnamed,
  namedBeside,
})

/** How many classes a model tells apart by a head with so many rows. */
export const classCount = ({ binary }: Model, rows: number): number => (binary ? 2 : rows)

/** All that a model holds by name: parameters, and the running statistics beside them. */
export const weightsOf = ({
  parameters,
  buffers,
}: Pick<Model, 'parameters' | 'buffers'>): ReadonlyMap<string, Tensor> => new Map([...parameters, ...buffers])

/** How many numbers training changes. */
export function parameterCount(model: Model): number {
  let count = 0
  for (const { data } of model.parameters.values()) count += data.length
  return count
}
