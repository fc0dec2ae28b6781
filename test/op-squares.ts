import type { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { perSampleSquares } from '../src/autodiff/squares.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { OpCase, OpDefinition, Value } from '../src/ops/core/define.ts'
import { square } from '../src/ops/core/emit.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { type BuiltCase, buildCase, engine, feedsFor } from './op-cases.ts'

/** A seed with something else in every element, so that no sample's gradient looks like another's. */
const seedFor = (value: Value): Tensor =>
  fromNumbers(
    value.type,
    value.dims,
    Array.from({ length: sizeOf(value.dims) }, (_, index) => Math.sin(index * 2.3 + 1)),
  )

function split(item: OpCase, built: BuiltCase): { parameter: Value; carriers: Value[]; samples: number } {
  const parameter = built.inputs.find((_, index) => item.inputs[index]?.parameter)
  // Samples lie along axis 0 of the inputs as large as the output's axis 0 that are no parameters themselves.
  const [output] = built.outputs
  const carriers = built.inputs.filter((value): value is Value => {
    return (
      value !== undefined &&
      value !== parameter &&
      built.feeds.has(value.name) &&
      value.dims[0] === carrierRows(item)
    )
  })
  if (!parameter || !output || carriers.length === 0)
    throw new Error(`case "${item.name}" has no parameter or no samples`)
  return { parameter, carriers, samples: carrierRows(item) }
}

/** N: axis 0 of the highest-ranked input that is not the parameter. */
function carrierRows(item: OpCase): number {
  const others = item.inputs.filter(
    (input) => input && !input.parameter && (input.type ?? 'float32') === 'float32',
  )
  const widest = others.reduce(
    (best, input) => ((input?.dims.length ?? 0) > (best?.dims.length ?? 0) ? input : best),
    others[0],
  )
  return widest?.dims[0] ?? 1
}

export async function squaresInClosedForm(definition: OpDefinition, item: OpCase): Promise<number[]> {
  const built = buildCase(definition, item)
  const { parameter, carriers, samples } = split(item, built)
  const { builder } = built
  const seeds = built.outputs.slice(0, 1).map((of) => ({ of, gradient: builder.constant(seedFor(of)) }))
  const [term] = perSampleSquares(builder, seeds, [parameter], carriers, samples)
  if (!term) throw new Error(`no closed form was found for case "${item.name}" of ${definition.op}`)
  return runOne(builder, term.finish(builder, term.accumulate), built.feeds)
}

async function runOne(
  builder: GraphBuilder,
  value: Value,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<number[]> {
  const name = builder.output(value, 'squares').name
  const executable = await engine.load(encodeGraph(builder.finish('squares')))
  const result = (await executable.run(feedsFor(executable, feeds))).get(name)
  await executable.dispose()
  return result ? toNumbers(result) : []
}

/** The definition: each sample's gradient alone, by a graph for a batch of one (the same for all samples), squared and summed. */
export async function squaresByBatchesOfOne(definition: OpDefinition, item: OpCase): Promise<number[]> {
  const whole = buildCase(definition, item)
  const { parameter, carriers, samples } = split(item, whole)
  const [wholeOutput] = whole.outputs
  if (!wholeOutput) return []
  const seed = seedFor(wholeOutput)
  const rows = (wholeOutput.dims[0] ?? 0) / samples
  const one: OpCase = {
    ...item,
    inputs: item.inputs.map((input, index) =>
      input && carriers.includes(whole.inputs[index] as Value)
        ? { ...input, dims: [1, ...input.dims.slice(1)] }
        : input,
    ),
  }
  const { builder, outputs, inputs } = buildCase(definition, one)
  const [output] = outputs
  const target = inputs.find((_, index) => item.inputs[index]?.parameter)
  if (!output || !target) return []
  const gradient = builder.input('seed', sliceRow(seed, 0, rows))
  const [result] = backward(builder, [{ of: output, gradient }], [target])
  if (!result) return []
  const name = builder.output(square(builder, result), 'squares').name
  const executable = await engine.load(encodeGraph(builder.finish('squares')))
  const total = new Array<number>(sizeOf(parameter.dims)).fill(0)
  for (let sample = 0; sample < samples; sample++) {
    const feeds = new Map(whole.feeds).set('seed', sliceRow(seed, sample, rows))
    for (const carrier of carriers) feeds.set(carrier.name, sliceRow(whole.feeds.get(carrier.name), sample))
    const squared = (await executable.run(feedsFor(executable, feeds))).get(name)
    if (!squared) throw new Error(`case "${item.name}" of ${definition.op} gave no squares`)
    toNumbers(squared).forEach((value, index) => {
      total[index] = (total[index] ?? 0) + value
    })
  }
  await executable.dispose()
  return total
}

function sliceRow(tensor: Tensor | undefined, row: number, rows = 1): Tensor {
  if (!tensor) throw new Error('a carrier is not fed')
  const width = sizeOf(tensor.dims.slice(1)) * rows
  return fromNumbers(
    tensor.type,
    [rows, ...tensor.dims.slice(1)],
    toNumbers(tensor).slice(row * width, (row + 1) * width),
  )
}
