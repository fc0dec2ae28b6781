import type { DType, Tensor } from '../tensor/tensor.ts'

/** A floating-point attribute. Plain numbers in {@link Attributes} are integers, as most attributes of ONNX are. */
export interface FloatAttribute {
  readonly kind: 'float'
  readonly value: number
}
export interface FloatsAttribute {
  readonly kind: 'floats'
  readonly value: readonly number[]
}
export interface StringsAttribute {
  readonly kind: 'strings'
  readonly value: readonly string[]
}
/** A subgraph, as `Scan`, `Loop` and `If` have them. */
export interface GraphAttribute {
  readonly kind: 'graph'
  readonly value: Graph
}
/** What none of the others says (sparse tensors, type protos, lists of graphs): kept as its encoded AttributeProto. */
export interface RawAttribute {
  readonly kind: 'raw'
  readonly bytes: Uint8Array
}
export interface TensorAttribute {
  readonly kind: 'tensor'
  readonly value: Tensor
}

/** number = int, number[] = ints, string = string; the others are wrapped to tell them apart. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | FloatAttribute
  | FloatsAttribute
  | StringsAttribute
  | GraphAttribute
  | TensorAttribute
  | RawAttribute

export type Attributes = Readonly<Record<string, Attribute>>

export const float = (value: number): FloatAttribute => ({ kind: 'float', value })
export const floats = (value: readonly number[]): FloatsAttribute => ({ kind: 'floats', value })
export const strings = (value: readonly string[]): StringsAttribute => ({ kind: 'strings', value })
export const graph = (value: Graph): GraphAttribute => ({ kind: 'graph', value })
export const tensor = (value: Tensor): TensorAttribute => ({ kind: 'tensor', value })

/** One operation. An empty string among `inputs` or `outputs` stands for one left out. */
export interface Node {
  readonly op: string
  /** '' for the ONNX standard domain. */
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

/** A node of the standard domain with one output, after which it is called. */
export const plainNode = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): Node => ({ op, domain: '', name: output, inputs, outputs: [output], attributes })

/**
 * A named input or output. A string among `dims` is a symbolic size ('' one that nothing is known of), `undefined` dims
 * an unknown rank.
 */
export interface ValueInfo {
  readonly name: string
  readonly type: DType
  readonly dims: readonly (number | string)[] | undefined
  /** A subgraph may leave the type of its inputs and outputs out; `type` is then float32 and means nothing. */
  readonly untyped?: true
}

/** A graph without the file around it: what is built, specialised and differentiated. Nodes are in execution order. */
export interface Graph {
  readonly name: string
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly nodes: readonly Node[]
}

/** The name of a node's input; empty where it is left out, as ONNX itself writes that. */
export const inputName = ({ inputs }: Pick<Node, 'inputs'>, place: number): string => inputs[place] ?? ''

/** The name of a node's output; empty where it is left out. */
export const outputName = ({ outputs }: Pick<Node, 'outputs'>, place: number): string => outputs[place] ?? ''
