import { attributeReader, type SquareTerm, sumTo, type Value } from '../ops/core/index.ts'
import type { GraphBuilder, Step } from './builder.ts'
import { Adjoints, dependents, gradientContext, ruleOf, type Seed } from './gradients.ts'

/**
 * Emits, for each parameter, the sum over samples of the squared per-sample gradient, where a closed form is known.
 * The seeds hold one gradient a sample (rows along axis 0): no mean is taken.
 *
 * A parameter used more than once, or by an op without a closed form, or behind values that no longer keep the samples
 * apart, gets `undefined`: the caller takes the generic way (batches of one).
 *
 * @param carriers the inputs that hold one sample a row along axis 0
 * @param emit where the nodes go: `builder`, or a body of it that runs once a class
 * @param tape the forward pass's steps. Said where `emit` is `builder` itself and is written to once a class: what the first one wrote
 * uses parameters, too.
 */
export function perSampleSquares(
  builder: GraphBuilder,
  seeds: readonly Seed[],
  parameters: readonly Value[],
  carriers: readonly Value[],
  samples: number,
  emit: GraphBuilder = builder,
  tape: readonly Step[] = builder.tape,
): (SquareTerm | undefined)[] {
  const steps = tape.slice()
  const carrying = carriersOf(steps, carriers, samples)
  const plan = closedForms(steps, parameters)
  const adjoints = new Adjoints(emit)
  for (const { of, gradient } of seeds) adjoints.add(of, gradient)
  const needed = dependents(steps, parameters)
  const terms = new Map<string, SquareTerm>()
  for (const step of steps.reverse()) {
    if (plan.rearranging.has(step)) {
      passThrough(step, terms)
      continue
    }
    const context = gradientContext(step, adjoints, needed, emit)
    if (!context) continue
    const squared = step.inputs.map((input) => input !== undefined && plan.targets.has(input.name))
    const carries = step.inputs.map((input) => input !== undefined && carrying.has(input.name))
    // Where no input holds the samples along axis 0 (behind a Transpose, say) there is nothing to tell them apart by.
    if (squared.includes(true) && carries.includes(true) && step.definition.squares) {
      const found = step.definition.squares({ ...context, needs: squared, samples, carries })
      step.inputs.forEach((input, index) => {
        const term = found[index]
        if (input && term && squared[index]) terms.set(input.name, term)
      })
    }
    const needs = context.needs.map((need, index) => need && !squared[index])
    if (!needs.includes(true)) continue
    const results = ruleOf(step)({ ...context, needs })
    step.inputs.forEach((input, index) => {
      const result = results[index]
      if (input && result && needs[index]) adjoints.add(input, sumTo(emit, result, input.dims))
    })
  }
  return parameters.map((parameter) => terms.get(parameter.name))
}

interface ClosedFormPlan {
  /** Names whose squares are asked of the op that uses them: a parameter, or a parameter rearranged. */
  readonly targets: ReadonlySet<string>
  /** Steps that only rearrange a parameter before its use. */
  readonly rearranging: ReadonlySet<Step>
}

/** Follows each parameter that has one use through ops that only move elements, to where it meets the activations. */
function closedForms(steps: readonly Step[], parameters: readonly Value[]): ClosedFormPlan {
  const uses = new Map<string, Step[]>()
  for (const step of steps) {
    for (const input of new Set(step.inputs.map((value) => value?.name))) {
      if (!input) continue
      const others = uses.get(input)
      if (others) others.push(step)
      else uses.set(input, [step])
    }
  }
  const targets = new Set<string>()
  const rearranging = new Set<Step>()
  for (const parameter of parameters) {
    const chain: Step[] = []
    let name = parameter.name
    for (;;) {
      const [step, ...others] = uses.get(name) ?? []
      if (!step || others.length > 0 || step.inputs.filter((input) => input?.name === name).length > 1) break
      if (!step.definition.rearranges) {
        targets.add(name)
        for (const link of chain) rearranging.add(link)
        break
      }
      chain.push(step)
      name = step.outputs[0]?.name ?? ''
    }
  }
  return { targets, rearranging }
}

/** The squares of a rearranged parameter are rearranged back by the op's own gradient rule. */
function passThrough(step: Step, terms: Map<string, SquareTerm>): void {
  const [source] = step.inputs
  const [target] = step.outputs
  const term = target && terms.get(target.name)
  if (!source || !term) return
  terms.set(source.name, {
    accumulate: term.accumulate,
    finish: (to, sum) => {
      const back = ruleOf(step)({
        emit: to,
        op: step.definition.op,
        name: step.name,
        attributes: attributeReader(step.attributes, step.definition.op),
        inputs: step.inputs,
        outputs: step.outputs,
        gradients: [term.finish(to, sum)],
        needs: step.inputs.map((_, index) => index === 0),
      })[0]
      return back ?? sum
    },
  })
}

/** The names of values that hold the samples along axis 0, each sample's rows together. */
function carriersOf(steps: readonly Step[], carriers: readonly Value[], samples: number): Set<string> {
  const names = new Set(carriers.map((value) => value.name))
  for (const step of steps) {
    const carries = step.inputs.map((input) => input !== undefined && names.has(input.name))
    if (!carries.includes(true)) continue
    const keeps = step.definition.rows?.({
      attributes: attributeReader(step.attributes, step.definition.op),
      inputs: step.inputs,
      outputs: step.outputs,
      carries,
      samples,
    })
    if (keeps) for (const output of step.outputs) names.add(output.name)
  }
  return names
}
