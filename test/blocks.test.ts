import { describe, expect, it } from 'vitest'
import { Blocks } from '../src/autodiff/blocks/index.ts'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { CANONICAL_OPSET, type OpDefinition, type Value } from '../src/ops/core/define.ts'
import { ints, reshape } from '../src/ops/core/emit.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { opTable } from '../src/ops/table.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { buildCase, engine } from './op-cases.ts'

const definitions = [...opTable.values()].filter(({ impure, op }) => !impure && op !== 'Dropout')

/** Each input of the model's own, or one a block: the first alone, and all. */
const held = ['the first input', 'every input'] as const

/** A case on two blocks at once, and on each alone; in one graph with all other cases of its op. */
class Comparison {
  readonly builder = new GraphBuilder()
  readonly feeds = new Map<string, Tensor>()
  readonly pairs: { readonly name: string; readonly together: string; readonly apart: string }[] = []

  add(definition: OpDefinition, item: OpDefinition['cases'][number], which: (typeof held)[number]): void {
    if ((item.opset ?? CANONICAL_OPSET) < CANONICAL_OPSET || item.withoutKernel) return
    const given = buildCase(definition, item)
    const free = given.inputs.map((value) => (value ? given.feeds.get(value.name) : undefined))
    const first = free.findIndex((tensor) => tensor !== undefined)
    if (first < 0) return
    const { builder } = this
    const blocks = new Blocks(builder, 2)
    const stacks = free.map((tensor, at) => {
      if (!tensor || (which === 'the first input' && at !== first)) return undefined
      return this.input([2, ...tensor.dims], [...toNumbers(tensor), ...toNumbers(tensor).reverse()], tensor)
    })
    const own = given.inputs.map((value, at) => {
      const tensor = free[at]
      if (!value || stacks[at]) return undefined
      return tensor
        ? this.input(tensor.dims, toNumbers(tensor), tensor)
        : value.constant && builder.constant(value.constant)
    })
    const ofBlock = (stack: Value, block: number): Value => {
      const bounds = [ints(builder, [block]), ints(builder, [block + 1]), ints(builder, [0])]
      return reshape(builder, builder.op('Slice', [stack, ...bounds]), stack.dims.slice(1))
    }
    const attributes = item.attributes ?? {}
    const count = item.outputs ?? 1
    const request = { op: definition.op, count, attributes, name: item.name }
    const widened = stacks.map((stack, at) => (stack ? blocks.fromStacked(stack) : own[at]))
    const together = blocks.add({ ...request, inputs: widened }).map((value) => blocks.stacked(value))
    const each = [0, 1].map((block) =>
      builder.add({
        ...request,
        inputs: stacks.map((stack, at) => (stack ? ofBlock(stack, block) : own[at])),
      }),
    )
    together.forEach((value, at) => {
      if (item.through && !item.through.includes(at)) return
      const parts = each.flatMap((outputs) => {
        const one = outputs[at]
        return one ? [reshape(builder, one, [1, ...one.dims])] : []
      })
      const apart = builder.op('Concat', parts, { axis: 0 })
      expect(value.dims, `${item.name}, output ${at}`).toEqual(apart.dims)
      // The runtime takes an Expand to nothing away.
      if (apart.dims.includes(0)) return
      this.pairs.push({
        name: `${item.name}, output ${at}`,
        together: builder.output(value, 'together').name,
        apart: builder.output(apart, 'apart').name,
      })
    })
  }

  private input(dims: readonly number[], values: readonly number[], { type }: Tensor): Value {
    const value = this.builder.input('input', { type, dims })
    this.feeds.set(value.name, fromNumbers(type, dims, values))
    return value
  }
}

describe.each(held)('blocks of one batch, with %s from each', (which) => {
  it.each(definitions)('give what each gives alone: $op', async (definition) => {
    const comparison = new Comparison()
    for (const item of definition.cases) comparison.add(definition, item, which)
    if (comparison.pairs.length === 0) return
    const executable = await engine.load(encodeGraph(comparison.builder.finish('blocks')))
    const feeds = new Map([...comparison.feeds].filter(([name]) => executable.inputs.includes(name)))
    const results = await executable.run(feeds)
    await executable.dispose()
    const numbers = (name: string) => {
      const tensor = results.get(name)
      return tensor ? toNumbers(tensor) : []
    }
    for (const { name, together, apart } of comparison.pairs) {
      const expected = numbers(apart)
      const found = numbers(together)
      const far = found.findIndex((value, at) => {
        const wanted = expected[at] ?? Number.NaN
        return (
          !Object.is(value, wanted) && !(Math.abs(value - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted)))
        )
      })
      expect(far < 0 ? 'equal' : `${name}: ${found[far]} for ${expected[far]} at ${far}`).toBe('equal')
    }
  })
})
