import type { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import type { Named, RowRange, SourceRows, StepContext } from '../../methods/method.ts'
import { applyModel } from '../../model/apply.ts'
import { findHead, requireHead } from '../../model/heads/index.ts'
import { lossKind, taskLoss } from '../../model/losses/index.ts'
import { filled, ints, type Value } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { classMask } from './batch.ts'
import type { StepInputs } from './step-inputs.ts'
import type { StepRequest } from './step-request.ts'

/** The body of the `Scan`, and what it reads. */
export interface StepBody {
  readonly request: StepRequest
  /** The graph around it. */
  readonly outer: GraphBuilder
  readonly step: GraphBuilder
  readonly inputs: StepInputs
  /** The state at the start of the step. */
  readonly now: Named
  readonly parameters: Named
  readonly buffers: Named
  readonly rows: Value
  readonly seed: Value
  /** The optimiser's numbers of this step; the first is the learning rate. */
  readonly scalars: readonly Value[]
  readonly columns: readonly { readonly source: string; readonly name: string; readonly value: Value }[]
}

/** The batch's inputs, as they are stored. */
export const gather = ({ step, inputs, rows }: StepBody): Value => step.op('Gather', [inputs.inputs, rows])

/** What the forward pass gives. */
export interface Passed extends Pick<StepContext, 'labels' | 'mask' | 'logits' | 'features'> {
  /** Moving statistics after this batch. */
  readonly buffers: Named
  /** On the labels. */
  readonly loss: Value
}

export function forward(body: StepBody, batch: Value): Passed {
  const { request, step, inputs, rows } = body
  const { model, pool } = request
  const head = request.method.terms && findHead(model)
  const { logits, buffers, values } = applyModel(
    step,
    model,
    { stored: batch, preprocessing: pool.preprocessing },
    {
      ...{ parameters: body.parameters, buffers: body.buffers, training: true, dropoutSeed: body.seed },
      values: head && [head.features],
    },
  )
  const labels = step.op('Gather', [inputs.labels, rows])
  const mask = classMask(step, request, inputs, rows)
  return {
    logits,
    buffers,
    labels,
    mask,
    features: () => required(values, requireHead(model).features, 'value'),
    loss: lossOf(body, { logits, labels, mask, weights: inputs.weights }),
  }
}

type Scored = Omit<Parameters<typeof taskLoss>[1], 'kind' | 'labelSmoothing'>

function lossOf({ request: { settings, task }, step }: StepBody, scored: Scored): Value {
  const { loss = {} } = settings
  const kind = lossKind(loss, task.train)
  return taskLoss(step, { ...scored, kind, labelSmoothing: loss.labelSmoothing })
}

/** What a method sees. */
export function stepContext(body: StepBody, batch: Value, passed: Passed): StepContext {
  const { step, inputs, now, parameters, rows } = body
  return {
    outer: body.outer,
    step,
    parameters,
    initial: inputs.parameters,
    inputs: inputs.constants,
    slots: withoutPrefix(now, 'slot/'),
    batch,
    ...{ labels: passed.labels, mask: passed.mask, logits: passed.logits, features: passed.features },
    rows,
    sources: sourceRows(body),
    forward: (input, given) => answer(body, input, given),
    loss: (range, weights) => partLoss(body, passed, range, weights),
    gradients: (loss) => gradientOf(step, loss, parameters),
    learningRate: itemAt(body.scalars, 0, 'number of the optimiser'),
  }
}

/** The model on other rows or with other parameters, as at inference. */
function answer({ request: { model, pool }, step, ...body }: StepBody, stored: Value, given: Named): Value {
  const chosen = (own: Named) => new Map([...own].map(([name, value]) => [name, given.get(name) ?? value]))
  return applyModel(
    step,
    model,
    { stored, preprocessing: pool.preprocessing },
    { parameters: chosen(body.parameters), buffers: chosen(body.buffers) },
  ).logits
}

function partLoss(
  body: StepBody,
  passed: Passed,
  { from, size }: RowRange,
  weights: Value | undefined,
): Value {
  const { step } = body
  const part = (value: Value): Value =>
    value.dims[0] === size && from === 0
      ? value
      : step.op('Slice', [value, ints(step, [from]), ints(step, [from + size]), ints(step, [0])])
  const { logits, labels, mask } = passed
  return lossOf(body, {
    logits: part(logits),
    labels: part(labels),
    // One row for all stays as it is.
    mask: mask && (mask.dims[0] === 1 ? mask : part(mask)),
    weights,
  })
}

/** The gradient of a scalar by parameter, 0 where it does not depend on one. */
function gradientOf(step: GraphBuilder, loss: Value, parameters: Named): Named {
  const found = gradients(step, loss, [...parameters.values()])
  return new Map(
    [...parameters].map(([name, parameter], at) => [name, found[at] ?? filled(step, 0, parameter)]),
  )
}

function sourceRows({ request: { sources, pool }, columns }: StepBody): Map<string, SourceRows> {
  let from = 0
  return new Map(
    sources.map(({ name, size }, at) => {
      const own = columns.filter(({ source }) => source === name)
      const found: SourceRows = {
        ...{ from, size, offset: itemAt(pool.offsets, at, 'offset of source') },
        columns: new Map(own.map((column) => [column.name, column.value])),
      }
      from += size
      return [name, found]
    }),
  )
}
