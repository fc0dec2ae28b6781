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
import { repeated, type Segment, segmentsOf } from './recompute.ts'
import { joined, tilings } from './tilings.ts'

/** An output and dL/d(output). */
export interface Seed {
  readonly of: Value
  readonly gradient: Value
}

export interface BackwardOptions {
  /**
   * Computes values of the forward pass again where a rule needs them, instead of keeping all: less memory for up to one
   * forward pass more. The numbers are the same. Default false.
   */
  readonly recompute?: boolean | undefined
}

/**
 * Emits the gradient of a scalar `loss` with respect to `wrt`, by one reverse walk over what the builder emitted.
 * A value that the loss does not depend on gets `undefined`.
 *
 * @throws UnsupportedOpError `not-differentiable` naming the node, when a gradient has to pass an op without a rule.
 * @example
 * const [dw] = gradients(builder, loss, [w])
 */
export function gradients(
  builder: GraphBuilder,
  loss: Value,
  wrt: readonly Value[],
  options: BackwardOptions = {},
): (Value | undefined)[] {
  if (sizeOf(loss.dims) !== 1) {
    throw new ModelError(
      'loss-not-scalar',
      `A loss is one number, but "${loss.name}" has dims [${loss.dims}]. Reduce it first.`,
    )
  }
  return backward(builder, [{ of: loss, gradient: filled(builder, 1, loss) }], wrt, builder, options)
}

/** As {@link gradients}, from given output gradients (vector-Jacobian product). `emit` may be a body of `builder`. */
export function backward(
  builder: GraphBuilder,
  seeds: readonly Seed[],
  wrt: readonly Value[],
  emit: GraphBuilder = builder,
  { recompute = false }: BackwardOptions = {},
): (Value | undefined)[] {
  const adjoints = new Adjoints(emit)
  for (const { of, gradient } of seeds) adjoints.add(of, gradient)
  // The walk itself emits steps; only those of the forward pass are walked.
  const steps = builder.tape.slice()
  const needed = dependents(steps, wrt)
  const tiled = tilings(steps)
  const again = recompute ? new Recomputed(emit, segmentsOf(steps, needed, wrt)) : undefined
  for (const step of steps.reverse()) {
    const tiling = tiled.get(step)
    if (tiling) {
      if (tiling.first !== step || !needed.has(tiling.whole.name)) continue
      const whole = joined(emit, tiling, (piece) => adjoints.of(piece))
      if (whole) adjoints.add(tiling.whole, whole)
      continue
    }
    const context = gradientContext(step, adjoints, needed, emit, again?.of(step, adjoints))
    if (!context) continue
    const results = ruleOf(step)(context)
    step.inputs.forEach((input, index) => {
      const result = results[index]
      if (input && result && context.needs[index]) adjoints.add(input, sumTo(emit, result, input.dims))
    })
  }
  return wrt.map((value) => adjoints.of(value))
}

/** Steps as they are computed again, segment by segment as the walk comes to them. */
class Recomputed {
  private readonly emit: GraphBuilder
  private readonly segments = new Map<Step, Segment>()
  private readonly steps = new Map<Step, Step>()

  constructor(emit: GraphBuilder, segments: readonly Segment[]) {
    this.emit = emit
    for (const segment of segments) for (const step of segment.steps) this.segments.set(step, segment)
  }

  of(step: Step, adjoints: Adjoints): Step {
    const segment = this.segments.get(step)
    const arriving = segment && adjoints.of(segment.to)
    if (segment && arriving) {
      for (const own of segment.steps) this.segments.delete(own)
      for (const [own, again] of repeated(this.emit, segment, arriving)) this.steps.set(own, again)
    }
    return this.steps.get(step) ?? step
  }
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

/**
 * What a rule is called with, or undefined where no gradient arrives or none is needed.
 *
 * @param as The step as it is computed again, where it is.
 */
export function gradientContext(
  step: Step,
  adjoints: Adjoints,
  needed: ReadonlySet<string>,
  emit: GraphBuilder,
  as: Step = step,
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
    inputs: as.inputs,
    outputs: as.outputs,
    gradients: arriving,
    needs,
    ...(as.kept ? { kept: as.kept } : {}),
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
