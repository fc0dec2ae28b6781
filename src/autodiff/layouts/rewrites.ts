import { inputName, type Node, outputName } from '../../onnx/graph.ts'
import { attributeReader } from '../../ops/core/index.ts'
import { float32, sizeOf } from '../../tensor/tensor.ts'
import { type BlockedContext, type BlockedNodes, blockedNode, standardNode } from './blocked-nodes.ts'

/** Writes what a node gives from what is there in blocks; false where it cannot, and the node stays as it is. */
type Rewrite = (node: Node, made: BlockedNodes, context: BlockedContext) => boolean

const maxPool: Rewrite = (node, made) => {
  const x = made.blocked.get(inputName(node, 0))
  const { storage_order: order, dilations, ...attributes } = node.attributes
  const dilated = Array.isArray(dilations) && dilations.some((dilation) => dilation !== 1)
  const y = outputName(node, 0)
  if (x === undefined || order || dilated || !made.blockableDims(y)) return false
  made.back(made.push(blockedNode('MaxPool', [x], attributes), y), y)
  return true
}

/** Channels last in the one pass that takes a value out of blocks. */
const transpose: Rewrite = (node, made) => {
  const x = made.blocked.get(inputName(node, 0))
  const { perm } = node.attributes
  if (x === undefined || !Array.isArray(perm) || perm.join() !== '0,2,3,1') return false
  const [, channels = 1] = made.dimsOf(inputName(node, 0))
  made.write(blockedNode('ReorderOutput', [x], { channels, channels_last: 1 }), outputName(node, 0))
  return true
}

const axesOf = (node: Node, { constant }: BlockedContext): string => {
  const axes = constant(inputName(node, 1))
  return axes ? [...(axes.data as Iterable<unknown>)].map(String).join() : ''
}

const ints = ({ addConstant }: BlockedContext, values: readonly number[]): string =>
  addConstant({ type: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) })

/** Means over the positions of each channel, [N, C, 1, 1], which lie in blocks as they lie plain. */
const means = (x: string, made: BlockedNodes, wish: string): string =>
  made.push(blockedNode('GlobalAveragePool', [x]), wish)

const reduceMean: Rewrite = (node, made, context) => {
  const x = made.blocked.get(inputName(node, 0))
  if (x === undefined || axesOf(node, context) !== '2,3') return false
  const y = outputName(node, 0)
  made.write(standardNode('Reshape', [means(x, made, y), ints(context, made.dimsOf(y))]), y)
  return true
}

/** The same value of dims [N, C, H W] is not reordered, if only sums over the last axis are asked of it. */
const reshape: Rewrite = (node, made) => {
  const x = made.blocked.get(inputName(node, 0))
  const y = outputName(node, 0)
  const [samples, channels, ...spatial] = made.dimsOf(inputName(node, 0))
  const dims = [samples, channels, sizeOf(spatial)]
  if (x !== undefined && made.dimsOf(y).join() === dims.join()) made.flattened.set(y, x)
  return false
}

const reduceSum: Rewrite = (node, made, context) => {
  if (made.dimsOf(outputName(node, 0)).length > 2) return false
  const given = inputName(node, 0)
  const axes = axesOf(node, context)
  const [samples = 1, channels = 1, ...spatial] = made.dimsOf(given)
  const x = (axes === '2' ? made.flattened : made.blocked).get(given)
  if (x === undefined || (axes !== '2' && axes !== '0,2,3')) return false
  const y = outputName(node, 0)
  const flat = made.push(standardNode('Reshape', [means(x, made, y), ints(context, [samples, channels])]), y)
  const count = sizeOf(spatial)
  // Over the samples, too: by a product with so many at each place.
  const counts = float32(axes === '2' ? [1] : [samples])
  counts.data.fill(count)
  const counted = context.addConstant(counts)
  made.write(axes === '2' ? standardNode('Mul', [flat, counted]) : standardNode('MatMul', [counted, flat]), y)
  return true
}

/** One number in all places of a constant. */
function only(name: string, value: number, { constant }: BlockedContext): boolean {
  const found = constant(name)
  return found?.type === 'float32' && found.data.every((one) => one === value)
}

/** Fixed statistics: x factor + level for each channel, as a depthwise convolution of one place. */
const batchNormalization: Rewrite = (node, made, context) => {
  const [given = '', scale = '', bias = '', mean = '', variance = ''] = node.inputs
  const x = made.blocked.get(given)
  const read = attributeReader(node.attributes, node.name)
  if (x === undefined || read.int('training_mode', 0) !== 0) return false
  const y = outputName(node, 0)
  const dims = made.dimsOf(y)
  const [, channels = 1] = dims
  const small = read.float('epsilon', 1e-5)
  const step = (op: string, ...inputs: string[]) => made.push(standardNode(op, inputs), y)
  const unit = small === 0 && only(variance, 1, context)
  const added = (): string => step('Add', variance, context.addConstant(float32([1], [small])))
  const factor = unit ? scale : step('Div', scale, step('Sqrt', added()))
  const centred = only(mean, 0, context)
  const level = centred ? bias : step('Sub', bias, step('Mul', mean, factor))
  const weights = step('Reshape', factor, ints(context, [channels, 1, 1, 1]))
  const inputs = [x, weights, ...(centred && only(bias, 0, context) ? [] : [level])]
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: channels,
  }
  made.back(made.push(blockedNode('Conv', inputs, attributes), y), y)
  return true
}

/** By op, of the standard set and with one output. */
export const rewrites: ReadonlyMap<string, Rewrite> = new Map([
  ['BatchNormalization', batchNormalization],
  ['MaxPool', maxPool],
  ['ReduceMean', reduceMean],
  ['ReduceSum', reduceSum],
  ['Reshape', reshape],
  ['Transpose', transpose],
])
