import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import type { Executable } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { attributeReader } from '../src/ops/core/attributes.ts'
import { type CompositeDefinition, emitterNamed } from '../src/ops/core/composite.ts'
import {
  CANONICAL_OPSET,
  type CaseInput,
  type OpCase,
  type OpDefinition,
  type Upgraded,
  type Value,
} from '../src/ops/core/define.ts'
import { filled } from '../src/ops/core/emit.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { randomStream } from '../src/tensor/random.ts'
import { type DType, sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'

export const engine = ortNode({ threads: 1 })

export const norm = (values: ArrayLike<number>): number => distance(values, [])

/** Of values that may be too many to be arguments of one call; what one side lacks is 0. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += ((a[at] ?? 0) - (b[at] ?? 0)) ** 2
  return Math.sqrt(sum)
}

const isFloat = (type: DType): boolean => type === 'float32' || type === 'float64'

/** The values of a case's input: given, or drawn from a stream named after the case. */
function drawn(input: CaseInput, seedName: string): Tensor {
  const type = input.type ?? 'float32'
  const size = sizeOf(input.dims)
  const random = randomStream(1, seedName)
  const [low, high] = input.range ?? [-1, 1]
  if (input.values) return fromNumbers(type, input.dims, input.values)
  if (input.distinct) {
    // Evenly spread and shuffled, offset so that none lies on 0: neighbours differ by far more than a difference's step.
    const order = random.permutation(size)
    const values = Array.from(
      order,
      (rank) => low + ((high - low) * (rank + 0.5)) / Math.max(size, 2) + 0.013,
    )
    return fromNumbers(type, input.dims, values)
  }
  const draw = () => low + (high - low) * random.uniform()
  return fromNumbers(
    type,
    input.dims,
    Array.from({ length: size }, isFloat(type) ? draw : () => Math.floor(draw())),
  )
}

export interface BuiltCase {
  readonly builder: GraphBuilder
  readonly inputs: readonly (Value | undefined)[]
  /** Values to feed, by input name. */
  readonly feeds: Map<string, Tensor>
  readonly outputs: readonly Value[]
  /** The place of each of `outputs` among the node's. */
  readonly places: readonly number[]
}

/**
 * A graph of the case's single node, or of what it expands into. Integer inputs are constants; floats are inputs.
 *
 * @param into A graph that already holds others: the case's inputs are then called by `prefix`.
 */
export function buildCase(
  definition: OpDefinition | CompositeDefinition,
  item: OpCase,
  into: { readonly builder: GraphBuilder; readonly prefix: string } = {
    builder: new GraphBuilder(),
    prefix: '',
  },
): BuiltCase {
  const { builder, prefix } = into
  const feeds = new Map<string, Tensor>()
  const given = item.inputs.map((input, index) => {
    if (!input) return undefined
    const tensor = drawn(input, `${definition.op}/${item.name}/${index}`)
    const constant = input.constant ?? !isFloat(tensor.type)
    if (constant) return builder.constant(tensor)
    const value = builder.input(`${prefix}input${index}`, tensor)
    feeds.set(value.name, tensor)
    return value
  })
  if ('expand' in definition) {
    const expanded = definition.expand({
      emit: emitterNamed(builder, item.name),
      op: definition.op,
      domain: definition.domain,
      name: item.name,
      inputs: given,
      attributes: attributeReader(item.attributes ?? {}, item.name),
      outputs: item.outputs ?? 1,
    })
    const there = expanded.flatMap((value, place) =>
      value && place < (item.outputs ?? 1) ? [{ value, place }] : [],
    )
    return {
      builder,
      inputs: given,
      feeds,
      outputs: there.map(({ value }) => value),
      places: there.map(({ place }) => place),
    }
  }
  const opset = item.opset ?? CANONICAL_OPSET
  const upgraded: Upgraded =
    opset < CANONICAL_OPSET && definition.upgrade
      ? definition.upgrade({
          attributes: item.attributes ?? {},
          inputs: given,
          opset,
          emit: builder,
          outputs: item.outputs ?? 1,
        })
      : { inputs: given, attributes: item.attributes ?? {} }
  const added = builder.ops(definition.op, upgraded.inputs, item.outputs ?? 1, upgraded.attributes)
  const outputs = upgraded.outputs?.(added) ?? added
  return { builder, inputs: given, feeds, outputs, places: outputs.map((_, place) => place) }
}

/** Weights of the sum that stands in for a loss: fixed, distinct, away from zero. */
const lossWeights = (size: number): Float64Array =>
  Float64Array.from({ length: size }, (_, index) => Math.cos(index * 1.7 + 0.3) + (index % 2 ? 0.2 : -0.2))

export const weightTensor = (value: Value): Tensor =>
  fromNumbers(value.type, value.dims, Array.from(lossWeights(sizeOf(value.dims))))

/** Which outputs enter the loss. */
export const lossOutputs = (item: OpCase, outputs: readonly Value[]): Value[] =>
  outputs.filter(
    (output, index) => isFloat(output.type) && (item.through ? item.through.includes(index) : true),
  )

/** sum over outputs of <weights, output>, in float64. */
export function lossOf(
  outputs: readonly Value[],
  results: ReadonlyMap<string, Tensor>,
  names: readonly string[],
): number {
  return outputs.reduce((total, output, index) => {
    const tensor = results.get(names[index] ?? '')
    const weights = lossWeights(sizeOf(output.dims))
    return (
      total + (tensor ? toNumbers(tensor).reduce((sum, value, at) => sum + value * (weights[at] ?? 0), 0) : 0)
    )
  }, 0)
}

/** The node alone, loaded. */
export interface Forward {
  readonly built: BuiltCase
  readonly executable: Executable
  /** Names of the real outputs, by position. */
  readonly names: readonly string[]
}

export async function loadForward(
  definition: OpDefinition | CompositeDefinition,
  item: OpCase,
): Promise<Forward> {
  const built = buildCase(definition, item)
  const names = built.outputs.map((output, index) => built.builder.output(output, `output${index}`).name)
  return { built, names, executable: await engine.load(encodeGraph(built.builder.finish('case'))) }
}

export const runForward = ({ built, executable }: Forward): Promise<Map<string, Tensor>> =>
  executable.run(feedsFor(executable, built.feeds))

/** The case's node as it stands, unread and not upgraded, in a model of its own opset: what the runtime makes of it. */
export async function runAsWritten(definition: OpDefinition, item: OpCase): Promise<(Tensor | undefined)[]> {
  const { inputs, feeds, outputs } = buildCase(definition, item)
  const builder = new GraphBuilder()
  const given = inputs.map(
    (value) =>
      value && (value.constant ? builder.constant(value.constant) : builder.input(value.name, value)),
  )
  const raw = builder.raw(definition.op, given, outputs, item.attributes ?? {})
  const names = raw.map((value, index) => builder.output(value, `output${index}`).name)
  const opsets = { '': item.opset ?? CANONICAL_OPSET }
  const executable = await engine.load(encodeGraph(builder.finish('case'), { opsets }))
  const results = await executable.run(feedsFor(executable, feeds))
  await executable.dispose()
  return names.map((name) => results.get(name))
}

/** Analytic gradients of the weighted sum with respect to the float inputs, by input index. */
export async function analyticGradients(
  definition: OpDefinition | CompositeDefinition,
  item: OpCase,
): Promise<Map<number, Tensor>> {
  const built = buildCase(definition, item)
  const { builder } = built
  const seeds = lossOutputs(item, built.outputs).map((of) => ({
    of,
    gradient: builder.constant(weightTensor(of)),
  }))
  const wanted = differentiableInputs(item, built)
  const results = backward(
    builder,
    seeds,
    wanted.map(({ value }) => value),
  )
  const names = wanted.map(
    ({ value }, index) => builder.output(results[index] ?? filled(builder, 0, value), `d${index}`).name,
  )
  const executable = await engine.load(encodeGraph(builder.finish('gradient')))
  const outputs = await executable.run(feedsFor(executable, built.feeds))
  await executable.dispose()
  return new Map(
    wanted.flatMap(({ index }, at) => {
      const tensor = outputs.get(names[at] ?? '')
      return tensor ? [[index, tensor]] : []
    }),
  )
}

/** Inputs the pruned graph no longer has are not fed. */
export const feedsFor = (executable: Executable, feeds: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...feeds].filter(([name]) => executable.inputs.includes(name)))

export function differentiableInputs(item: OpCase, built: BuiltCase): { index: number; value: Value }[] {
  return built.inputs.flatMap((value, index) =>
    value && built.feeds.has(value.name) && isFloat(value.type) && !item.skip?.includes(index)
      ? [{ index, value }]
      : [],
  )
}

const STEP = 0.02

/**
 * Difference quotients of the weighted sum, five-point stencil: (8 (f(+h) - f(-h)) - (f(+2h) - f(-2h))) / 12h, exact up
 * to h^4, with h large enough for float32.
 */
export async function differenceQuotients(
  item: OpCase,
  { built, executable, names }: Forward,
): Promise<Map<number, Float64Array>> {
  const used = lossOutputs(item, built.outputs)
  const usedNames = names.filter((_, index) => used.includes(built.outputs[index] as Value))
  const quotients = new Map<number, Float64Array>()
  for (const { index, value } of differentiableInputs(item, built)) {
    const base = built.feeds.get(value.name)
    if (!base) continue
    const result = new Float64Array(sizeOf(value.dims))
    for (let at = 0; at < result.length; at++) {
      const at_ = async (shift: number) => {
        const values = toNumbers(base)
        values[at] = (values[at] ?? 0) + shift
        const feeds = new Map(built.feeds).set(value.name, fromNumbers(value.type, value.dims, values))
        return lossOf(used, await executable.run(feedsFor(executable, feeds)), usedNames)
      }
      const near = (await at_(STEP)) - (await at_(-STEP))
      const far = (await at_(2 * STEP)) - (await at_(-2 * STEP))
      result[at] = (8 * near - far) / (12 * STEP)
    }
    quotients.set(index, result)
  }
  return quotients
}
