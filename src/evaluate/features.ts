import type { Dataset } from '../data/dataset.ts'
import { bytesOf } from '../data/rows.ts'
import { sha256 } from '../data/sha256.ts'
import type { Engine } from '../engine/engine.ts'
import { ModelError } from '../errors.ts'
import { findHead, type Head, readingTrunk, requireHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { type Node, plainNode } from '../onnx/graph.ts'
import { nodesBehind } from '../onnx/walk.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { activationsAt, modelAbove, type Place } from './cuts/index.ts'
import { frozenOutputs } from './frozen-outputs.ts'

/**
 * A data set with the model's features in place of its inputs, float32 [N, ...], for the model above {@link headCut}.
 *
 * @throws ModelError `features-raw` where the head reads the input itself: its features would be the data.
 * @example
 * const features = await featureDataset(engine, model, data)
 * const logits = await openReader(engine, modelAbove(model, headCut(model)), 10).logits(features)
 */
export async function featureDataset(engine: Engine, model: Model, dataset: Dataset): Promise<Dataset> {
  const head = refuseRaw(model)
  const place = { values: [head.features], types: ['float32'], dims: [undefined] } as const
  return activationsAt(engine, model, place, dataset)
}

/**
 * The head, whose features are not the data themselves.
 *
 * @throws ModelError `features-raw` where they are.
 */
export function refuseRaw(model: Model): Head {
  const head = anyHead(model)
  const { read } = nodesBehind(model.graph.nodes, [head.features])
  if ([...model.parameters.keys()].some((name) => read.has(name))) return head
  throw new ModelError(
    'features-raw',
    `The head "${head.node}" reads the model's input, with no layer with weights before it: its features are the data themselves, so nothing would be kept private. Make the pack without --private and --sums-only.`,
  )
}

/** A head that is tied to an embedding still has features. */
const anyHead = (model: Model): Head => readingTrunk(model, findHead(model) ?? requireHead(model))

/**
 * Features as one vector a row, float32 [N, D], to choose rows by; those of a convolutional head are averaged over positions. Of a model
 * with random features before its head they are those that these are made of.
 */
export function featureVectors(engine: Engine, model: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  const { op, features } = anyHead(model)
  const pooled = `${features}/pooled`
  const output = `${features}/vector`
  const added: readonly Node[] = [
    plainNode(op === 'Conv' ? 'GlobalAveragePool' : 'Identity', [features], pooled),
    plainNode('Flatten', [pooled], output, { axis: 1 }),
  ]
  const { nodes } = nodesBehind(model.graph.nodes, [features])
  return frozenOutputs(
    engine,
    { ...model, graph: { ...model.graph, nodes: [...nodes, ...added], outputs: [] }, output },
    dataset,
  )
}

/**
 * SHA-256 of the weights below a cut, which decide what the activations there are: data that were stored for one model are
 * of use to another with the same.
 *
 * @param cut Default right below the head.
 */
export function bodyHash(model: Model, cut?: Place): string {
  const above = cut ? weightsOf(modelAbove(model, cut)) : headWeights(model)
  const hash = sha256()
  const weights = [...model.parameters, ...model.buffers].filter(([name]) => !above.has(name))
  for (const [name, tensor] of weights.sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, tensor.dims])}\n`).update(bytesOf(tensor))
  }
  return hash.hex()
}

const weightsOf = ({ parameters, buffers }: Model): ReadonlySet<string> =>
  new Set([...parameters.keys(), ...buffers.keys()])

function headWeights(model: Model): ReadonlySet<string | undefined> {
  const { weight, bias } = anyHead(model)
  return new Set([weight, bias])
}
