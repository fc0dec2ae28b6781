import { readFileSync } from 'node:fs'
import { type BuilderOptions, GraphBuilder } from '../src/autodiff/builder.ts'
import { gradients } from '../src/autodiff/gradients.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import type { Engine } from '../src/engine/engine.ts'
import { loadProgram } from '../src/engine/program.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { causalCrossEntropy, crossEntropy } from '../src/model/losses/cross-entropy.ts'
import { binaryCrossEntropy, meanSquaredError } from '../src/model/losses/element-losses.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Value } from '../src/ops/core/define.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64, sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { engine } from './op-cases.ts'

const folder = 'test/fixtures/families'

/** A model of some family, as `index.json` describes it. */
export interface Family {
  readonly name: string
  readonly family: string
  readonly inputs: readonly {
    readonly name: string
    readonly type: string
    readonly dims: readonly number[]
  }[]
  /** The value that holds the logits. */
  readonly output: string
  readonly loss: keyof typeof losses
  readonly expectedLoss: number
  readonly parameters: number
}

interface Index {
  readonly learningRate: number
  readonly steps: number
  /** Float inputs are integers times this. */
  readonly inputStep: number
  readonly families: readonly Family[]
}

const index = JSON.parse(readFileSync(`${folder}/index.json`, 'utf8')) as Index
export const { families, learningRate, steps } = index

const losses = {
  'cross-entropy': crossEntropy,
  'causal-lm': causalCrossEntropy,
  'binary-cross-entropy': binaryCrossEntropy,
  mse: meanSquaredError,
} as const

/** The numbers of the tensor of that name; none where there is none. */
export const numbersOf = (tensors: ReadonlyMap<string, Tensor>, name: string): number[] => {
  const tensor = tensors.get(name)
  return tensor ? toNumbers(tensor) : []
}

export const norm = (values: Iterable<number>): number => Math.hypot(...values)

export const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
  Array.from(a, (value, at) => value - (b[at] ?? Number.NaN))

/** What PyTorch says of one parameter. */
export interface Expected {
  readonly gradient: Float64Array
  /** What the steps add to it. */
  readonly change: Float64Array
}

export interface FamilyFixture {
  readonly bytes: Uint8Array
  readonly model: Model
  readonly batch: ReadonlyMap<string, Tensor>
  readonly expected: ReadonlyMap<string, Expected>
  /** The largest element of all gradients, by size. */
  readonly top: number
}

/**
 * Gradients this small beside the model's largest are rounding: where an attention's keys are all shifted by the same
 * nothing changes, so their bias has gradient 0, and float32 finds some 1e-9. Adam divides by the gradient's own size and
 * makes steps of it, other ones in every program.
 */
export const FLOOR = 1e-6

const largest = (expected: ReadonlyMap<string, Expected>): number => {
  let most = 0
  for (const { gradient } of expected.values())
    for (const value of gradient) most = Math.max(most, Math.abs(value))
  return most
}

/** How far a parameter's steps are from PyTorch's, element by element: where the gradient says something, and where it is rounding. */
export function stepErrors(
  { model, expected, top }: FamilyFixture,
  after: ReadonlyMap<string, Tensor>,
  name: string,
): { readonly told: readonly number[]; readonly rounding: readonly number[] } {
  const { gradient, change } = expected.get(name) ?? { gradient: [], change: [] }
  const before = numbersOf(model.parameters, name)
  const errors = minus(minus(numbersOf(after, name), before), change).map(Math.abs)
  const isRounding = (at: number): boolean => Math.abs(gradient[at] ?? 0) < FLOOR * top
  return {
    told: errors.filter((_, at) => !isRounding(at)),
    rounding: errors.filter((_, at) => isRounding(at)),
  }
}

/** The model, its batch, and PyTorch's gradients and steps by the names that the parameters have in the file. */
export function readFamily({ name, inputs, output }: Family): FamilyFixture {
  const bytes = new Uint8Array(readFileSync(`${folder}/${name}.onnx`))
  const model = modelFromOnnx(bytes, { output, name })
  const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(`${folder}/${name}.safetensors`)))
  const numbers = (key: string): number[] => numbersOf(tensors, key)
  const batch = new Map(
    inputs.map(({ name: input, type, dims }): [string, Tensor] => {
      const values = numbers(`input/${input}`)
      const scaled = values.map((value) => value * index.inputStep)
      return [input, type === 'int64' ? int64(dims, values) : float32(dims, scaled)]
    }),
  )
  const labels = tensors.get('labels')
  if (!labels) throw new Error(`The fixture ${name} has no labels.`)
  batch.set('labels', labels.type === 'int64' ? labels : float32(labels.dims, toNumbers(labels)))
  const names = JSON.parse(metadata.parameters ?? '[]') as string[]
  const gradient = partsOf(model, names, numbers('gradients'), numbers('gradient-steps'))
  const change = partsOf(model, names, numbers('changes'), numbers('change-steps'))
  const expected = new Map(
    names.map((key, at): [string, Expected] => [
      key,
      { gradient: gradient[at] ?? new Float64Array(), change: change[at] ?? new Float64Array() },
    ]),
  )
  return { bytes, model, batch, expected, top: largest(expected) }
}

/** The parameters' pieces of what was stored in one: int16 values times a step for each parameter. */
function partsOf(model: Model, names: readonly string[], values: number[], sizes: number[]): Float64Array[] {
  let from = 0
  return names.map((name, at) => {
    const size = sizeOf(model.parameters.get(name)?.dims ?? [0])
    const piece = Float64Array.from(values.slice(from, from + size), (value) => value * (sizes[at] ?? 0))
    from += size
    return piece
  })
}

/** The parameters after all steps of Adam, always on the same batch. */
export async function trained(
  { loss }: Family,
  { model, batch }: FamilyFixture,
  options: BuilderOptions = {},
  on: Engine = engine,
): Promise<Map<string, Tensor>> {
  const { bytes, slots, initial } = buildTraining(loss, model, batch, options)
  const program = await loadProgram(on, bytes, slots, initial)
  for (let step = 1; step <= steps; step++) {
    const schedule = adam()
      .scalars(step, learningRate)
      .map((value, at): [string, Tensor] => [`schedule/${at}`, float32([], [value])])
    await program.run(new Map([...batch, ...schedule]))
  }
  const state = await program.snapshot()
  await program.dispose()
  return new Map(
    [...model.parameters.keys()].flatMap((name) => {
      const tensor = state.get(`parameter/${name}`)
      return tensor ? [[name, tensor] as const] : []
    }),
  )
}

export function buildTraining(
  loss: Family['loss'],
  model: Model,
  batch: ReadonlyMap<string, Tensor>,
  options: BuilderOptions = {},
) {
  const builder = new GraphBuilder(undefined, options)
  const optimiser = adam()
  const inputs = new Map([...batch].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  const scalars = optimiser
    .scalars(1, learningRate)
    .map((_, at) => builder.input(`schedule/${at}`, { type: 'float32', dims: [] }))
  const initial = new Map<string, Tensor>()
  const state = (name: string, tensor: Tensor): Value => {
    initial.set(name, tensor)
    return builder.input(name, tensor)
  }
  const parameters = [...model.parameters].map(([name, tensor]) => ({
    name,
    value: state(`parameter/${name}`, tensor),
    moments: optimiser.slots.map((slot) => state(`${slot}/${name}`, float32(tensor.dims))),
  }))
  const bindings = new Map([...inputs, ...parameters.map(({ name, value }) => [name, value] as const)])
  const logits = specialise(builder, model.graph, model.opsets, bindings, {
    outputs: [model.output],
  }).outputs.get(model.output)
  const labels = inputs.get('labels')
  if (!logits || !labels) throw new Error('There are no logits or no labels.')
  const total = losses[loss](builder, logits, labels)
  const found = gradients(
    builder,
    total,
    parameters.map(({ value }) => value),
  )
  const slots = parameters.flatMap(({ value, moments }, at) => {
    const gradient = found[at]
    if (!gradient) return []
    const updated = optimiser.update(builder, { parameter: value, gradient, slots: moments, scalars })
    return [[value, updated.parameter] as const, ...moments.map((m, k) => [m, updated.slots[k]] as const)]
  })
  const states = slots.flatMap(([before, after]) =>
    after ? [{ input: before.name, output: builder.output(after, `${before.name}/next`).name }] : [],
  )
  return { bytes: encodeGraph(builder.finish('training')), slots: states, initial }
}
