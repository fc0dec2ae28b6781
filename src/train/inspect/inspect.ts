import { type Obstacle, obstacles } from '../../autodiff/obstacles.ts'
import { HoldfastError } from '../../errors.ts'
import { type Selection, selectParameters, trainOnly, withLora } from '../../model/adapters/index.ts'
import { findHead, type Head } from '../../model/heads/index.ts'
import { fedInputs } from '../../model/inputs.ts'
import { type BoundInput, classCount, type Model } from '../../model/model.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import type { DType } from '../../tensor/tensor.ts'
import { limitsOf } from './inspect-limits.ts'
import { type CountedStep, countStep, type StepCost, type StepRequest } from './inspect-step.ts'

export interface InspectedValue {
  readonly name: string
  readonly type: DType
  /** A name stands for a size that is free; null for dims of which the file says nothing. */
  readonly dims: readonly (number | string)[] | null
}

export interface InspectedBound extends InspectedValue {
  readonly role: BoundInput['role']
}

export interface InspectedParameter {
  readonly name: string
  readonly dims: readonly number[]
  /** As the file keeps it; training works in float32. */
  readonly type: DType
  /** Whether a step of training as asked for would change it. */
  readonly trainable: boolean
}

/** What Holdfast can do with a model. */
export interface Inspection {
  /** Version of the standard operator set. */
  readonly opset: number
  readonly inputs: readonly InspectedValue[]
  readonly outputs: readonly InspectedValue[]
  /** Inputs of the file that training need not be given: those of an empty cache, and those with a value. */
  readonly bound: readonly InspectedBound[]
  /** Weights, biases and norms, running statistics among them. */
  readonly parameters: readonly InspectedParameter[]
  /** Whether the model can be trained as asked for. */
  readonly trainable: boolean
  readonly obstacles: readonly Obstacle[]
  readonly labels: readonly string[]
  readonly head: Head | null
  /** Of a model that gives one number for two classes: the value that holds it, and the file's output. Else null. */
  readonly binary: Model['binary'] | null
  /** The value that holds the logits. */
  readonly logits: string
  /** null where obstacles stand in the way. */
  readonly step: StepCost | null
  /** What `update`, `keep`, `gate` and `curve` cannot do with it though it can be trained, and the way out; in words. */
  readonly limits: readonly string[]
}

/** What `inspect` assumes where it is not told. */
export const inspectDefaults = { batch: 16 } as const

export interface InspectOptions {
  /** Rows in a batch. Default 16; a batch that the file fixes is run as often as that takes. */
  readonly batch?: number | undefined
  /** Sizes of symbolic dims by name. */
  readonly dims?: Readonly<Record<string, number>> | undefined
  /** Pixels of images, where the file leaves their size free. Default 224 by 224. */
  readonly image?: StepRequest['image']
  /** Positions that texts have at most, as the tokenizer says. Default as many as the model takes, up to 128. */
  readonly positions?: number | undefined
  /** Of the model's file, and of files beside it. Default as many as the parameters take. */
  readonly fileBytes?: number | undefined
  /** Which parameters train. Default all. */
  readonly train?: Selection | undefined
  /** As `modelFromOnnx`. Default 'fixed'. */
  readonly batchNorm?: 'fixed' | 'train' | undefined
  /** Trains low-rank updates of this rank instead, and the head. */
  readonly loraRank?: number | undefined
  /** Default Adam. */
  readonly optimiser?: StepRequest['optimiser']
  /** Activations are computed again in the backward pass. Default false. */
  readonly recompute?: boolean | undefined
  /** Whether the step is built as WebGPU takes it, without loops, and held against its kernels. Default false. */
  readonly onWebgpu?: boolean | undefined
  /** Which type the file keeps a parameter in. Default float32. */
  readonly typeOf?: (name: string) => DType | undefined
}

/**
 * Says what of a model can be trained, what stands in the way, and what a step takes; nothing is run.
 *
 * @param model Read with `batchNorm: 'train'`, so that running statistics can be told apart.
 * @throws UsageError what {@link selectParameters} and {@link withLora} throw.
 * @example
 * const { trainable, obstacles, step } = inspectModel(modelFromOnnx(bytes, { batchNorm: 'train' }))
 */
export function inspectModel(model: Model, options: InspectOptions = {}): Inspection {
  const { batch = inspectDefaults.batch, dims = {}, image, fileBytes, typeOf = () => undefined } = options
  const training = asTrained(model, options)
  const { positions = Number.POSITIVE_INFINITY } = options
  const lengths = sequences.map((length) => Math.min(length, positions))
  const { optimiser, recompute, onWebgpu } = options
  const counted = countedStep(
    { model: training, batch, dims, image, fileBytes, optimiser, recompute, onWebgpu },
    lengths,
  )
  const found = counted instanceof HoldfastError ? obstaclesOf(training, counted, dims) : []
  const step = counted instanceof HoldfastError ? undefined : counted
  const head = findHead(model) ?? null
  const names = new Map([...model.parameters, ...training.parameters, ...model.buffers])
  return {
    opset: model.opsets[''] ?? 0,
    inputs: model.graph.inputs.map(inspected),
    outputs: model.graph.outputs.map(inspected),
    bound: (model.bound ?? []).map(({ info, role }) => ({ ...inspected(info), role })),
    parameters: Array.from(names, ([name, tensor]) => ({
      name,
      dims: tensor.dims,
      type: typeOf(name) ?? tensor.type,
      trainable: step !== undefined && (step.reached.has(name) || training.buffers.has(name)),
    })),
    trainable: step !== undefined && step.reached.size > 0,
    obstacles: step?.reached.size === 0 ? [nothingTrains(training)] : found,
    labels: head && classCount(model, head.classes) !== model.classes.length ? [] : model.classes,
    head,
    binary: model.binary ?? null,
    logits: model.binary?.logit ?? model.output,
    step: step?.cost ?? null,
    limits: limitsOf(model, head, step?.logits),
  }
}

const inspected = ({ name, type, dims }: ValueInfo): InspectedValue => ({ name, type, dims: dims ?? null })

function asTrained(model: Model, { train, batchNorm = 'fixed', loraRank }: InspectOptions): Model {
  const initializers = new Map([...model.graph.initializers, ...model.buffers])
  const statistics: Model =
    batchNorm === 'train' ? model : { ...model, graph: { ...model.graph, initializers }, buffers: new Map() }
  if (loraRank !== undefined) return withLora(statistics, { rank: loraRank, packed: true }).model
  return train ? trainOnly(statistics, selectParameters(statistics, train)) : statistics
}

/** Sequences of usual length, else of few positions: a model may know so many only. */
const sequences = [128, 8]

/** The step, or why it cannot be built. */
function countedStep(
  request: Omit<StepRequest, 'sequence'>,
  [sequence = 8, ...shorter]: readonly number[],
): CountedStep | HoldfastError {
  try {
    return countStep({ ...request, sequence })
  } catch (problem) {
    if (!(problem instanceof HoldfastError)) throw problem
    const next = shorter.length > 0 ? countedStep(request, shorter) : problem
    return next instanceof HoldfastError ? problem : next
  }
}

/** All that stands in the way; at least what the first attempt met. */
function obstaclesOf(model: Model, met: HoldfastError, sizes: Readonly<Record<string, number>>): Obstacle[] {
  const found = obstacles({ ...model.graph, inputs: fedInputs(model) }, model.opsets, {
    parameters: model.parameters,
    bound: model.buffers,
    sizes,
    outputs: [model.output],
  })
  return found.length > 0 ? found : [{ node: '', op: '', domain: '', reason: met.message }]
}

const nothingTrains = ({ parameters, output }: Model): Obstacle => ({
  node: '',
  op: '',
  domain: '',
  reason:
    parameters.size === 0
      ? 'The model has no float weights that training could change: they are in a form that is read only, or computed.'
      : `"${output}" depends on none of the parameters, so there is nothing to train. Name the value that holds the logits (--output).`,
})
