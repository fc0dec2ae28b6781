import { bounds } from '../../data/bounds.ts'
import { ModelError, UsageError } from '../../errors.ts'
import type { Graph, Node } from '../../onnx/graph.ts'
import { present, required } from '../../required.ts'
import { type RandomStream, randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import { findHead, type Head, requireHead } from './head.ts'
import { isNonNegative } from './non-negative.ts'

export interface ExpandOptions {
  /** How many random features the head reads beside its own. */
  readonly width: number
  /** Of the random directions: the same seed and model give the same features. Default 0. */
  readonly seed?: number | undefined
}

/** Random features in front of a head. */
export interface Expansion {
  /** The value that is expanded, f: what the model's head read before. */
  readonly features: string
  /** R, float32 [D, D']: the head reads Relu(f R). It is no parameter, and never trains. */
  readonly weight: Tensor<'float32'>
}

/** By this initialiser a file is known for one that has random features before its head. */
export const EXPANSION = 'holdfast.expansion.weight'
const PRODUCT = 'holdfast.expansion.product'
/** What the head reads then. */
export const EXPANDED = 'holdfast.expansion.features'

/**
 * A model whose head reads random features beside its own: Relu(f R) in place of f, R frozen (RanPAC: McDonnell et al. 2023, arXiv
 * 2307.02251). What is linear in them is a curved border in f, so that a head from sums tells more classes apart. It answers as before:
 * R begins with the identity, and with its negative where f can be negative, f = Relu(f) - Relu(-f), and the head's rows are 0 for all that
 * is random.
 *
 * Inputs and outputs stay, and the file gets two nodes more. The random directions are normal, rounded to 1/64, which every float type
 * holds.
 *
 * @throws UsageError `head-width`; ModelError `head-missing`, `head-tied`; `head-expand` for a convolution; `head-expanded` where that was
 * done before.
 * @example
 * const wider = expandHead(model, { width: 2000, seed: 1 })
 */
export function expandHead(model: Model, { width, seed = 0 }: ExpandOptions): Model {
  if (!bounds.expansion().safeParse(width).success) {
    throw new UsageError(
      'head-width',
      `The number of random features is a whole number from 1 to 4096, as the products of all pairs of them are kept; it is ${width}.`,
    )
  }
  const head = requireHead(model)
  refuse(model, head)
  const old = required(model.parameters, head.weight, 'parameter') as Tensor<'float32'>
  const features = old.data.length / head.classes
  const signs = isNonNegative(model.graph, head.features) ? [1] : [1, -1]
  const expanded = features * signs.length + width
  const graph = latestOf(model.graph, `${head.weight} [${features}], ${width}, ${seed}`, () =>
    withExpansion(model.graph, head, directions(features, signs, width, randomStream(seed, 'expansion'))),
  )
  return {
    ...model,
    graph,
    parameters: new Map([...model.parameters, [head.weight, readingSame(old, head, signs, expanded)]]),
  }
}

/** What was made of a graph last: a model that is read so again has the same graph, and whoever runs it knows it by that. */
const latest = new WeakMap<Graph, { readonly key: string; readonly made: Graph }>()

function latestOf(graph: Graph, key: string, make: () => Graph): Graph {
  const found = latest.get(graph)
  if (found?.key === key) return found.made
  const made = make()
  latest.set(graph, { key, made })
  return made
}

function refuse(model: Model, { op, node }: Head): void {
  if (expansionOf(model)) {
    throw new ModelError(
      'head-expanded',
      'The model has random features before its head already. Take the model from before that, or go on with this one as it is.',
    )
  }
  if (op !== 'Conv') return
  throw new ModelError(
    'head-expand',
    `The head "${node}" is a convolution over a map of features; random features go before a head that reads one vector a row.`,
  )
}

/** [I, -I, N]: what brings the features back, and random directions. */
function directions(
  features: number,
  signs: readonly number[],
  width: number,
  random: RandomStream,
): Tensor<'float32'> {
  const passed = features * signs.length
  const weight = float32([features, passed + width])
  for (let row = 0; row < features; row++) {
    for (const [at, sign] of signs.entries()) weight.data[row * (passed + width) + at * features + row] = sign
  }
  // Column by column, so that a wider expansion begins with the features of a narrower one.
  for (let column = passed; column < passed + width; column++) {
    for (let row = 0; row < features; row++) {
      weight.data[row * (passed + width) + column] = Math.round(64 * random.normal()) / 64
    }
  }
  return weight
}

/** The head's weight for expanded features: its own for those that pass, 0 for the others. */
function readingSame(
  old: Tensor<'float32'>,
  { classAxis, classes }: Head,
  signs: readonly number[],
  expanded: number,
): Tensor<'float32'> {
  const features = old.data.length / classes
  const wide = float32(classAxis === 0 ? [classes, expanded] : [expanded, classes])
  const place = (unit: number, feature: number, width: number) =>
    classAxis === 0 ? unit * width + feature : feature * classes + unit
  for (let unit = 0; unit < classes; unit++) {
    for (let feature = 0; feature < features; feature++) {
      const value = old.data[place(unit, feature, features)] as number
      for (const [at, sign] of signs.entries()) {
        wide.data[place(unit, at * features + feature, expanded)] = sign * value
      }
    }
  }
  return wide
}

/** The two nodes of an expansion, which read the head's features. */
export const expansionNodes = (features: string): readonly [Node, Node] => [
  {
    op: 'MatMul',
    domain: '',
    name: PRODUCT,
    inputs: [features, EXPANSION],
    outputs: [PRODUCT],
    attributes: {},
  },
  { op: 'Relu', domain: '', name: EXPANDED, inputs: [PRODUCT], outputs: [EXPANDED], attributes: {} },
]

function withExpansion(graph: Graph, head: Head, weight: Tensor<'float32'>): Graph {
  const node = headNode(graph, head)
  const reading = { ...node, inputs: [EXPANDED, ...node.inputs.slice(1)] }
  return {
    ...graph,
    initializers: new Map([...graph.initializers, [EXPANSION, weight]]),
    nodes: graph.nodes.flatMap((one) => (one === node ? [...expansionNodes(head.features), reading] : [one])),
  }
}

/** The node that the head is. */
export const headNode = ({ nodes }: Graph, { values: [first = ''] }: Head): Node =>
  present(
    nodes.find(({ outputs }) => outputs.includes(first)),
    `The node that gives "${first}"`,
  )

/** The random features before a model's head, where it has some. */
export function expansionOf(model: Model): Expansion | undefined {
  const weight = model.graph.initializers.get(EXPANSION) as Tensor<'float32'> | undefined
  const product = model.graph.nodes.find(({ op, inputs }) => op === 'MatMul' && inputs[1] === EXPANSION)
  const [features] = product?.inputs ?? []
  if (!weight || features === undefined || findHead(model)?.features !== EXPANDED) return undefined
  return { features, weight }
}

/** The head with what lies below it for its features: random features before a head belong to it. */
export const readingTrunk = (model: Model, head: Head): Head => ({
  ...head,
  features: expansionOf(model)?.features ?? head.features,
})
