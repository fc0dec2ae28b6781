import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { attributeReader } from '../src/ops/core/attributes.ts'
import type { OpCase, OpDefinition, Value } from '../src/ops/core/define.ts'
import { opTable } from '../src/ops/table.ts'
import { bytesOf } from '../src/tensor/bytes.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { buildCase, engine } from './op-cases.ts'

/** The case with every input known while the graph is built. */
const allConstant = (item: OpCase): OpCase => ({
  ...item,
  inputs: item.inputs.map((input) => input && { ...input, constant: true }),
})

const folding = [...opTable.values()].filter((definition) => definition.fold)

interface Folded {
  readonly definition: OpDefinition
  readonly item: OpCase
  readonly outputs: readonly Value[]
}

/** What of an op's cases is folded: nothing of it is left to the runtime. */
function foldedCases(definition: OpDefinition): Folded[] {
  return definition.cases.flatMap((given) => {
    const item = allConstant(given)
    const { outputs } = buildCase(definition, item)
    return outputs.every((output) => output.constant) ? [{ definition, item, outputs }] : []
  })
}

/** The same node, kept in the graph and computed by the runtime. */
async function byRuntime({ definition, item }: Folded): Promise<(Tensor | undefined)[]> {
  const { builder, inputs, outputs } = buildCase(definition, { ...item, inputs: item.inputs })
  const kept = new GraphBuilder()
  const names = new Map(
    inputs.map((input) => [input?.name, input?.constant && kept.constant(input.constant)]),
  )
  const upgraded =
    item.opset !== undefined && definition.upgrade
      ? definition.upgrade({
          attributes: item.attributes ?? {},
          inputs: inputs.map((input) => input && names.get(input.name)),
          opset: item.opset,
          emit: kept,
          outputs: outputs.length,
        })
      : { inputs: inputs.map((input) => input && names.get(input.name)), attributes: item.attributes ?? {} }
  const types = definition.shape({
    op: definition.op,
    name: '',
    inputs: upgraded.inputs,
    attributes: attributeReader(upgraded.attributes, definition.op),
    outputs: outputs.length,
  })
  expect(builder.steps).toEqual([])
  const raw = kept.raw(definition.op, upgraded.inputs, types.slice(0, outputs.length), upgraded.attributes)
  const wanted = raw.map((value, index) => kept.output(value, `out${index}`).name)
  const executable = await engine.load(encodeGraph(kept.finish('kept')))
  const results = await executable.run(new Map())
  await executable.dispose()
  return wanted.map((name) => results.get(name))
}

const valuesOf = (tensor: Tensor): unknown[] =>
  tensor.type === 'string'
    ? [...(tensor.data as string[])]
    : tensor.type.startsWith('float')
      ? toNumbers(tensor)
      : [...bytesOf(tensor)]

describe('folding', () => {
  it.each(folding)('$op gives what the runtime gives', async (definition) => {
    const cases = foldedCases(definition)
    expect(cases.length).toBeGreaterThan(0)
    for (const folded of cases) {
      const results = await byRuntime(folded)
      folded.outputs.forEach((output, index) => {
        const [expected, found] = [results[index], output.constant]
        const label = `${definition.op}, ${folded.item.name}`
        expect(found?.type, label).toBe(expected?.type)
        expect(found?.dims, label).toEqual([...(expected?.dims ?? [])])
        const values = found ? valuesOf(found) : []
        const wanted = expected ? valuesOf(expected) : []
        expect(values.length, label).toBe(wanted.length)
        values.forEach((value, at) => {
          if (typeof value === 'number') expect(value, label).toBeCloseTo(Number(wanted[at]), 5)
          else expect(value, label).toBe(wanted[at])
        })
      })
    }
  })
})
