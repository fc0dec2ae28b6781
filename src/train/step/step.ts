import { GraphBuilder } from '../../autodiff/builder.ts'
import { scan } from '../../autodiff/scan.ts'
import type { StateSlot } from '../../engine/engine.ts'
import { heldFrom, type Loadable, loadable } from '../../engine/loadable.ts'
import type { Named, StepTerms } from '../../methods/method.ts'
import { add, asMade, type Value } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import { spanned } from '../../spans.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { batchOf, forward, type Passed, type StepBody, stepContext } from './step-forward.ts'
import { type StepInputs, stepInputs } from './step-inputs.ts'
import type { StepRequest } from './step-request.ts'
import { updateParameters } from './updates.ts'
import { clipByGlobalNorm } from './weight-decay.ts'

/** A training step as a graph: K of them are one call. */
export interface StepGraph {
  readonly bytes: Uint8Array
  /** Frozen weights that the graph reads from where they lie; {@link Loadable}. */
  readonly held: Loadable['held']
  readonly slots: readonly StateSlot[]
  /** Inputs by name that every call is fed beside the state. */
  readonly inputs: ReadonlySet<string>
  /** Names of the terms of the loss, [K] each under `loss/NAME`; and of the reports, one number each. */
  readonly losses: readonly string[]
  readonly reports: readonly string[]
}

type Term = { readonly name: string; readonly value: Value }

/**
 * Builds the step for one task: gather a batch, augment it, forward, loss terms, backward, the method's changes, the optimiser; all
 * in the body of a `Scan` over K steps, so that one call does them all and the state stays in the runtime's memory.
 */
export const buildStep = (request: StepRequest): StepGraph => spanned('build step', () => builtStep(request))

function builtStep(request: StepRequest): StepGraph {
  const { method, state, task } = request
  const builder = new GraphBuilder(undefined, request)
  const inputs = stepInputs(builder, request)
  const losses: string[] = []
  const reports: Term[] = []
  const result = scan(builder, [...inputs.state.values()], inputs.scanned, (step, values, scanned) => {
    const body = bodyOf(request, { outer: builder, step, inputs, values, scanned })
    const batch = batchOf(body)
    const passed = forward(body, batch)
    const context = stepContext(body, batch, passed)
    const terms = method.terms?.(context, state, task) ?? {}
    const parts = [{ name: 'task', value: passed.loss }, ...(terms.losses ?? [])]
    const raw = context.gradients(total(body, parts))
    const stepped = terms.nearby ? gradientsAt({ ...body, parameters: terms.nearby(raw) }, batch) : raw
    const next = update(body, { passed, terms, raw, gradients: changed(body, terms, stepped) })
    losses.push(...parts.map(({ name }) => name))
    reports.push(...(terms.reports ?? []))
    return { state: [...next.values()], outputs: parts.map(({ value }) => value) }
  })
  return finished(builder, inputs, result, { losses, reports, graphs: request.graphs })
}

function bodyOf(
  request: StepRequest,
  given: Pick<StepBody, 'outer' | 'step' | 'inputs'> & {
    readonly values: readonly Value[]
    readonly scanned: readonly Value[]
  },
): StepBody {
  const { outer, step, inputs, values, scanned } = given
  const names = [...inputs.state.keys()]
  const now = new Map(values.map((value, at) => [itemAt(names, at, 'state'), value]))
  const rows = itemAt(scanned, 0, 'scanned value')
  const end = inputs.fetched ? scanned.length - 1 : scanned.length
  const firstColumn = end - inputs.columns.length
  const firstDraw = firstColumn - inputs.augment.length
  return {
    ...{ request, outer, step, inputs, now },
    parameters: withoutPrefix(now, 'parameter/'),
    buffers: withoutPrefix(now, 'buffer/'),
    rows,
    places: inputs.fetched ? itemAt(scanned, end, 'scanned value') : rows,
    seed: itemAt(scanned, 1, 'scanned value'),
    labels: itemAt(scanned, 2, 'scanned value'),
    scalars: scanned.slice(3, firstDraw),
    draws: new Map(
      inputs.augment.map((name, at) => [name, itemAt(scanned, firstDraw + at, 'scanned value')]),
    ),
    columns: inputs.columns.map((column, at) => ({
      ...column,
      value: itemAt(scanned, firstColumn + at, 'scanned value'),
    })),
  }
}

/** The sum of the loss's terms. */
const total = ({ step }: StepBody, terms: readonly Term[]): Value =>
  terms.map(({ value }) => value).reduce((sum, value) => add(step, sum, value))

/** The gradient of the loss at the body's parameters: one more forward and backward pass on the same batch. */
function gradientsAt(body: StepBody, batch: Value): Named {
  const { method, state, task } = body.request
  const passed = forward(body, batch)
  const context = stepContext(body, batch, passed)
  const losses = method.terms?.(context, state, task).losses ?? []
  return context.gradients(total(body, [{ name: 'task', value: passed.loss }, ...losses]))
}

/** The gradient as the optimiser gets it: changed by the method, then clipped. */
function changed({ step, request: { settings } }: StepBody, terms: StepTerms, raw: Named): Named {
  const ours = terms.gradients?.(raw) ?? raw
  return settings.clipNorm === undefined ? ours : clipByGlobalNorm(step, ours, settings.clipNorm)
}

/** The state after the step. */
function update(
  { request, step, now, parameters, scalars }: StepBody,
  found: {
    readonly passed: Passed
    readonly terms: StepTerms
    readonly raw: Named
    readonly gradients: Named
  },
): Map<string, Value> {
  const { optimiser, weightDecay } = request.settings
  const { terms } = found
  const next = new Map(now)
  const pending = [...parameters].map(([name, parameter]) => ({
    name,
    parameter,
    gradient: required(found.gradients, name, 'gradient'),
    slots: optimiser.slots.map((slot) => required(now, `optimiser/${slot}/${name}`, 'state')),
  }))
  const rule = { optimiser, decay: weightDecay, scalars }
  for (const [name, updated] of updateParameters(step, rule, pending)) {
    next.set(`parameter/${name}`, terms.updated?.(name, updated.parameter) ?? updated.parameter)
    updated.slots.forEach((value, at) => {
      next.set(`optimiser/${itemAt(optimiser.slots, at, 'slot')}/${name}`, value)
    })
  }
  for (const [name, value] of found.passed.buffers)
    next.set(`buffer/${name}`, terms.moved?.(name, value) ?? value)
  const done = {
    gradients: found.raw,
    parameters: withoutPrefix(next, 'parameter/'),
    buffers: withoutPrefix(next, 'buffer/'),
  }
  for (const [key, value] of terms.slots?.(done) ?? []) {
    required(now, `slot/${key}`, 'slot of the method')
    next.set(`slot/${key}`, value)
  }
  return next
}

function finished(
  builder: GraphBuilder,
  inputs: StepInputs,
  result: { readonly state: readonly Value[]; readonly outputs: readonly Value[] },
  {
    losses,
    reports,
    graphs = 1,
  }: Pick<StepRequest, 'graphs'> & { readonly losses: readonly string[]; readonly reports: readonly Term[] },
): StepGraph {
  const slots = [...inputs.state.keys()].map((name, at) => ({
    input: name,
    output: builder.output(asMade(itemAt(result.state, at, 'state')), `${name}/next`).name,
  }))
  result.outputs.forEach((value, at) => {
    builder.output(value, `loss/${losses[at]}`, ['steps'])
  })
  for (const { name, value } of reports) builder.output(value, `report/${name}`)
  const graph = builder.finish('step')
  return {
    ...loadable(graph, heldFrom / graphs),
    slots,
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    losses,
    reports: reports.map(({ name }) => name),
  }
}
