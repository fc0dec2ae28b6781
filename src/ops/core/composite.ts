import { UnsupportedOpError } from '../../errors.ts'
import type { AttributeReader, Emitter, OpCase, Value } from './define.ts'
import { nodeLabel } from './shapes.ts'

/** What a composite's expansion is called with: a node of the model, its inputs shaped. */
export interface CompositeContext {
  /** Where the standard nodes go. */
  readonly emit: Emitter
  readonly op: string
  readonly domain: string
  readonly name: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: AttributeReader
  /** How many outputs the node has, up to the last one that is named. */
  readonly outputs: number
}

export interface CompositeCase extends OpCase {
  /** The runtime leaves these outputs unwritten on the CPU, or writes them otherwise than its documentation says. */
  readonly uncompared?: readonly number[]
}

/** An op that is a composition of ops of the table, and has its dims, gradient and squares from them. */
export interface CompositeDefinition {
  readonly op: string
  /** '' for ops of the standard set that are newer than the canonical opset. */
  readonly domain: string
  /** The outputs, by place; undefined for one that this expansion does not give (a present key nobody reads, say). */
  readonly expand: (context: CompositeContext) => readonly (Value | undefined)[]
  readonly cases: readonly CompositeCase[]
}

/**
 * Defines an op by its expansion into standard ops.
 *
 * @param domain The operator set: '' or 'com.microsoft'.
 * @example
 * export const QuickGelu = defineComposite('com.microsoft', 'QuickGelu', {
 *   expand: ({ emit, inputs: [x] }) => [mul(emit, x, emit.op('Sigmoid', [scale(emit, x, 1.702)]))],
 *   cases: [{ name: 'plain', inputs: [{ dims: [2, 3] }] }],
 * })
 */
export function defineComposite(
  domain: string,
  op: string,
  definition: Pick<CompositeDefinition, 'expand' | 'cases'>,
): CompositeDefinition {
  return { op, domain, ...definition }
}

/** The error for a form of the op that has no expansion: names the node, says why and what to do. */
export function refusal(
  context: Pick<CompositeContext, 'op' | 'domain' | 'name'>,
  why: string,
): UnsupportedOpError {
  const domain = context.domain === '' ? '' : ` (${context.domain})`
  return new UnsupportedOpError('op-form', `${nodeLabel(context)}${domain}: ${why}`)
}

/**
 * An emitter whose nodes carry the name of the model's own node, so that what is said of them later (no gradient, wrong
 * dims) names something that the model's owner can find.
 */
export function emitterNamed(emit: Emitter & { add(request: NamedRequest): Value[] }, name: string): Emitter {
  const ops: Emitter['ops'] = (op, inputs, count, attributes = {}) =>
    emit.add({ op, inputs, count, attributes, name })
  return {
    ops,
    op: (op, inputs, attributes = {}) => {
      const [value] = ops(op, inputs, 1, attributes)
      if (!value) throw new UnsupportedOpError('no-output', `${nodeLabel({ op, name })} gave no output.`)
      return value
    },
    constant: (tensor) => emit.constant(tensor),
    body: () => emit.body(),
    raw: (...request) => emit.raw(...request),
    channelBlock: emit.channelBlock,
    flat: emit.flat,
  }
}

interface NamedRequest {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly count: number
  readonly attributes: Parameters<Emitter['op']>[2] & object
  readonly name: string
}
