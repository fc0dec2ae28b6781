import { createDataset } from '../src/data/dataset.ts'
import { createPool } from '../src/data/memory/pool.ts'
import type { EngineOptions, StateSlot } from '../src/engine/engine.ts'
import type { Loadable } from '../src/engine/loadable.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadProgram } from '../src/engine/program.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { ewc } from '../src/methods/ewc.ts'
import { emptyState, type Method, type MethodState } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import { mlp, plainCnn, simpleModel } from '../src/model/layers/networks.ts'
import { transformerEncoder } from '../src/model/layers/transformer-network.ts'
import type { Model } from '../src/model/model.ts'
import { lazyTask, type TaskStream } from '../src/tasks/stream.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, sizeOf, type Tensor } from '../src/tensor/tensor.ts'
import { inspectModel } from '../src/train/inspect/index.ts'
import { taskContext } from '../src/train/run/task-context.ts'
import { adam, type Optimiser, sgd } from '../src/train/step/optimisers.ts'
import { buildStep } from '../src/train/step/step.ts'
import { initialState } from '../src/train/step/step-inputs.ts'
import type { Announced } from './peaks.ts'

/** A training step as a graph, with all that it is fed. */
export interface PreparedStep {
  readonly model: Loadable
  readonly slots: readonly StateSlot[]
  readonly initial: ReadonlyMap<string, Tensor>
  readonly feeds: ReadonlyMap<string, Tensor>
  readonly stepsPerCall: number
}

/** A training step opened for timing. */
export interface BenchStep {
  readonly stepsPerCall: number
  /** Of the step's matrix products and convolutions, forward and backward. */
  readonly flops: number
  readonly buildMs: number
  call(): Promise<void>
  dispose(): Promise<void>
}

interface Definition {
  readonly model: () => Model
  readonly input: readonly number[]
  readonly batch: number
  readonly optimiser: () => Optimiser
  readonly method: () => Method
  readonly stepsPerCall: number
  /** Multiply-adds of one sample's forward pass, and those of the first layer, whose input needs no gradient. */
  readonly products: { readonly all: number; readonly first: number }
}

const momentum = () => sgd({ momentum: 0.9 })
const mlpProducts = (widths: readonly number[]) => {
  const layers = widths.slice(1).map((width, index) => width * (widths[index] ?? 0))
  return { all: layers.reduce((sum, layer) => sum + layer, 0), first: layers[0] ?? 0 }
}
const cnnProducts = (channels: readonly number[]) => {
  const sides = [32, 32, 16, 16, 8]
  const layers = sides.map(
    (side, index) => side * side * 9 * (channels[index] ?? 0) * (channels[index + 1] ?? 0),
  )
  return {
    all: layers.reduce((sum, layer) => sum + layer, 0) + (channels[5] ?? 0) * 10,
    first: layers[0] ?? 0,
  }
}
const encoderProducts = 4 * (64 * (4 * 256 * 256 + 2 * 256 * 1024) + 2 * 64 * 64 * 256) + 2560
const wide = [784, 400, 400, 10]
const small = [784, 100, 100, 10]
const channels = [3, 32, 32, 64, 64, 128] as const

const definitions: Readonly<Record<string, Definition>> = {
  article: {
    model: simpleModel,
    input: [784],
    batch: 64,
    optimiser: momentum,
    method: () => ewc({ lambda: 1000 }),
    stepsPerCall: 100,
    products: mlpProducts([784, 10]),
  },
  'mlp-100': {
    model: () => mlp({ widths: small }),
    input: [784],
    batch: 64,
    optimiser: momentum,
    method: () => ewc({ lambda: 1000 }),
    stepsPerCall: 100,
    products: mlpProducts(small),
  },
  'mlp-400': {
    model: () => mlp({ widths: wide }),
    input: [784],
    batch: 128,
    optimiser: adam,
    method: none,
    stepsPerCall: 50,
    products: mlpProducts(wide),
  },
  'mlp-400-ewc': {
    model: () => mlp({ widths: wide }),
    input: [784],
    batch: 128,
    optimiser: adam,
    method: () => ewc({ lambda: 1000 }),
    stepsPerCall: 50,
    products: mlpProducts(wide),
  },
  'mlp-400-sgd': {
    model: () => mlp({ widths: wide }),
    input: [784],
    batch: 128,
    optimiser: momentum,
    method: none,
    stepsPerCall: 50,
    products: mlpProducts(wide),
  },
  'mlp-400-sgd-ewc': {
    model: () => mlp({ widths: wide }),
    input: [784],
    batch: 128,
    optimiser: momentum,
    method: () => ewc({ lambda: 1000 }),
    stepsPerCall: 50,
    products: mlpProducts(wide),
  },
  transformer: {
    model: () =>
      transformerEncoder({
        layers: 4,
        width: 256,
        heads: 4,
        feedForward: 1024,
        tokens: 64,
        inputWidth: 256,
        classes: 10,
      }),
    input: [64, 256],
    batch: 16,
    optimiser: adam,
    method: none,
    stepsPerCall: 1,
    products: { all: encoderProducts, first: 0 },
  },
  'cnn-small': {
    model: () => plainCnn(),
    input: [3, 32, 32],
    batch: 64,
    optimiser: momentum,
    method: none,
    stepsPerCall: 1,
    products: cnnProducts(channels),
  },
}

export const stepNames: readonly string[] = Object.keys(definitions)

export async function openStep(
  name: string,
  options: EngineOptions,
  engine = ortNode(options),
): Promise<BenchStep> {
  const began = performance.now()
  const { model, slots, initial, feeds, stepsPerCall } = await prepareStep(name, options)
  const program = await loadProgram(engine, model, slots, initial)
  const buildMs = performance.now() - began
  const { batch, products } = definitionOf(name)
  return {
    stepsPerCall,
    flops: 2 * batch * (3 * products.all - products.first),
    buildMs,
    call: async () => {
      await program.run(feeds)
    },
    dispose: () => program.dispose(),
  }
}

function definitionOf(name: string): Definition {
  const definition = definitions[name]
  if (!definition) throw new Error(`No step is called "${name}"; there are ${stepNames.join(', ')}.`)
  return definition
}

/** What `inspect` says of the step, with the bench's own optimiser; of the method it knows nothing. */
export function stepCost(name: string): Announced {
  const { model, batch, optimiser } = definitionOf(name)
  const { step, obstacles } = inspectModel(model(), { batch, optimiser: optimiser() })
  if (!step) throw new Error(`${name} cannot be trained: ${obstacles[0]?.reason}`)
  return step
}

/** Rows that steps draw their batches from, as many as PyTorch's side has in its batches. */
export function rowsAsInTorch(name: string): number {
  const { input, batch } = definitionOf(name)
  return batch * (input.length === 1 ? 32 : 8)
}

/** @param rows That batches are drawn from. */
export async function prepareStep(
  name: string,
  options: EngineOptions,
  rows = 2048,
): Promise<PreparedStep & { readonly buildMs: number }> {
  const definition = definitionOf(name)
  const { input, batch, stepsPerCall } = definition
  const random = randomStream(1, name)
  const inputs = float32([rows, ...input])
  random.fillUniform(inputs.data, 0, 1)
  const labels = Int32Array.from({ length: rows }, () => random.integer(10))
  const dataset = createDataset({
    name,
    inputs,
    labels: { type: 'int32', dims: [rows], data: labels },
    classes: [...'0123456789'],
  })
  const stream: TaskStream = {
    name,
    scenario: 'class',
    outputs: 10,
    tasks: [
      lazyTask({ index: 0, name, units: [...Array(10).keys()], train: () => dataset, test: () => dataset }),
    ],
    dataset,
  }
  const method = definition.method()
  const model = definition.model()
  const optimiser = definition.optimiser()
  const source = { name: 'new', dataset, tasks: 0, size: batch, weight: 1 }
  const pool = createPool([source])
  const state = pastTask(method, model)
  const task = taskContext(stream, 0, batch)
  const reader = openReader(ortNode(options), model, 10)
  const constants = (await method.inputs?.(state, { ...task, sources: [source], reader })) ?? new Map()
  const channelBlock = await ortNode(options).channelBlock?.()
  const began = performance.now()
  const step = buildStep({
    ...{ model, settings: { optimiser }, method, state, task, pool, sources: [source], constants },
    ...{ slots: new Map(), iterations: 1000, channelBlock },
  })
  const buildMs = performance.now() - began
  const scalars = optimiser.scalars(1000, 1e-4)
  const feeds = new Map<string, Tensor>([
    ...[...constants].map(([key, tensor]) => [`method/${key}`, tensor] as const),
    ['pool/inputs', pool.inputs],
    ['pool/labels', pool.labels],
    ['pool/tasks', pool.tasks],
    ['masks', float32([1, 10], new Float32Array(10).fill(1))],
    [
      'rows',
      {
        type: 'int32',
        dims: [stepsPerCall, batch],
        data: Int32Array.from({ length: stepsPerCall * batch }, () => random.integer(rows)),
      },
    ],
    ...scalars.map(
      (value, index) =>
        [`schedule/${index}`, float32([stepsPerCall], new Float32Array(stepsPerCall).fill(value))] as const,
    ),
    [
      'seeds',
      int64(
        [stepsPerCall],
        Array.from({ length: stepsPerCall }, (_, at) => at),
      ),
    ],
  ])
  return {
    model: step,
    slots: step.slots,
    initial: initialState(model, optimiser),
    feeds: new Map([...feeds].filter(([key]) => step.inputs.has(key))),
    stepsPerCall,
    buildMs,
  }
}

/** What EWC remembers after one task: made-up numbers of the right size. */
function pastTask(method: Method, model: Model): MethodState {
  if (method.name !== 'ewc') return emptyState
  const random = randomStream(2, 'past')
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of model.parameters) {
    const importance = float32(tensor.dims, new Float32Array(sizeOf(tensor.dims)))
    random.fillUniform(importance.data, 0, 1e-4)
    tensors.set(`importance/${name}`, importance)
    tensors.set(`anchor/${name}`, tensor)
  }
  return { tensors, values: { constant: 0 } }
}
