import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import type { Engine } from '../src/engine/index.ts'
import { HoldfastError, UnsupportedOpError } from '../src/errors.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { OpCase, OpDefinition, Value } from '../src/ops/core/define.ts'
import { required } from '../src/required.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { buildCase, distance, lossOutputs, norm, weightTensor } from './op-cases.ts'

// An op's case on a device against the CPU: what comes out, and the gradients of it.

/**
 * The cases that are compared: those of other floats than float32 are left out, those of tensors without a number, which the provider
 * refuses or ends the process for, and of TopK those in which the order of the largest is nobody's word.
 */
export const comparable = ({ op, cases }: OpDefinition): readonly OpCase[] =>
  cases.filter(
    ({ inputs, attributes }) =>
      !inputs.some((input) => input && (/float(64|16)/.test(input.type ?? '') || input.dims.includes(0))) &&
      !(op === 'TopK' && attributes?.sorted === 0),
  )

export type Said = { readonly kind: 'right' } | { readonly kind: 'refused' | 'wrong'; readonly why: string }

/** WGSL's sine and cosine are right to 2^-11, all else to float32. */
const TOLERANCE = 2e-4

export async function comparedCase(
  engines: readonly [Engine, Engine],
  definition: OpDefinition,
  item: OpCase,
): Promise<Said> {
  const builder = new GraphBuilder(undefined, { flat: true })
  const { inputs, feeds, outputs } = buildCase(definition, item, { builder, prefix: '' })
  const trained = inputs.flatMap((value) =>
    value !== undefined && feeds.has(value.name) && value.type === 'float32' ? [value] : [],
  )
  const seen = lossOutputs(item, outputs)
  const all = [...seen, ...gradients(builder, definition, seen, trained)]
  const names = all.map((value, at) => builder.output(value, `out${at}`).name)
  if (names.length === 0) return { kind: 'right' }
  const what = (at: number) =>
    `${item.name}: ${at < seen.length ? `output ${at}` : `gradient ${at - seen.length}`}`
  return comparedGraph(engines, encodeGraph(builder.finish('case')), { feeds, names, what }, TOLERANCE)
}

/** Whether a graph gives on the second engine what it gives on the first, relative to its size. */
export async function comparedGraph(
  [here, there]: readonly [Engine, Engine],
  bytes: Uint8Array,
  given: {
    readonly feeds: ReadonlyMap<string, Tensor>
    readonly names: readonly string[]
    /** What messages call the output at a place. */
    readonly what: (at: number) => string
  },
  tolerance: number,
): Promise<Said> {
  const answers = async (engine: Engine): Promise<ReadonlyMap<string, Tensor>> => {
    const executable = await engine.load(bytes)
    try {
      return await executable.run(given.feeds)
    } finally {
      await executable.dispose()
    }
  }
  const expected = await answers(here)
  try {
    const got = await answers(there)
    for (const [at, name] of given.names.entries()) {
      const [a, b] = [toNumbers(required(expected, name, 'output')), toNumbers(required(got, name, 'output'))]
      const off = distance(a, b) / Math.max(1e-6, norm(a))
      if (!(off < tolerance))
        return { kind: 'wrong', why: `${given.what(at)} is off by ${off.toPrecision(2)}` }
    }
    return { kind: 'right' }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return { kind: 'refused', why: error.message }
  }
}

/** None of an op that has none. */
function gradients(
  builder: GraphBuilder,
  { gradient }: OpDefinition,
  seen: readonly Value[],
  trained: readonly Value[],
): Value[] {
  if (!gradient) return []
  const seeds = seen.map((value) => ({ of: value, gradient: builder.constant(weightTensor(value)) }))
  try {
    return backward(builder, seeds, trained).flatMap((value) => value ?? [])
  } catch (error) {
    if (error instanceof UnsupportedOpError && error.code === 'not-differentiable') return []
    throw error
  }
}
