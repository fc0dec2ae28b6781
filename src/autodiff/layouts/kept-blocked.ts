import { TensorCode } from '../../onnx/codes.ts'
import { inputName, type Node, outputName } from '../../onnx/graph.ts'
import { readInside } from '../../onnx/walk.ts'
import { BLOCKED_DOMAIN } from '../../ops/core/index.ts'
import { sameDims, sizeOf } from '../../tensor/tensor.ts'
import { type BlockedContext, BlockedNodes, isReorder } from './blocked-nodes.ts'
import { rewrites } from './rewrites.ts'

/** Ops that look at no element's place. */
const elementwise: ReadonlySet<string> = new Set([
  ...['Abs', 'Add', 'And', 'Clip', 'Div', 'Elu', 'Equal', 'Erf', 'Exp', 'Greater', 'GreaterOrEqual'],
  ...['HardSigmoid', 'HardSwish', 'Identity', 'LeakyRelu', 'Less', 'LessOrEqual', 'Max', 'Min', 'Mul', 'Neg'],
  ...['Not', 'Pow', 'Relu', 'Sigmoid', 'Softplus', 'Sqrt', 'Sub', 'Tanh', 'Where'],
])
/** Of these, what gives booleans, which cannot be reordered. */
const truths: ReadonlySet<string> = new Set([
  ...['And', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not'],
])

/**
 * The same nodes with values left in the runtime's blocked layout from one blocked op to the next: through element-wise ops, pooling,
 * fixed normalisation, and sums over all but the channels. Reorderings stay at the borders, one a value. Nodes that are no longer
 * needed are left for the caller to prune.
 */
export function keptBlocked(nodes: readonly Node[], context: BlockedContext): readonly Node[] {
  return nodes.some(({ domain }) => domain === BLOCKED_DOMAIN) ? new Walk(nodes, context).made.nodes : nodes
}

/** One walk over the nodes in order; what is known in blocks is known to all that follow. */
class Walk {
  readonly made: BlockedNodes
  private readonly context: BlockedContext
  /** Blocked values that were reordered again, by what they are called instead. */
  private readonly renamed = new Map<string, string>()
  private readonly wanted: ReadonlySet<string>
  /** Names that bodies of nodes read, which must stay. */
  private readonly inside: ReadonlySet<string>

  constructor(nodes: readonly Node[], context: BlockedContext) {
    this.context = context
    this.made = new BlockedNodes(context)
    this.inside = new Set(nodes.flatMap(readInside))
    this.wanted = this.wantedBlocked(nodes)
    for (const node of nodes) this.visit(node)
  }

  /** What some node asks for in blocks, itself or by what is made of it in the same places. */
  private wantedBlocked(nodes: readonly Node[]): ReadonlySet<string> {
    const wanted = new Set<string>()
    for (const node of [...nodes].reverse()) {
      if (isReorder(node, 'ReorderInput')) wanted.add(inputName(node, 0))
      else if (!wanted.has(outputName(node, 0))) continue
      else if (isElementwise(node)) for (const name of this.fullInputs(node) ?? []) wanted.add(name)
      else if (node.op === 'BatchNormalization' && node.domain === '') wanted.add(inputName(node, 0))
    }
    return wanted
  }

  /** The inputs that have the output's dims, where all others are single numbers and the output can be blocked. */
  private fullInputs(node: Node): readonly string[] | undefined {
    const dims = this.made.blockableDims(outputName(node, 0))
    if (!dims) return undefined
    const given = node.inputs.filter((name) => name !== '')
    const others = given.filter((name) => !sameDims(this.made.dimsOf(name), dims))
    if (others.some((name) => sizeOf(this.made.dimsOf(name)) !== 1)) return undefined
    return given.filter((name) => !others.includes(name))
  }

  private visit(asked: Node): void {
    const node = this.withNames(asked)
    if (isReorder(node, 'ReorderInput')) this.enter(node)
    else if (isReorder(node, 'ReorderOutput')) this.leave(node)
    else if (!this.rewritten(node)) this.made.nodes.push(node)
  }

  private withNames(node: Node): Node {
    return node.inputs.some((name) => this.renamed.has(name))
      ? { ...node, inputs: node.inputs.map((name) => this.renamed.get(name) ?? name) }
      : node
  }

  private enter(node: Node): void {
    const x = inputName(node, 0)
    const y = outputName(node, 0)
    const known = this.made.blocked.get(x)
    if (known !== undefined && !this.inside.has(y)) this.renamed.set(y, known)
    else {
      this.made.nodes.push(node)
      this.made.blocked.set(x, y)
    }
  }

  private leave(node: Node): void {
    this.made.nodes.push(node)
    if (!node.attributes.channels_last) this.made.blocked.set(outputName(node, 0), inputName(node, 0))
  }

  private rewritten(node: Node): boolean {
    if (node.domain !== '' || node.outputs.length !== 1) return false
    if (isElementwise(node)) return this.byElements(node)
    return rewrites.get(node.op)?.(node, this.made, this.context) ?? false
  }

  /** In blocks where all inputs are, or all but one of a value that is wanted so. */
  private byElements(node: Node): boolean {
    const full = new Set(this.fullInputs(node))
    const y = outputName(node, 0)
    const plain = [...full].filter((name) => !this.made.blocked.has(name))
    const most = this.wanted.has(y) ? 1 : 0
    if (plain.length === full.size || plain.length > most) return false
    const inputs = node.inputs.map((name) => (full.has(name) ? this.made.inBlocks(name) : name))
    const out = this.made.push({ ...node, inputs }, y)
    if (truths.has(node.op)) {
      this.made.nodes.push(node)
      this.made.blocked.set(y, out)
    } else this.made.back(out, y)
    return true
  }
}

const isElementwise = ({ op, domain, outputs, attributes }: Node): boolean =>
  domain === '' &&
  outputs.length === 1 &&
  (elementwise.has(op) || (op === 'Cast' && attributes.to === TensorCode.float32))
