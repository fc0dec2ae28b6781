import type { Attributes, Node } from '../../onnx/graph.ts'
import { BLOCKED_DOMAIN } from '../../ops/core/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** What has to be known of the graph around the nodes. */
export interface BlockedContext {
  /** Channels in a block. */
  readonly block: number
  readonly dims: ReadonlyMap<string, readonly number[]>
  /** A constant's values, where a name is one. */
  readonly constant: (name: string) => Tensor | undefined
  readonly addConstant: (tensor: Tensor) => string
  readonly fresh: (wish: string) => string
}

/** A node before its output has a name. */
export type Unnamed = Omit<Node, 'outputs' | 'name'>

export const isReorder = ({ op, domain }: Node, which: 'ReorderInput' | 'ReorderOutput'): boolean =>
  domain === BLOCKED_DOMAIN && op === which

export const blockedNode = (op: string, inputs: readonly string[], attributes: Attributes = {}): Unnamed => ({
  ...{ op, domain: BLOCKED_DOMAIN, inputs, attributes },
})

export const standardNode = (
  op: string,
  inputs: readonly string[],
  attributes: Attributes = {},
): Unnamed => ({
  ...{ op, domain: '', inputs, attributes },
})

/** Nodes as they are made, and which values there are in blocks. */
export class BlockedNodes {
  readonly nodes: Node[] = []
  /** Plain values and the same in blocks. */
  readonly blocked = new Map<string, string>()
  /** Values of dims [N, C, H W], and what they are in blocks of dims [N, C, H, W]. */
  readonly flattened = new Map<string, string>()
  private readonly context: BlockedContext

  constructor(context: BlockedContext) {
    this.context = context
  }

  dimsOf(name: string): readonly number[] {
    return this.context.dims.get(name) ?? this.context.constant(name)?.dims ?? []
  }

  /** Dims of a value that can be blocked. */
  blockableDims(name: string): readonly number[] | undefined {
    const dims = this.context.dims.get(name)
    return dims?.length === 4 && (dims[1] ?? 1) % this.context.block === 0 ? dims : undefined
  }

  /** Adds a node whose output is called something like `wish`. */
  push(node: Unnamed, wish: string): string {
    const output = this.context.fresh(`${wish}/blocked`)
    this.write(node, output)
    return output
  }

  /** Adds a node whose output is called just that. */
  write({ op, domain, inputs, attributes }: Unnamed, output: string): void {
    this.nodes.push({ op, domain, name: `/${output}`, inputs, outputs: [output], attributes })
  }

  /** A value in blocks, reordered here if it is not yet. */
  inBlocks(name: string): string {
    const known = this.blocked.get(name)
    if (known !== undefined) return known
    const output = this.push(blockedNode('ReorderInput', [name], { channels_last: 0 }), name)
    this.blocked.set(name, output)
    return output
  }

  /** The plain value of one that was made in blocks. */
  back(blocked: string, plain: string): void {
    const [, channels = 1] = this.dimsOf(plain)
    this.write(blockedNode('ReorderOutput', [blocked], { channels, channels_last: 0 }), plain)
    this.blocked.set(plain, blocked)
  }
}
