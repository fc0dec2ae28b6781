import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { scan } from '../../autodiff/scan.ts'
import type { Pool } from '../../data/memory/index.ts'
import type { StateSlot } from '../../engine/program.ts'
import type { BatchSource, Method, MethodState, StepContext, TaskContext } from '../../methods/method.ts'
import { applyModel } from '../../model/apply.ts'
import { type LossOptions, lossKind, taskLoss } from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { add, filled, type Value } from '../../ops/core/index.ts'
import type { TaskStream } from '../../tasks/stream.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { float32, type Tensor, type TensorType } from '../../tensor/tensor.ts'
import { clipByGlobalNorm, type Optimiser, type WeightDecay } from './optimisers.ts'
import { updateParameters } from './updates.ts'

export interface StepSettings {
  readonly optimiser: Optimiser
  readonly weightDecay?: WeightDecay
  /** Bound of the gradients' common norm; default none. */
  readonly clipNorm?: number
  readonly loss?: LossOptions
}

export interface StepRequest {
  readonly model: Model
  readonly settings: StepSettings
  readonly method: Method
  readonly state: MethodState
  readonly task: TaskContext
  readonly pool: Pool
  readonly sources: readonly BatchSource[]
}

/** A training step as a graph: K of them are one call. */
export interface StepGraph {
  readonly bytes: Uint8Array
  readonly slots: readonly StateSlot[]
  /** Inputs by name that every call is fed beside the state. */
  readonly inputs: ReadonlySet<string>
  /** Names of the terms of the loss, [K] each under `loss/NAME`; and of the reports, one number each. */
  readonly losses: readonly string[]
  readonly reports: readonly string[]
  /** Tensors of the method that stay the same all through the task. */
  readonly constants: ReadonlyMap<string, Tensor>
}

/** Names of the state that a fresh run starts from: parameters, buffers, and the optimiser's slots at zero. */
export function initialState(model: Model, optimiser: Optimiser): Map<string, Tensor> {
  const state = new Map<string, Tensor>()
  for (const [name, tensor] of model.parameters) state.set(`parameter/${name}`, tensor)
  for (const [name, tensor] of model.buffers) state.set(`buffer/${name}`, tensor)
  for (const slot of optimiser.slots) {
    for (const [name, { dims }] of model.parameters) state.set(`optimiser/${slot}/${name}`, float32(dims))
  }
  return state
}

/**
 * Builds the step for one task: gather a batch, forward, loss terms, backward, the method's changes, the optimiser; all
 * in the body of a `Scan` over K steps, so that one call does them all and the state stays in the runtime's memory.
 */
export function buildStep(request: StepRequest): StepGraph {
  const { model, settings, method, state, task, pool, sources } = request
  const { optimiser } = settings
  const builder = new GraphBuilder()
  const rowCount = sources.reduce((sum, source) => sum + source.size, 0)
  const constants = method.inputs?.(state, task) ?? new Map<string, Tensor>()
  const table = (name: string, tensor: TensorType) =>
    builder.input(name, tensor, ['pool', ...tensor.dims.slice(1)])
  const perStep = (name: string, type: TensorType['type'], dims: readonly number[]) =>
    builder.input(name, { type, dims: [1, ...dims] }, ['steps', ...dims])
  const outer = {
    inputs: table('pool/inputs', pool.inputs),
    labels: table('pool/labels', pool.labels),
    tasks: table('pool/tasks', pool.tasks),
    masks: builder.input('masks', { type: 'float32', dims: [task.stream.tasks.length, task.stream.outputs] }),
    weights: evenWeights(sources)
      ? undefined
      : builder.input('weights', { type: 'float32', dims: [rowCount, 1] }),
    constants: new Map([...constants].map(([key, tensor]) => [key, builder.input(`method/${key}`, tensor)])),
  }
  const rows = perStep('rows', 'int32', [rowCount])
  const schedule = optimiser.scalars(1, 1).map((_, index) => perStep(`schedule/${index}`, 'float32', []))
  const seeds = perStep('seeds', 'int64', [])
  const initial = [...initialState(model, optimiser)].map(([name, tensor]) => ({
    name,
    value: builder.input(name, tensor),
  }))
  const initialParameters = withoutPrefix(
    new Map(initial.map(({ name, value }) => [name, value])),
    'parameter/',
  )
  const losses: string[] = []
  const reports: { name: string; value: Value }[] = []

  const result = scan(
    builder,
    initial.map(({ value }) => value),
    [rows, seeds, ...schedule],
    (step, values, [chosen, seed, ...scalars]) => {
      if (!chosen) return { state: values, outputs: [] }
      const now = new Map(values.map((value, index) => [initial[index]?.name ?? '', value]))
      const parameters = withoutPrefix(now, 'parameter/')
      const buffers = withoutPrefix(now, 'buffer/')
      const stored = step.op('Gather', [outer.inputs, chosen])
      const forward = (input: Value, given: ReadonlyMap<string, Value>) =>
        applyModel(
          step,
          model,
          { stored: input, preprocessing: pool.preprocessing },
          {
            parameters: new Map(
              [...model.parameters.keys()].flatMap((name) => pick(name, given, parameters)),
            ),
            buffers: new Map([...model.buffers.keys()].flatMap((name) => pick(name, given, buffers))),
          },
        ).logits
      const applied = applyModel(
        step,
        model,
        { stored, preprocessing: pool.preprocessing },
        { parameters, buffers, training: true, dropoutSeed: seed },
      )
      const base = taskLoss(step, {
        logits: applied.logits,
        labels: step.op('Gather', [outer.labels, chosen]),
        mask: classMask(step, request, outer, chosen),
        weights: outer.weights,
        kind: lossKind(settings.loss ?? {}, task.train),
        labelSmoothing: settings.loss?.labelSmoothing,
      })
      const context: StepContext = {
        outer: builder,
        step,
        parameters,
        initial: initialParameters,
        inputs: outer.constants,
        batch: stored,
        rows: chosen,
        logits: applied.logits,
        sources: sourceRanges(sources),
        forward,
        learningRate: scalars[0] ?? base,
      }
      const terms = method.terms?.(context, state, task) ?? {}
      const parts = [{ name: 'task', value: base }, ...(terms.losses ?? [])]
      const total = parts.slice(1).reduce((sum, part) => add(step, sum, part.value), base)
      const raw = gradients(step, total, [...parameters.values()])
      const found = new Map(
        [...parameters].map(([name, value], index) => [name, raw[index] ?? filled(step, 0, value)]),
      )
      const changed = terms.gradients?.(found) ?? found
      const clipped =
        settings.clipNorm === undefined ? changed : clipByGlobalNorm(step, changed, settings.clipNorm)
      const next = new Map(now)
      const pending = [...parameters].flatMap(([name, parameter]) => {
        const gradient = clipped.get(name)
        const slots = optimiser.slots.flatMap((slot) => now.get(`optimiser/${slot}/${name}`) ?? [])
        return gradient ? [{ name, parameter, gradient, slots }] : []
      })
      const rule = { optimiser, decay: settings.weightDecay, scalars }
      for (const [name, updated] of updateParameters(step, rule, pending)) {
        next.set(`parameter/${name}`, terms.updated?.(name, updated.parameter) ?? updated.parameter)
        updated.slots.forEach((value, index) => {
          next.set(`optimiser/${optimiser.slots[index]}/${name}`, value)
        })
      }
      for (const [name, value] of applied.buffers) next.set(`buffer/${name}`, value)
      losses.push(...parts.map((part) => part.name))
      reports.push(...(terms.reports ?? []))
      return { state: [...next.values()], outputs: parts.map((part) => part.value) }
    },
  )

  const slots = initial.map(({ name }, index) => {
    const value = result.state[index]
    return { input: name, output: value ? builder.output(value, `${name}/next`).name : name }
  })
  result.outputs.forEach((value, index) => {
    builder.output(value, `loss/${losses[index]}`, ['steps'])
  })
  for (const { name, value } of reports) builder.output(value, `report/${name}`)
  const graph = builder.finish('step')
  return {
    bytes: encodeGraph(graph),
    slots,
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    losses,
    reports: reports.map(({ name }) => name),
    constants: new Map([...constants].map(([key, tensor]) => [`method/${key}`, tensor])),
  }
}

function pick(name: string, ...maps: readonly ReadonlyMap<string, Value>[]): [string, Value][] {
  for (const map of maps) {
    const value = map.get(name)
    if (value) return [[name, value]]
  }
  return []
}

/**
 * Which classes take part, a row: those of its task in the task scenario, all elsewhere (undefined). Where each source is of
 * one task the mask is known while the graph is built.
 */
function classMask(
  step: GraphBuilder,
  { task, sources }: StepRequest,
  outer: { readonly masks: Value; readonly tasks: Value },
  chosen: Value,
): Value | undefined {
  const { stream } = task
  if (stream.scenario !== 'task') return undefined
  const tasks = sources.map((source) => source.tasks)
  if (!tasks.every((index) => typeof index === 'number')) {
    return step.op('Gather', [outer.masks, step.op('Gather', [outer.tasks, chosen])])
  }
  const masks = taskMasks(stream)
  const same = tasks.every((index) => index === tasks[0])
  const rows = sources.flatMap((source, at) =>
    new Array<number>(same ? (at === 0 ? 1 : 0) : source.size).fill(tasks[at] ?? 0),
  )
  const values = rows.flatMap((index) => [
    ...masks.data.subarray(index * stream.outputs, (index + 1) * stream.outputs),
  ])
  return step.constant(float32([rows.length, stream.outputs], values))
}

/** 1 for the output units of each task, a row a task. */
export function taskMasks(stream: TaskStream): Tensor<'float32'> {
  const masks = float32([stream.tasks.length, stream.outputs])
  for (const { index, units } of stream.tasks)
    for (const unit of units) masks.data[index * stream.outputs + unit] = 1
  return masks
}

/** Whether every row counts the same: each source's share of the loss is its share of the rows. */
function evenWeights(sources: readonly BatchSource[]): boolean {
  const rows = sources.reduce((sum, { size }) => sum + size, 0)
  return sources.every(({ size, weight }) => weight * rows === size)
}

function sourceRanges(sources: readonly BatchSource[]): Map<string, { from: number; size: number }> {
  let from = 0
  return new Map(
    sources.map(({ name, size }) => {
      const range = { from, size }
      from += size
      return [name, range]
    }),
  )
}
