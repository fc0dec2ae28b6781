import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { graphCost } from '../../autodiff/graph-cost.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { forDevice } from '../../engine/for-device.ts'
import { heldApart, loadable } from '../../engine/loadable.ts'
import { ModelError } from '../../errors.ts'
import { fedInputs } from '../../model/inputs.ts'
import {
  headCrossEntropy,
  linearHead,
  MANY_CLASSES,
  meanSquaredError,
  positionCrossEntropy,
} from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import type { Graph } from '../../onnx/graph.ts'
import type { Value } from '../../ops/core/index.ts'
import { byteLengthOf, byteLengthOfAll } from '../../tensor/bytes.ts'
import { adam, type Optimiser, updateParameters } from '../step/index.ts'
import { stepMemory } from './inspect-memory.ts'
import { concreteDims, type ImageSize, namedSizes, usualSizes } from './inspect-sizes.ts'

/** What one training step takes. */
export interface StepCost {
  /** Rows in the batch. */
  readonly batch: number
  /** Sizes that were taken for the symbolic dims, by name. */
  readonly dims: Readonly<Record<string, number>>
  readonly nodes: number
  /** Forward, backward and update; a multiplication and an addition count 2. */
  readonly flops: number
  /** Of these, those of matrix products, convolutions and recurrent layers. */
  readonly productFlops: number
  /** Of the forward pass alone. */
  readonly forwardFlops: number
  /** The most that a process which reads the model and trains it has in memory: see {@link stepMemory}. */
  readonly bytes: number
  /** Of all that are trained. */
  readonly parameterBytes: number
  readonly optimiserBytes: number
  /** What activations and gradients take at their most. */
  readonly activationBytes: number
  /** Ops, and forms of some, that WebGPU has no right kernel for, and how many nodes each; null where it was not asked for. */
  readonly lacking: Readonly<Record<string, number>> | null
}

export interface StepRequest {
  readonly model: Model
  readonly batch: number
  /** Sizes of symbolic dims by their names, before what names suggest. */
  readonly dims: Readonly<Record<string, number>>
  /** Positions in a sequence, where the file leaves them free. */
  readonly sequence: number
  /** Of images, where the file leaves their size free. Default 224 by 224. */
  readonly image?: ImageSize | undefined
  /** Default Adam. */
  readonly optimiser?: Optimiser | undefined
  /** As in the settings of a step. Default false. */
  readonly recompute?: boolean | undefined
  /** Of the model's file, and of files beside it that hold its tensors. Default as many as the parameters take. */
  readonly fileBytes?: number | undefined
  /** Whether the step is built as WebGPU takes it, without loops, and held against its kernels. Default false. */
  readonly onWebgpu?: boolean | undefined
}

export interface CountedStep {
  readonly cost: StepCost
  /** Names of parameters that the loss depends on. */
  readonly reached: ReadonlySet<string>
  /** Of what the model answers for the batch. */
  readonly logits: readonly number[]
}

/**
 * Builds forward, backward and update for a batch of given size, runs nothing, and counts what it would take.
 *
 * @throws ModelError, UnsupportedOpError what specialising and differentiating the graph throw.
 */
export function countStep(request: StepRequest): CountedStep {
  const { model, dims: given } = request
  const usual = usualSizes(request)
  const inputs = fedInputs(model)
  const named = namedSizes(inputs, usual, given)
  // The batch has a name of its own, by which another size may be asked for.
  const [first = ''] = model.input.dims ?? []
  const sizes = { ...usual, batch: (typeof first === 'string' ? named.get(first) : undefined) ?? usual.batch }
  const builder = new GraphBuilder(undefined, { flat: request.onWebgpu })
  const bound = new Map<string, Value>()
  for (const info of inputs) {
    bound.set(
      info.name,
      builder.input(info.name, {
        type: info.type,
        dims: concreteDims(info, sizes, named),
      }),
    )
  }
  const parameters = new Map(
    Array.from(model.parameters, ([name, tensor]) => [name, builder.input(name, tensor)]),
  )
  const buffers = Array.from(model.buffers, ([name, tensor]): [string, Value] => [
    name,
    builder.input(name, tensor),
  ])
  const specialised = specialise(
    builder,
    model.graph,
    model.opsets,
    new Map([...bound, ...parameters, ...buffers]),
    { outputs: [model.output], batchNorm: buffers.length > 0 ? 'batch' : 'fixed' },
  )
  const logits = specialised.outputs.get(model.output)
  if (!logits) {
    throw new ModelError(
      'model-output',
      `The model does not compute its output "${model.output}". It is damaged.`,
    )
  }
  const loss = lossOf(builder, logits)
  const forward = forwardFlops(builder, loss)
  const wanted = [...parameters.values()]
  const found = gradients(builder, loss, wanted, { recompute: request.recompute })
  const { optimiser = adam() } = request
  const scalars = optimiser.scalars(1, 1).map((_, at) => builder.input(`scalar/${at}`, SCALAR))
  const reached = new Set<string>()
  let parameterBytes = 0
  const pending = [...parameters].flatMap(([name, parameter], at) => {
    parameterBytes += byteLengthOf('float32', parameter.dims)
    const gradient = found[at]
    if (!gradient) return []
    reached.add(name)
    const slots = optimiser.slots.map((slot) => builder.input(`optimiser/${slot}/${name}`, parameter))
    return [{ name, parameter, gradient, slots }]
  })
  for (const [name, updated] of updateParameters(builder, { optimiser, scalars }, pending)) {
    builder.output(updated.parameter, `${name}/next`)
    updated.slots.forEach((value, slot) => {
      builder.output(value, `optimiser/${optimiser.slots[slot]}/${name}/next`)
    })
  }
  for (const [name, value] of specialised.buffers) builder.output(value, `${name}/next`)
  const graph = builder.finish('step')
  const { nodes, flops, productFlops, innerPeakBytes } = graphCost(graph)
  const optimiserBytes = optimiser.slots.length * parameterBytes
  return {
    reached,
    logits: logits.dims,
    cost: {
      batch: sizes.batch,
      dims: Object.fromEntries(named),
      nodes,
      flops,
      productFlops,
      forwardFlops: forward,
      bytes: stepMemory({
        fileBytes: request.fileBytes ?? parameterBytes,
        stateBytes: parameterBytes + optimiserBytes,
        activationBytes: innerPeakBytes,
        nodes,
        ...frozenBytes(graph),
      }),
      parameterBytes,
      optimiserBytes,
      activationBytes: innerPeakBytes,
      lacking: request.onWebgpu ? lackingIn(graph) : null,
    },
  }
}

/** Of the graph as the device takes it; weights are nothing to it. */
const lackingIn = (graph: Graph): Readonly<Record<string, number>> =>
  Object.fromEntries(forDevice(loadable(graph).bytes).lacking)

/** Frozen weights, as the runtime gets them: read where they lie, or its own. */
function frozenBytes(graph: Graph): { readonly heldBytes: number; readonly constantBytes: number } {
  const heldBytes = byteLengthOfAll(heldApart(graph).values())
  return { heldBytes, constantBytes: byteLengthOfAll(graph.initializers.values()) - heldBytes }
}

const SCALAR = { type: 'float32', dims: [] } as const

/** The loss becomes an output of the graph, and what it takes so far is counted. */
function forwardFlops(builder: GraphBuilder, loss: Value): number {
  builder.output(loss, 'loss')
  return graphCost(builder.finish('forward')).flops
}

/** Which loss hardly matters for what a step takes: one number for each row of logits, or each logit. */
function lossOf(builder: GraphBuilder, logits: Value): Value {
  if (logits.dims.length < 2) return meanSquaredError(builder, logits, builder.input('labels', logits))
  const labels = builder.input('labels', { type: 'int64', dims: logits.dims.slice(0, -1) })
  const head = (logits.dims.at(-1) ?? 0) >= MANY_CLASSES ? linearHead(builder, logits) : undefined
  if (!head) return positionCrossEntropy(builder, logits, labels)
  return headCrossEntropy(builder, head, labels)
}
