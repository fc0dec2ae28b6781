import { asStored, type Dataset } from '../data/dataset.ts'
import { bytesOf } from '../data/rows.ts'
import { sha256 } from '../data/sha256.ts'
import type { Engine } from '../engine/engine.ts'
import { ModelError } from '../errors.ts'
import { findHead, type Head, requireHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import type { Graph, Node, ValueInfo } from '../onnx/graph.ts'
import { nodeLabel } from '../ops/core/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { createEvaluator } from './evaluate.ts'

/**
 * The model's head as a model of its own: it reads features where the model reads inputs, and answers the same. What
 * trains it gives parameters under their names in the whole model.
 *
 * @throws ModelError `head-missing`, `head-tied`; `head-cut` where the logits also depend on the input past the features.
 * @example
 * const head = headModel(model)
 * const features = await featureDataset(engine, model, data)
 */
export function headModel(model: Model): Model {
  const head = requireHead(model)
  const { graph } = model
  const { nodes, read } = behind(graph, model.output, new Set([head.features]))
  const known = new Set([head.features, '', ...nodes.flatMap(({ outputs }) => outputs)])
  const kept = <T>(values: ReadonlyMap<string, T>) => new Map([...values].filter(([name]) => read.has(name)))
  const weights = [kept(graph.initializers), kept(model.parameters), kept(model.buffers)] as const
  for (const values of weights) for (const name of values.keys()) known.add(name)
  const past = nodes.find(({ inputs }) => inputs.some((name) => !known.has(name)))
  if (past) {
    throw new ModelError(
      'head-cut',
      `The head cannot be taken alone: ${nodeLabel(past)}, between the features "${head.features}" and the logits "${model.output}", reads the model's input, too.`,
    )
  }
  const [initializers, parameters, buffers] = weights
  const input: ValueInfo = { name: head.features, type: 'float32', dims: featureDims(model, head) }
  const width = model.classes.length > 0 ? model.classes.length : head.classes
  return {
    ...model,
    graph: {
      name: `${graph.name}-head`,
      inputs: [input],
      outputs: [{ name: model.output, type: 'float32', dims: ['batch', width] }],
      initializers,
      nodes,
    },
    parameters,
    buffers,
    input,
  }
}

/** The nodes that lead to a value from these values on, in order, and all that they read. */
function behind(graph: Graph, value: string, from: ReadonlySet<string>) {
  const read = new Set([value])
  const nodes: Node[] = []
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => read.has(name) && !from.has(name))) continue
    nodes.unshift(node)
    for (const name of namesRead(node)) read.add(name)
  }
  return { nodes, read }
}

/** A subgraph reads values of the graph around it by name. */
function namesRead({ inputs, attributes }: Node): string[] {
  return [
    ...inputs,
    ...Object.values(attributes).flatMap((attribute) =>
      typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'
        ? attribute.value.nodes.flatMap(namesRead)
        : [],
    ),
  ]
}

/** A batch that the file fixes holds behind the features, too. */
function featureDims({ input, parameters }: Model, { op, weight, classAxis }: Head): ValueInfo['dims'] {
  const width = parameters.get(weight)?.dims[1 - classAxis]
  const [batch] = input.dims ?? []
  const fixed = typeof batch === 'number'
  if (op === 'Gemm' && width !== undefined) return [fixed ? batch : 'batch', width]
  // Of the other axes nothing is known, not even how many there are.
  return fixed ? [batch, ''] : undefined
}

/**
 * A data set with the model's features in place of its inputs, float32 [N, ...], for {@link headModel}.
 *
 * @throws ModelError `features-raw` where the head reads the input itself: its features would be the data.
 * @example
 * const update = await updateModel({ engine, model: headModel(model), widened: headModel(wider), data, budget })
 */
export async function featureDataset(engine: Engine, model: Model, dataset: Dataset): Promise<Dataset> {
  const head = anyHead(model)
  const { read } = behind(model.graph, head.features, new Set())
  if (![...model.parameters.keys()].some((name) => read.has(name))) {
    throw new ModelError(
      'features-raw',
      `The head "${head.node}" reads the model's input, with no layer with weights before it: its features are the data themselves, so nothing would be kept private. Make the pack without --private.`,
    )
  }
  return {
    ...dataset,
    inputs: await valuesOf(engine, { ...model, output: head.features }, dataset),
    preprocessing: asStored,
  }
}

/** A head that is tied to an embedding still has features. */
const anyHead = (model: Model): Head => findHead(model) ?? requireHead(model)

/** Features as one vector a row, float32 [N, D], to choose rows by; those of a convolutional head are averaged over positions. */
export function featureVectors(engine: Engine, model: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  const { op, features } = anyHead(model)
  const pooled = `${features}/pooled`
  const output = `${features}/vector`
  const added: readonly Node[] = [
    node(op === 'Conv' ? 'GlobalAveragePool' : 'Identity', features, pooled),
    { ...node('Flatten', pooled, output), attributes: { axis: 1 } },
  ]
  const { nodes } = behind(model.graph, features, new Set())
  return valuesOf(
    engine,
    { ...model, graph: { ...model.graph, nodes: [...nodes, ...added], outputs: [] }, output },
    dataset,
  )
}

const node = (op: string, input: string, output: string): Node => ({
  op,
  domain: '',
  name: output,
  inputs: [input],
  outputs: [output],
  attributes: {},
})

async function valuesOf(engine: Engine, model: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  // One offset fits values of any width.
  const evaluator = createEvaluator(engine, model, 1, 250)
  const state = new Map([
    ...[...model.parameters].map(([name, tensor]) => [`parameter/${name}`, tensor] as const),
    ...[...model.buffers].map(([name, tensor]) => [`buffer/${name}`, tensor] as const),
  ])
  try {
    return await evaluator.logits(dataset, state)
  } finally {
    await evaluator.dispose()
  }
}

/** SHA-256 of the weights below the head, which decide what the features are. */
export function bodyHash(model: Model): string {
  const { weight, bias } = anyHead(model)
  const hash = sha256()
  const weights = [...model.parameters, ...model.buffers].filter(([name]) => name !== weight && name !== bias)
  for (const [name, tensor] of weights.sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, tensor.dims])}\n`).update(bytesOf(tensor))
  }
  return hash.hex()
}
