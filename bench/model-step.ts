import { GraphBuilder } from '../src/autodiff/builder.ts'
import { gradients } from '../src/autodiff/gradients.ts'
import { scan } from '../src/autodiff/scan.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import type { StateSlot } from '../src/engine/engine.ts'
import { crossEntropy } from '../src/model/losses/cross-entropy.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Value } from '../src/ops/core/define.ts'
import { filled } from '../src/ops/core/emit.ts'
import { asMade } from '../src/ops/core/scan.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, sizeOf, type Tensor } from '../src/tensor/tensor.ts'
import type { Optimiser } from '../src/train/step/optimisers.ts'
import { updateParameters } from '../src/train/step/updates.ts'

/** A training step of an exported model on batches that lie in memory. */
export interface ModelStep {
  readonly bytes: Uint8Array
  readonly nodes: number
  readonly slots: readonly StateSlot[]
  readonly initial: ReadonlyMap<string, Tensor>
  /** The batches, their labels and the schedule. */
  readonly feeds: ReadonlyMap<string, Tensor>
}

export interface ModelStepOptions {
  readonly model: Model
  readonly optimiser: Optimiser
  /** AdamW's decay; 0 for none. */
  readonly decay: number
  /** Dims of a batch. */
  readonly batch: readonly number[]
  /** For token ids: how many there are. */
  readonly vocabulary?: number
  /** Batch normalisation by the batch's own statistics. */
  readonly statistics: boolean
  readonly stepsPerCall: number
  /** Channels in a block, where convolutions are to be blocked. */
  readonly channelBlock?: number | undefined
}

/** Forward, cross-entropy, backward and update, in the body of a `Scan` over the batches. */
export function buildModelStep(options: ModelStepOptions): ModelStep {
  const { model, optimiser, batch, stepsPerCall: steps } = options
  const builder = new GraphBuilder(undefined, options)
  const rate = optimiser.name === 'sgd' ? 0.01 : 1e-4
  const numbers = optimiser.scalars(1000, rate)
  const feeds = new Map<string, Tensor>([
    ['batches', batches(options)],
    ['labels', drawnInts('labels', [steps, batch[0] ?? 1], 10, 'int32')],
    ...numbers.map(
      (value, at) => [`schedule/${at}`, float32([steps], new Float32Array(steps).fill(value))] as const,
    ),
  ])
  const scanned = [...feeds].map(([name, tensor]) => builder.input(name, tensor))
  const initial = new Map<string, Tensor>([
    ...[...model.parameters].map(([name, tensor]) => [`parameter/${name}`, tensor] as const),
    ...[...model.buffers].map(([name, tensor]) => [`buffer/${name}`, tensor] as const),
    ...optimiser.slots.flatMap((slot) =>
      [...model.parameters].map(([name, { dims }]) => [`${slot}/${name}`, float32(dims)] as const),
    ),
  ])
  const names = [...initial.keys()]
  const state = [...initial].map(([name, tensor]) => builder.input(name, tensor))
  const result = scan(builder, state, scanned, (step, values, [input, labels, ...scalars]) => {
    if (!input || !labels) throw new Error('The batches are missing.')
    const now = new Map(values.map((value, at) => [names[at] ?? '', value]))
    const parameters = [...model.parameters.keys()].map((name) => valueNamed(now, `parameter/${name}`))
    const bindings = new Map([[model.input.name, input]])
    for (const name of model.parameters.keys()) bindings.set(name, valueNamed(now, `parameter/${name}`))
    for (const name of model.buffers.keys()) bindings.set(name, valueNamed(now, `buffer/${name}`))
    const applied = specialise(step, model.graph, model.opsets, bindings, {
      outputs: [model.output],
      training: options.statistics,
    })
    const loss = crossEntropy(step, valueNamed(applied.outputs, model.output), labels)
    const found = gradients(step, loss, parameters)
    const next = new Map(now)
    const pending = [...model.parameters.keys()].map((name, at) => {
      const parameter = valueNamed(now, `parameter/${name}`)
      const slots = optimiser.slots.map((slot) => valueNamed(now, `${slot}/${name}`))
      return { name, parameter, gradient: found[at] ?? filled(step, 0, parameter), slots }
    })
    const decay = { rate: options.decay, kind: 'decoupled' } as const
    for (const [name, updated] of updateParameters(step, { optimiser, decay, scalars }, pending)) {
      next.set(`parameter/${name}`, updated.parameter)
      optimiser.slots.forEach((slot, index) => {
        const value = updated.slots[index]
        if (value) next.set(`${slot}/${name}`, value)
      })
    }
    for (const [name, value] of applied.buffers) next.set(`buffer/${name}`, value)
    return { state: [...next.values()], outputs: [loss] }
  })
  const slots = names.map((input, at) => {
    const value = result.state[at]
    return { input, output: value ? builder.output(asMade(value), `${input}/next`).name : input }
  })
  for (const value of result.outputs) builder.output(value, 'loss')
  const graph = builder.finish('step')
  const body = graph.nodes.flatMap((node) =>
    Object.values(node.attributes).flatMap((attribute) =>
      typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'
        ? attribute.value.nodes
        : [],
    ),
  )
  return { bytes: encodeGraph(graph), nodes: graph.nodes.length + body.length, slots, initial, feeds }
}

function valueNamed(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name)
  if (!value) throw new Error(`There is no value "${name}".`)
  return value
}

function batches({ batch, vocabulary, stepsPerCall }: ModelStepOptions): Tensor {
  const dims = [stepsPerCall, ...batch]
  if (vocabulary !== undefined) return drawnInts('ids', dims, vocabulary, 'int64')
  const tensor = float32(dims)
  randomStream(1, 'batches').fillUniform(tensor.data, 0, 1)
  return tensor
}

function drawnInts(name: string, dims: readonly number[], below: number, type: 'int32' | 'int64'): Tensor {
  const random = randomStream(1, name)
  const values = Array.from({ length: sizeOf(dims) }, () => random.integer(below))
  return type === 'int64' ? int64(dims, values) : { type, dims, data: Int32Array.from(values) }
}
