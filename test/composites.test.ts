import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../src/onnx/encode.ts'
import { compositeTable } from '../src/ops/composite-table.ts'
import type { CompositeCase, CompositeDefinition } from '../src/ops/core/composite.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { loadedForwards } from './loaded-forwards.ts'
import {
  analyticGradients,
  type BuiltCase,
  buildCase,
  differenceQuotients,
  differentiableInputs,
  distance,
  engine,
  feedsFor,
  lossOutputs,
  norm,
  runForward,
} from './op-cases.ts'

const only = process.env.HOLDFAST_OPS?.split(',')
const definitions = [...compositeTable.values()].filter(({ op }) => !only || only.includes(op))

/** The operator set that cases of new standard ops are written in. */
const NEWEST_OPSET = 24

/** What the runtime's own kernel of the op gives, by place. */
async function byTheRuntime(
  definition: CompositeDefinition,
  item: CompositeCase,
  built: BuiltCase,
): Promise<ReadonlyMap<string, Tensor>> {
  const infos = [...built.feeds].map(([name, { type, dims }]) => ({ name, type, dims }))
  const constants = built.inputs.flatMap((input) =>
    input?.constant ? [[input.name, input.constant] as const] : [],
  )
  const bytes = encodeGraph(
    {
      name: 'original',
      inputs: infos,
      outputs: built.outputs.map(({ type }, index) => ({
        name: `output${built.places[index]}`,
        type,
        dims: undefined,
      })),
      initializers: new Map(constants),
      nodes: [
        {
          op: definition.op,
          domain: definition.domain,
          name: 'original',
          inputs: built.inputs.map((input) => input?.name ?? ''),
          outputs: Array.from({ length: item.outputs ?? 1 }, (_, place) =>
            built.places.includes(place) ? `output${place}` : '',
          ),
          attributes: item.attributes ?? {},
        },
      ],
    },
    { opsets: { '': item.opset ?? (definition.domain === '' ? NEWEST_OPSET : 21) } },
  )
  const executable = await engine.load(bytes)
  const results = await executable.run(feedsFor(executable, built.feeds))
  await executable.dispose()
  return results
}

const differentiable = (definition: CompositeDefinition, item: CompositeCase): boolean => {
  const built = buildCase(definition, item)
  return lossOutputs(item, built.outputs).length > 0 && differentiableInputs(item, built).length > 0
}

describe.each(definitions)('$domain $op', (definition) => {
  const { cases } = definition
  const forward = loadedForwards(definition)
  it.each(cases.filter(({ withoutKernel }) => !withoutKernel))(
    "computes what the runtime's own op computes: $name",
    async (item) => {
      const loaded = await forward(item)
      const { built, names } = loaded
      const originals = await byTheRuntime(definition, item, built)
      const results = await runForward(loaded)
      for (const [index, place] of built.places.entries()) {
        if (item.uncompared?.includes(place)) continue
        const original = originals.get(`output${place}`)
        const found = results.get(names[index] ?? '')
        expect({ type: found?.type, dims: found?.dims }, `output ${place}`).toEqual({
          type: original?.type,
          dims: original?.dims,
        })
        const expected = original ? toNumbers(original) : []
        const values = found ? toNumbers(found) : []
        expect(
          distance(values, expected),
          `output ${place}: ${values} against ${Array.from(expected)}`,
        ).toBeLessThan(1e-5 * Math.max(norm(expected), 1e-2))
      }
    },
  )

  it.each(cases.filter((item) => differentiable(definition, item)))(
    'has the gradient of its difference quotient: $name',
    async (item) => {
      const analytic = await analyticGradients(definition, item)
      const numeric = await differenceQuotients(item, await forward(item))
      expect(numeric.size).toBeGreaterThan(0)
      for (const [index, expected] of numeric) {
        const gradient = analytic.get(index)
        const values = gradient ? toNumbers(gradient) : []
        const tolerance =
          (item.tolerance ?? 2e-3) * Math.max(norm(expected), 1e-2 * Math.sqrt(expected.length))
        expect(
          distance(values, expected),
          `input ${index}: ${values} against ${Array.from(expected)}`,
        ).toBeLessThan(tolerance)
      }
    },
  )

  it('has cases', () => {
    expect(cases.length).toBeGreaterThan(0)
  })
})
