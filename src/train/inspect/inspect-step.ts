import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { ModelError } from '../../errors.ts'
import { meanSquaredError, positionCrossEntropy } from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import type { Value } from '../../ops/core/index.ts'
import { byteLengthOf } from '../../tensor/bytes.ts'
import { adam, updateParameters } from '../step/index.ts'
import { graphCost } from './inspect-cost.ts'

/** What one training step with Adam takes. */
export interface StepCost {
  /** Rows in the batch. */
  readonly batch: number
  /** Sizes that were taken for the symbolic dims, by name. */
  readonly dims: Readonly<Record<string, number>>
  readonly nodes: number
  /** Forward, backward and update; a multiplication and an addition count 2. */
  readonly flops: number
  /** Of the forward pass alone. */
  readonly forwardFlops: number
  /** The most that a process which reads the model and trains it has in memory: see {@link stepMemory}. */
  readonly bytes: number
  /** Of all that are trained. */
  readonly parameterBytes: number
  readonly optimiserBytes: number
  /** What activations, gradients and new parameters take at their most. */
  readonly activationBytes: number
}

export interface StepRequest {
  readonly model: Model
  readonly batch: number
  /** Sizes of symbolic dims by their names, before what names suggest. */
  readonly dims: Readonly<Record<string, number>>
  /** Positions in a sequence, where the file leaves them free. */
  readonly sequence: number
  /** Of images, where the file leaves their size free. Default 224 by 224. */
  readonly image?: { readonly height: number; readonly width: number } | undefined
  /** Of the model's file, and of files beside it that hold its tensors. Default as many as the parameters take. */
  readonly fileBytes?: number | undefined
}

export interface CountedStep {
  readonly cost: StepCost
  /** Names of parameters that the loss depends on. */
  readonly reached: ReadonlySet<string>
  /** Of what the model answers for the batch. */
  readonly logits: readonly number[]
}

/**
 * Builds forward, backward and Adam's update for a batch of given size, runs nothing, and counts what it would take.
 *
 * @throws ModelError, UnsupportedOpError what specialising and differentiating the graph throw.
 */
export function countStep(request: StepRequest): CountedStep {
  const { model, dims: given } = request
  const usual = usualSizes(request)
  const named = namedSizes(model.graph.inputs, usual, given)
  // The batch has a name of its own, by which another size may be asked for.
  const [first = ''] = model.input.dims ?? []
  const sizes = { ...usual, batch: (typeof first === 'string' ? named.get(first) : undefined) ?? usual.batch }
  const builder = new GraphBuilder()
  const bound = new Map<string, Value>()
  for (const info of model.graph.inputs) {
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
  const found = gradients(builder, loss, wanted)
  const optimiser = adam()
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
  const { nodes, flops, peakBytes } = graphCost(builder.finish('step'))
  const optimiserBytes = optimiser.slots.length * parameterBytes
  return {
    reached,
    logits: logits.dims,
    cost: {
      batch: sizes.batch,
      dims: Object.fromEntries(named),
      nodes,
      flops,
      forwardFlops: forward,
      bytes: stepMemory({
        fileBytes: request.fileBytes ?? parameterBytes,
        stateBytes: parameterBytes + optimiserBytes,
        optimiserBytes,
        activationBytes: peakBytes,
      }),
      parameterBytes,
      optimiserBytes,
      activationBytes: peakBytes,
    },
  }
}

/** Node and the runtime before anything is read. */
const PROCESS_BYTES = 130 * 2 ** 20

/**
 * Copies of the state (parameters and optimiser): two that calls read and write by turns, two that the runtime's loop does, what a step
 * makes of it, and what is handed back.
 */
const STATE_COPIES = 6

/**
 * How much the runtime takes for what a step computes beside the state: its arena grows by doubling, gives nothing back, and holds the
 * work space of convolutions and products, too.
 */
const ARENA = 3.5

/**
 * The most that training has in memory at one time, in bytes: the process, the file as it was read, the optimiser's first zeros, the
 * copies of the state, and what a step computes. `bench/memory.ts` measures it: within 13 % of the peak for an MLP, a CNN
 * and a transformer.
 */
function stepMemory(parts: {
  readonly fileBytes: number
  readonly stateBytes: number
  readonly optimiserBytes: number
  readonly activationBytes: number
}): number {
  const { fileBytes, stateBytes, optimiserBytes, activationBytes } = parts
  const computed = Math.max(0, activationBytes - stateBytes)
  return Math.round(PROCESS_BYTES + fileBytes + optimiserBytes + STATE_COPIES * stateBytes + ARENA * computed)
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
  return positionCrossEntropy(builder, logits, labels)
}

/** Sizes for dims that the file leaves free. */
interface Sizes {
  readonly batch: number
  readonly sequence: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly other: number
}

/** Pixels along a side of images, where nothing says how many. */
export const USUAL_SIDE = 224

const usualSizes = ({ batch, sequence, image }: StepRequest): Sizes => ({
  batch,
  sequence,
  height: image?.height ?? USUAL_SIDE,
  width: image?.width ?? USUAL_SIDE,
  channels: 3,
  other: 8,
})

/** What symbolic dims are by how they are called. The first axis of an input is the batch. */
const kinds: readonly { readonly name: RegExp; readonly kind: keyof Sizes }[] = [
  { name: /past/i, kind: 'other' },
  { name: /seq|length|token|position|time|^t$|^l$|^s$/i, kind: 'sequence' },
  { name: /height|^h$/i, kind: 'height' },
  { name: /width|^w$/i, kind: 'width' },
  { name: /channel|^c$/i, kind: 'channels' },
]

/** Sizes of symbolic dims by name: as given, or as their names and places suggest. */
function namedSizes(
  inputs: readonly ValueInfo[],
  sizes: Sizes,
  given: Readonly<Record<string, number>>,
): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const { dims = [] } of inputs) {
    dims.forEach((dim, axis) => {
      if (typeof dim !== 'string' || dim === '' || found.has(dim)) return
      const asked = Object.hasOwn(given, dim) ? given[dim] : undefined
      const named = axis === 0 ? undefined : kinds.find(({ name }) => name.test(dim))?.kind
      found.set(dim, asked ?? sizes[named ?? kindAt(axis, dims)])
    })
  }
  return found
}

/** What an axis is where nothing names it. */
function kindAt(axis: number, dims: readonly (number | string)[]): keyof Sizes {
  if (axis === 0) return 'batch'
  if (dims.length === 4) {
    const last = dims[3] === 1 || dims[3] === 3
    return (
      (last ? (['height', 'width', 'channels'] as const) : (['channels', 'height', 'width'] as const))[
        axis - 1
      ] ?? 'other'
    )
  }
  return dims.length < 4 && axis === 1 ? 'sequence' : 'other'
}

/** The dims that an input is bound with: a batch that the file fixes is run several at a time, so any number of rows is. */
const concreteDims = ({ dims = [] }: ValueInfo, sizes: Sizes, found: ReadonlyMap<string, number>): number[] =>
  dims.map((dim, axis) => {
    if (typeof dim === 'number') return axis === 0 ? sizes.batch : dim
    return found.get(dim) ?? sizes[kindAt(axis, dims)]
  })
