import type { Attributes } from '../../onnx/graph.ts'
import type { Emitter, Value } from '../../ops/core/index.ts'

/** A node of the table to be added; `name` is that of the model's own node, for messages. */
export interface NodeRequest {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly count: number
  readonly attributes: Attributes
  readonly name: string
}

/** Where the nodes of a replayed graph go: a builder, or what runs a graph of one batch on several. */
export interface ReplayTarget extends Emitter {
  add(request: NodeRequest): Value[]
}
