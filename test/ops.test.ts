import { describe, expect, it } from 'vitest'
import { backward } from '../src/autodiff/gradients.ts'
import { CANONICAL_OPSET, type OpCase, type OpDefinition } from '../src/ops/core/define.ts'
import { opTable } from '../src/ops/table.ts'
import { emittedOps } from '../src/ops/vocabulary.ts'
import { toNumbers } from '../src/tensor/tensor.ts'
import { loadedForwards } from './loaded-forwards.ts'
import {
  analyticGradients,
  buildCase,
  differenceQuotients,
  differentiableInputs,
  distance,
  lossOutputs,
  norm,
  runAsWritten,
  runForward,
} from './op-cases.ts'
import { squaresByBatchesOfOne, squaresInClosedForm } from './op-squares.ts'

const only = process.env.HOLDFAST_OPS?.split(',')
const definitions = [...opTable.values()].filter(({ op }) => !only || only.includes(op))

const differentiable = (definition: OpDefinition, item: OpCase): boolean => {
  if (!definition.gradient) return false
  const built = buildCase(definition, item)
  return lossOutputs(item, built.outputs).length > 0 && differentiableInputs(item, built).length > 0
}

describe.each(definitions)('$op', (definition) => {
  const { cases } = definition
  const forward = loadedForwards(definition)
  it.each(cases)('is shaped as the runtime shapes it: $name', async (item) => {
    const loaded = await forward(item)
    const results = await runForward(loaded)
    for (const [index, output] of loaded.built.outputs.entries()) {
      const result = results.get(loaded.names[index] ?? '')
      expect({ type: result?.type, dims: [...(result?.dims ?? [])] }).toEqual({
        type: output.type,
        dims: [...output.dims],
      })
    }
  })

  // Before opset 7 the runtime takes no model.
  const older = cases.filter(
    ({ opset = CANONICAL_OPSET, withoutKernel }) => opset >= 7 && opset < CANONICAL_OPSET && !withoutKernel,
  )
  it.each(older)('computes what the runtime does in its own opset: $name', async (item) => {
    const expected = await runAsWritten(definition, item)
    const loaded = await forward(item)
    const results = await runForward(loaded)
    for (const [index, name] of loaded.names.entries()) {
      if (item.through && !item.through.includes(index)) continue
      const [found, wanted] = [results.get(name), expected[index]]
      expect(found?.dims).toEqual(wanted?.dims)
      const values = wanted ? toNumbers(wanted) : []
      expect(distance(found ? toNumbers(found) : [], values)).toBeLessThanOrEqual(1e-5 * norm(values))
    }
  })

  it.runIf(definition.gradient).each(cases.filter((item) => differentiable(definition, item)))(
    'has the gradient of its difference quotient: $name',
    async (item) => {
      const analytic = await analyticGradients(definition, item)
      const numeric = await differenceQuotients(item, await forward(item))
      expect(numeric.size).toBeGreaterThan(0)
      for (const [index, expected] of numeric) {
        const found = analytic.get(index)
        expect(found, `gradient of input ${index}`).toBeDefined()
        const values = found ? toNumbers(found) : []
        const tolerance =
          (item.tolerance ?? 2e-3) * Math.max(norm(expected), 1e-2 * Math.sqrt(expected.length))
        expect(
          distance(values, expected),
          `input ${index}: ${values} against ${Array.from(expected)}`,
        ).toBeLessThanOrEqual(tolerance)
      }
    },
  )

  it.runIf(definition.squares).each(cases.filter((item) => item.inputs.some((input) => input?.parameter)))(
    'squares per sample as batches of one do: $name',
    async (item) => {
      const closed = await squaresInClosedForm(definition, item)
      const generic = await squaresByBatchesOfOne(definition, item)
      expect(distance(closed, generic)).toBeLessThan(1e-4 * norm(generic))
      expect(norm(generic)).toBeGreaterThan(0)
    },
  )

  it('emits only ops of the vocabulary', () => {
    for (const item of cases) {
      if (!differentiable(definition, item)) continue
      const built = buildCase(definition, item)
      const before = built.builder.steps.length
      const seeds = lossOutputs(item, built.outputs).map((of) => ({
        of,
        gradient: built.builder.constant({
          type: of.type,
          dims: of.dims,
          data: new Float32Array(of.dims.reduce((a, b) => a * b, 1)).fill(1),
        } as never),
      }))
      backward(
        built.builder,
        seeds,
        built.inputs.filter((input) => input !== undefined),
      )
      for (const step of built.builder.steps.slice(before)) expect(emittedOps).toContain(step.definition.op)
    }
  })
})

describe('the table', () => {
  it('gives every op cases', () => {
    for (const definition of opTable.values())
      expect(definition.cases.length, definition.op).toBeGreaterThan(0)
  })
})
