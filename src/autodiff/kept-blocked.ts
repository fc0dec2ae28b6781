import { type Attributes, inputName, type Node, outputName } from '../onnx/graph.ts'
import { readInside } from '../onnx/walk.ts'
import { BLOCKED_DOMAIN } from '../ops/core/index.ts'
import { float32, sameDims, sizeOf, type Tensor } from '../tensor/tensor.ts'

/** What the pass has to know of the graph around the nodes. */
export interface BlockedContext {
  /** Channels in a block. */
  readonly block: number
  readonly dims: ReadonlyMap<string, readonly number[]>
  /** A constant's values, where a name is one. */
  readonly constant: (name: string) => Tensor | undefined
  readonly addConstant: (tensor: Tensor) => string
  readonly fresh: (wish: string) => string
}

/** Ops that look at no element's place. */
const elementwise: ReadonlySet<string> = new Set([
  ...[
    'Abs',
    'Add',
    'And',
    'Clip',
    'Div',
    'Elu',
    'Equal',
    'Erf',
    'Exp',
    'Greater',
    'GreaterOrEqual',
    'HardSigmoid',
  ],
  ...[
    'HardSwish',
    'Identity',
    'LeakyRelu',
    'Less',
    'LessOrEqual',
    'Max',
    'Min',
    'Mul',
    'Neg',
    'Not',
    'Pow',
    'Relu',
  ],
  ...['Sigmoid', 'Softplus', 'Sqrt', 'Sub', 'Tanh', 'Where'],
])
const truths: ReadonlySet<string> = new Set([
  'And',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
])

/**
 * The same nodes with values left in the runtime's blocked layout from one blocked op to the next: through element-wise ops, pooling, and
 * sums over all but the channels. Reorderings stay at the borders, one a value. What is no longer needed is left for the caller to prune.
 */
export function keptBlocked(nodes: readonly Node[], context: BlockedContext): readonly Node[] {
  if (!nodes.some(({ domain }) => domain === BLOCKED_DOMAIN)) return nodes
  return new Layouts(nodes, context).done
}

class Layouts {
  readonly done: Node[] = []
  private readonly context: BlockedContext
  /** Plain values and the same in blocks. */
  private readonly blocked = new Map<string, string>()
  private readonly renamed = new Map<string, string>()
  private readonly wanted: ReadonlySet<string>
  private readonly inside: ReadonlySet<string>

  constructor(nodes: readonly Node[], context: BlockedContext) {
    this.context = context
    this.inside = new Set(nodes.flatMap(readInside))
    this.wanted = this.wantedBlocked(nodes)
    for (const node of nodes) this.visit(node)
  }

  /** What some node asks for in blocks, itself or by what is made of it element by element. */
  private wantedBlocked(nodes: readonly Node[]): ReadonlySet<string> {
    const wanted = new Set<string>()
    for (const node of [...nodes].reverse()) {
      if (isBlocked(node, 'ReorderInput')) wanted.add(inputName(node, 0))
      else if (isElementwise(node) && wanted.has(outputName(node, 0)))
        for (const name of this.fullInputs(node) ?? []) wanted.add(name)
    }
    return wanted
  }

  /** The inputs that have the output's dims, where all others are single numbers and the output can be blocked. */
  private fullInputs(node: Node): readonly string[] | undefined {
    const dims = this.blockableDims(outputName(node, 0))
    if (!dims) return undefined
    const others = node.inputs.filter((name) => name !== '' && !sameDims(this.dimsOf(name), dims))
    if (others.some((name) => sizeOf(this.dimsOf(name)) !== 1)) return undefined
    return node.inputs.filter((name) => name !== '' && !others.includes(name))
  }

  private dimsOf(name: string): readonly number[] {
    return this.context.dims.get(name) ?? this.context.constant(name)?.dims ?? []
  }

  private blockableDims(name: string): readonly number[] | undefined {
    const dims = this.context.dims.get(name)
    return dims?.length === 4 && (dims[1] ?? 1) % this.context.block === 0 ? dims : undefined
  }

  private visit(asked: Node): void {
    const node = this.withNames(asked)
    if (isBlocked(node, 'ReorderInput')) this.enter(node)
    else if (isBlocked(node, 'ReorderOutput')) this.leave(node)
    else if (!this.rewritten(node)) this.done.push(node)
  }

  private withNames(node: Node): Node {
    return node.inputs.some((name) => this.renamed.has(name))
      ? { ...node, inputs: node.inputs.map((name) => this.renamed.get(name) ?? name) }
      : node
  }

  private enter(node: Node): void {
    const x = inputName(node, 0)
    const y = outputName(node, 0)
    const known = this.blocked.get(x)
    if (known !== undefined && !this.inside.has(y)) this.renamed.set(y, known)
    else {
      this.done.push(node)
      this.blocked.set(x, y)
    }
  }

  private leave(node: Node): void {
    this.done.push(node)
    if (!node.attributes.channels_last) this.blocked.set(outputName(node, 0), inputName(node, 0))
  }

  private rewritten(node: Node): boolean {
    if (node.domain !== '' || node.outputs.length !== 1) return false
    if (isElementwise(node)) return this.byElements(node)
    const x = this.blocked.get(inputName(node, 0))
    if (x === undefined) return false
    switch (node.op) {
      case 'MaxPool':
        return this.pooled(node, x)
      case 'Transpose':
        return this.channelsLast(node, x)
      case 'ReduceMean':
        return this.mean(node, x)
      case 'ReduceSum':
        return this.sum(node, x)
      default:
        return false
    }
  }

  private byElements(node: Node): boolean {
    const full = this.fullInputs(node)
    const y = outputName(node, 0)
    if (!full) return false
    const plain = [...new Set(full)].filter((name) => !this.blocked.has(name))
    const least = this.wanted.has(y) ? 1 : 0
    if (plain.length === new Set(full).size || plain.length > least) return false
    const inputs = node.inputs.map((name) => (full.includes(name) ? this.inBlocks(name) : name))
    const out = this.push({ ...node, name: `${node.name}/blocked`, inputs }, y)
    if (truths.has(node.op)) {
      this.done.push(node)
      this.blocked.set(y, out)
    } else this.back(out, y)
    return true
  }

  /** A value in blocks, reordered here if it is not yet. */
  private inBlocks(name: string): string {
    const known = this.blocked.get(name)
    if (known !== undefined) return known
    const out = this.push(blockedNode('ReorderInput', [name], { channels_last: 0 }), name)
    this.blocked.set(name, out)
    return out
  }

  /** Adds a node with one output, of a fresh name like `wish`. */
  private push(node: Omit<Node, 'outputs'>, wish: string): string {
    const out = this.context.fresh(`${wish}/blocked`)
    this.done.push({ ...node, name: node.name === '' ? `/${out}` : node.name, outputs: [out] })
    return out
  }

  private back(blocked: string, plain: string): void {
    const [, channels = 1] = this.dimsOf(plain)
    this.done.push({
      ...blockedNode('ReorderOutput', [blocked], { channels, channels_last: 0 }),
      name: `/${plain}/plain`,
      outputs: [plain],
    })
    this.blocked.set(plain, blocked)
  }

  private pooled(node: Node, x: string): boolean {
    const { storage_order: order, dilations } = node.attributes
    if (order || (Array.isArray(dilations) && dilations.some((dilation) => dilation !== 1))) return false
    const y = outputName(node, 0)
    if (!this.blockableDims(y)) return false
    const { storage_order: _order, ...attributes } = node.attributes
    this.back(this.push({ ...blockedNode('MaxPool', [x], attributes) }, y), y)
    return true
  }

  private channelsLast(node: Node, x: string): boolean {
    const { perm } = node.attributes
    if (!Array.isArray(perm) || perm.join() !== '0,2,3,1') return false
    const [, channels = 1] = this.dimsOf(inputName(node, 0))
    this.done.push({
      ...node,
      ...blockedNode('ReorderOutput', [x], { channels, channels_last: 1 }),
      name: node.name,
    })
    return true
  }

  /** Means over all positions of each channel, [N, C, 1, 1], which lie in blocks as they lie plain. */
  private means(x: string, y: string): string {
    return this.push(blockedNode('GlobalAveragePool', [x], {}), y)
  }

  private axesOf(node: Node): string {
    const axes = this.context.constant(inputName(node, 1))
    return axes ? [...(axes.data as Iterable<unknown>)].map(String).join() : ''
  }

  private mean(node: Node, x: string): boolean {
    if (this.axesOf(node) !== '2,3') return false
    const y = outputName(node, 0)
    const shape = this.ints(this.dimsOf(y))
    this.done.push(plain('Reshape', [this.means(x, y), shape], y))
    return true
  }

  private ints(values: readonly number[]): string {
    return this.context.addConstant({
      type: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    })
  }

  /** Sums over samples and positions: of the means, by one product that multiplies them by the count of positions. */
  private sum(node: Node, x: string): boolean {
    const [samples = 1, channels = 1, ...spatial] = this.dimsOf(inputName(node, 0))
    const y = outputName(node, 0)
    if (this.axesOf(node) !== '0,2,3' || this.dimsOf(y).length !== 1) return false
    const flat = this.push(
      { ...plain('Reshape', [this.means(x, y), this.ints([samples, channels])], ''), name: '' },
      y,
    )
    const counts = this.context.addConstant(
      float32([samples], new Float32Array(samples).fill(sizeOf(spatial))),
    )
    this.done.push(plain('MatMul', [counts, flat], y))
    return true
  }
}

const isElementwise = ({ op, domain, outputs }: Node): boolean =>
  domain === '' && outputs.length === 1 && elementwise.has(op)

const isBlocked = ({ op, domain }: Node, which: string): boolean => domain === BLOCKED_DOMAIN && op === which

const blockedNode = (
  op: string,
  inputs: readonly string[],
  attributes: Attributes,
): Omit<Node, 'outputs'> => ({
  ...{ op, domain: BLOCKED_DOMAIN, name: '', inputs, attributes },
})

const plain = (op: string, inputs: readonly string[], output: string): Node => ({
  ...{ op, domain: '', name: `/${output}`, inputs, outputs: [output], attributes: {} },
})
