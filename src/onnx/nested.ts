import { DataLocation } from './codes.ts'
import type { GraphProto, TensorProto } from './onnx_pb.ts'

/** Tensors of a graph that lie in other files, except its dense initialisers: in attributes, subgraphs, sparse tensors. */
export function* nestedExternalTensors(graph: GraphProto): Generator<TensorProto> {
  for (const tensor of nestedTensors(graph)) if (tensor.dataLocation === DataLocation.external) yield tensor
}

function* nestedTensors(graph: GraphProto): Generator<TensorProto> {
  for (const { values, indices } of graph.sparseInitializer) yield* present(values, indices)
  for (const { attribute } of graph.node) {
    for (const { t, g, tensors, graphs, sparseTensor, sparseTensors } of attribute) {
      yield* present(t, ...tensors)
      for (const sparse of sparseTensor ? [sparseTensor, ...sparseTensors] : sparseTensors) {
        yield* present(sparse.values, sparse.indices)
      }
      for (const subgraph of g ? [g, ...graphs] : graphs) {
        yield* subgraph.initializer
        yield* nestedTensors(subgraph)
      }
    }
  }
}

function present(...tensors: (TensorProto | undefined)[]): TensorProto[] {
  return tensors.filter((tensor) => tensor !== undefined)
}
