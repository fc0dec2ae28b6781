import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { asStored } from '../src/data/dataset.ts'
import { modelBelow } from '../src/evaluate/cuts/activations.ts'
import { type Cut, cutsOf, modelAbove } from '../src/evaluate/cuts/index.ts'
import { applyModel } from '../src/model/apply.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Value } from '../src/ops/core/define.ts'
import { itemAt, required } from '../src/required.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { type Family, families, readFamily } from './families.ts'
import { engine } from './op-cases.ts'

/** Runs what a builder was given, and gives its outputs by name. */
async function outputsOf(
  inputs: ReadonlyMap<string, Tensor>,
  build: (builder: GraphBuilder, inputs: ReadonlyMap<string, Value>) => ReadonlyMap<string, Value>,
): Promise<ReadonlyMap<string, Tensor>> {
  const builder = new GraphBuilder()
  const bound = new Map([...inputs].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  for (const [name, value] of build(builder, bound)) builder.output(value, name)
  const executable = await engine.load(encodeGraph(builder.finish('g')))
  const feeds = new Map([...inputs].filter(([name]) => executable.inputs.includes(name)))
  const found = await executable.run(feeds)
  await executable.dispose()
  return found
}

const held = (builder: GraphBuilder, tensors: ReadonlyMap<string, Tensor>) =>
  new Map([...tensors].map(([name, tensor]) => [name, builder.parameter(name, tensor)]))

const applied = (builder: GraphBuilder, model: Model, stored: Value, values: readonly string[] = []) =>
  applyModel(
    builder,
    model,
    { stored, preprocessing: { ...asStored, pad: 0 } },
    { parameters: held(builder, model.parameters), buffers: held(builder, model.buffers), values },
  )

const first = ({ values }: Cut): string => itemAt(values, 0, 'value of the cut')

/** The whole model's logits, and the activations at each cut; with the value of the cut alone where there are several. */
function belowAll(model: Model, cuts: readonly Cut[], inputs: Tensor) {
  const below = cuts.map((cut) => modelBelow(model, cut))
  const packing = below.flatMap(({ graph }) =>
    graph.nodes.filter((node) => !model.graph.nodes.includes(node)),
  )
  const whole = { ...model, graph: { ...model.graph, nodes: [...model.graph.nodes, ...packing] } }
  return outputsOf(new Map([['rows', inputs]]), (builder, bound) => {
    const names = [...below.map(({ output }) => output), ...cuts.map(first)]
    const { logits, values } = applied(builder, whole, required(bound, 'rows', 'input'), names)
    return new Map([
      ['logits', logits],
      ...below.map(({ output }, at) => [`at ${at}`, required(values, output, 'value')] as const),
      ...cuts.map((cut, at) => [`alone ${at}`, required(values, first(cut), 'value')] as const),
    ])
  })
}

/** From the activations at each cut alone: the value of the next cut; of the first, a middle one and the last the logits. */
function aboveAll(model: Model, cuts: readonly Cut[], activations: ReadonlyMap<string, Tensor>) {
  const last = cuts.length - 1
  const toLogits = new Set([0, Math.floor(last / 2), last])
  return outputsOf(activations, (builder, bound) => {
    const from = (at: number, output: string) => {
      const above = modelAbove(model, itemAt(cuts, at, 'cut'))
      return applied(builder, { ...above, output }, required(bound, `at ${at}`, 'input')).logits
    }
    return new Map([
      ...[...toLogits].map((at) => [`logits from ${at}`, from(at, model.output)] as const),
      ...cuts.slice(1).map((next, at) => [`next of ${at}`, from(at, first(next))] as const),
    ])
  })
}

/** Rows of the family's own batch; of token ids some are padding. */
function rowsOf({ inputs: [first] }: Family, batch: ReadonlyMap<string, Tensor>): Tensor {
  const rows = required(batch, first?.name ?? '', 'input')
  if (rows.type !== 'int64') return rows
  const data = (rows.data as BigInt64Array).slice()
  data.fill(0n, data.length - 3)
  return { ...rows, data }
}

/** Families in which some weight is read at both ends, so that nothing can be taken apart. */
const tied = ['gpt2']

describe.each(families)('$name', (family) => {
  const { model, batch } = readFamily(family)
  const inputs = rowsOf(family, batch)
  const cuts = cutsOf(model, inputs.dims.slice(1))

  it('can be taken apart, if its weights can', () => {
    expect(cuts.length > 1).toBe(!tied.includes(family.name))
    const total = [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0)
    for (const { above, below } of cuts) {
      expect(above.elements + below.elements).toBe(total)
      expect(above.elements).toBeGreaterThan(0)
      expect(below.work + above.work).toBeCloseTo((cuts[0]?.below.work ?? 0) + (cuts[0]?.above.work ?? 0), 5)
    }
    const elements = cuts.map(({ above }) => above.elements)
    expect(elements).toEqual([...elements].sort((a, b) => b - a))
  })

  it('answers from activations at each cut as the whole does from inputs', async () => {
    if (cuts.length === 0) return
    const activations = await belowAll(model, cuts, inputs)
    cuts.forEach((cut, at) => {
      const stored = required(activations, `at ${at}`, 'output')
      expect(stored.data.length, first(cut)).toBe(cut.floats * itemAt(inputs.dims, 0, 'dim'))
      const { parameters } = modelAbove(model, cut)
      expect([...parameters.keys()].sort(), first(cut)).toEqual([...cut.above.parameters].sort())
    })
    const found = await aboveAll(model, cuts, activations)
    expect(found.size).toBeGreaterThan(cuts.length)
    for (const [name, { data }] of found) {
      const next = name.replace(/^next of (.*)/, (_, at) => `alone ${Number(at) + 1}`)
      const whole = required(activations, next.replace(/^logits.*/, 'logits'), 'output').data as Float32Array
      expect(data.length).toBe(whole.length)
      const scale = Math.max(1, ...whole.map(Math.abs))
      const off = (data as Float32Array).map((value, index) => Math.abs(value - (whole[index] ?? Number.NaN)))
      expect(Math.max(...off) / scale, name).toBeLessThan(1e-5)
    }
  })
})
