import { ModelError, UnsupportedOpError } from '../errors.ts'
import {
  add,
  attributeReader,
  filled,
  type GradientContext,
  nodeLabel,
  sumTo,
  type Value,
} from '../ops/core/index.ts'
import { sizeOf } from '../tensor/tensor.ts'
import type { GraphBuilder, Step } from './builder.ts'
import { joined, tilings } from './tilings.ts'

/** An output and dL/d(output). */
export interface Seed {
  readonly of: Value
  readonly gradient: Value
}

/**
 * Emits the gradient of a scalar `loss` with respect to `wrt`, by one reverse walk over what the builder emitted.
 * A value that the loss does not depend on gets `undefined`.
 *
 * @throws UnsupportedOpError `not-differentiable` naming the node, when a gradient has to pass an op without a rule.
 * @example
 * const [dw] = gradients(builder, loss, [w])
 */
export function gradients(builder: GraphBuilder, loss: Value, wrt: readonly Value[]): (Value | undefined)[] {
  if (sizeOf(loss.dims) !== 1) {
    throw new ModelError(
      'loss-not-scalar',
      `A loss is one number, but "${loss.name}" has dims [${loss.dims}]. Reduce it first.`,
    )
  }
  return backward(builder, [{ of: loss, gradient: filled(builder, 1, loss) }], wrt)
}

/** As {@link gradients}, from given output gradients (vector-Jacobian product). `emit` may be a body of `builder`. */
export function backward(
  builder: GraphBuilder,
  seeds: readonly Seed[],
  wrt: readonly Value[],
  emit: GraphBuilder = builder,
): (Value | undefined)[] {
  const adjoints = new Adjoints(emit)
  for (const { of, gradient } of seeds) adjoints.add(of, gradient)
  // The walk itself emits steps; only those of the forward pass are walked.
  const steps = builder.tape.slice()
  const needed = dependents(steps, wrt)
  const tiled = tilings(steps)
  for (const step of steps.reverse()) {
    const tiling = tiled.get(step)
    if (tiling) {
      if (tiling.first !== step || !needed.has(tiling.whole.name)) continue
      const whole = joined(emit, tiling, (piece) => adjoints.of(piece))
      if (whole) adjoints.add(tiling.whole, whole)
      continue
    }
    const context = gradientContext(step, adjoints, needed, emit)
    if (!context) continue
    const results = ruleOf(step)(context)
    step.inputs.forEach((input, index) => {
      const result = results[index]
      if (input && result && context.needs[index]) adjoints.add(input, sumTo(emit, result, input.dims))
    })
  }
  return wrt.map((value) => adjoints.of(value))
}

/** Sums of gradients by value. */
export class Adjoints {
  private readonly sums = new Map<string, Value>()
  private readonly emit: GraphBuilder
  constructor(emit: GraphBuilder) {
    this.emit = emit
  }

  add(value: Value, gradient: Value): void {
    const before = this.sums.get(value.name)
    this.sums.set(value.name, before ? add(this.emit, before, gradient) : gradient)
  }

  of(value: Value): Value | undefined {
    return this.sums.get(value.name)
  }
}

/** The names of all values that depend on one of `wrt`, those themselves among them. */
export function dependents(steps: readonly Step[], wrt: readonly Value[]): Set<string> {
  const names = new Set(wrt.map((value) => value.name))
  for (const step of steps) {
    if (step.inputs.some((input) => input && names.has(input.name))) {
      for (const output of step.outputs) names.add(output.name)
    }
  }
  return names
}

/** What a rule is called with, or undefined where no gradient arrives or none is needed. */
export function gradientContext(
  step: Step,
  adjoints: Adjoints,
  needed: ReadonlySet<string>,
  emit: GraphBuilder,
): GradientContext | undefined {
  const arriving = step.outputs.map((output) => adjoints.of(output))
  if (arriving.every((gradient) => gradient === undefined)) return undefined
  const needs = step.inputs.map((input) => input !== undefined && needed.has(input.name) && isFloat(input))
  if (!needs.includes(true)) return undefined
  const { op } = step.definition
  return {
    emit,
    op,
    name: step.name,
    attributes: attributeReader(step.attributes, nodeLabel({ op, name: step.name })),
    inputs: step.inputs,
    outputs: step.outputs,
    gradients: arriving,
    needs,
    ...(step.kept ? { kept: step.kept } : {}),
  }
}

const isFloat = (value: Value): boolean => value.type.startsWith('float') || value.type === 'bfloat16'

export function ruleOf(step: Step): NonNullable<typeof step.definition.gradient> {
  const rule = step.definition.gradient
  if (!rule) {
    const label = nodeLabel({ op: step.definition.op, name: step.name })
    throw new UnsupportedOpError(
      'not-differentiable',
      `${label}: a gradient has to pass here, but this op has none. Freeze the parameters before it, or replace the node.`,
    )
  }
  return rule
}
