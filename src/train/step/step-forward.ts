import type { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import type { AugmentColumnName } from '../../data/augment/index.ts'
import type { Mixed, Named, RowRange, SourceRows, StepContext } from '../../methods/method.ts'
import { applyModel } from '../../model/apply.ts'
import { findHead, requireHead } from '../../model/heads/index.ts'
import { headCrossEntropy, linearHead, lossKind, MANY_CLASSES, taskLoss } from '../../model/losses/index.ts'
import { add, filled, ints, mul, reshape, scalar, sub, type Value } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { augment, inStoredType } from '../augment/index.ts'
import { batchWidth, classMask } from './batch.ts'
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
  /** Where the batch's inputs lie among those that the call is fed. */
  readonly places: Value
  readonly seed: Value
  /** Of the rows, all that there are of each. */
  readonly labels: Value
  /** The optimiser's numbers of this step; the first is the learning rate. */
  readonly scalars: readonly Value[]
  /** What is drawn for augmentation: a row for each of the batch. */
  readonly draws: ReadonlyMap<AugmentColumnName, Value>
  readonly columns: readonly { readonly source: string; readonly name: string; readonly value: Value }[]
}

/** The batch's inputs in the units they are stored in, augmented where that is asked for. */
export function batchOf({ request, step, inputs, places, draws }: StepBody): Value {
  const { augmentation, model, pool } = request
  const stored = asFarAsRead(step, step.op('Gather', [inputs.inputs, places]), request)
  if (!augmentation) return stored
  const batch = augment(step, stored, { ...augmentation, preprocessing: pool.preprocessing, draws })
  // A model that normalises by itself reads whole numbers.
  return model.input.type.startsWith('float') ? batch : inStoredType(step, batch, stored.type)
}

/** Of [rows, T, ...] with a value for each token, those of the tokens that the step reads. */
function asFarAsRead(step: GraphBuilder, value: Value, { length }: Pick<StepRequest, 'length'>): Value {
  if (length === undefined || value.dims[1] === length) return value
  return step.op('Slice', [value, ...[[0], [length], [1]].map((numbers) => ints(step, numbers))])
}

/** Which rows are mixtures of two. */
function mixedRows({ request: { sources }, step, draws }: StepBody): Mixed | undefined {
  const [partner, share] = [draws.get('partner'), draws.get('share')]
  const aRow = (numbers: Value) => reshape(step, numbers, [batchWidth(sources)])
  return partner && share && { partner: aRow(partner), share: aRow(share) }
}

/** What the forward pass gives. */
export interface Passed extends Pick<StepContext, 'labels' | 'mask' | 'mixed' | 'logits' | 'features'> {
  /** The labels and masks of the rows that mixed ones have in them. */
  readonly others: Others | undefined
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
  const labels = asFarAsRead(step, body.labels, request)
  const mask = classMask(step, request, inputs, rows)
  const mixed = mixedRows(body)
  const others = mixed && othersOf(body, mixed, { labels, mask })
  return {
    ...{ logits, buffers, labels, mask, mixed, others },
    features: () => required(values, requireHead(model).features, 'value'),
    loss: lossOf(body, { logits, labels, mask, weights: inputs.weights }, others),
  }
}

type Scored = Omit<Parameters<typeof taskLoss>[1], 'kind' | 'labelSmoothing'>

/** Of what is in mixed rows beside themselves. */
interface Others extends Pick<Scored, 'labels' | 'mask'> {
  /** [rows, 1], as in {@link Mixed}. */
  readonly share: Value
}

function othersOf(
  { step, request: { sources } }: StepBody,
  { partner, share }: Mixed,
  { labels, mask }: Pick<Scored, 'labels' | 'mask'>,
): Others {
  const others = (value: Value) => step.op('Gather', [value, partner])
  return {
    labels: others(labels),
    // One row for all stays as it is.
    mask: mask && (mask.dims[0] === 1 ? mask : others(mask)),
    share: reshape(step, share, [batchWidth(sources), 1]),
  }
}

/** The loss on the labels; of mixed rows share L(y) + (1 - share) L(y'), with y' the label of the other row. */
function lossOf(body: StepBody, scored: Scored, others?: Others): Value {
  const {
    request: { settings, task },
    step,
  } = body
  const { loss = {} } = settings
  const kind = lossKind(loss, task.train)
  const one = (part: Scored) => taskLoss(step, { ...part, kind, labelSmoothing: loss.labelSmoothing })
  if (!others) return vocabularyLoss(body, scored) ?? one(scored)
  const { labels, mask, share } = others
  const weighted = (part: Value) => (scored.weights ? mul(step, scored.weights, part) : part)
  const own = one({ ...scored, weights: weighted(share) })
  const rest = sub(step, scalar(step, 1, share), share)
  return add(step, own, one({ ...scored, labels, mask, weights: weighted(rest) }))
}

/** The cross-entropy of a head without bias that knows many classes, all of which take part; undefined for others. */
function vocabularyLoss(
  { request: { settings, task }, step }: StepBody,
  { logits, labels, mask, weights }: Scored,
): Value | undefined {
  const { loss = {} } = settings
  const plain = lossKind(loss, task.train) === 'cross-entropy' && !mask && !loss.labelSmoothing
  if (!plain || labels.type !== 'int32' || (logits.dims.at(-1) ?? 0) < MANY_CLASSES) return undefined
  if (logits.dims.slice(0, -1).join() !== labels.dims.join()) return undefined
  const head = linearHead(step, logits)
  if (!head) return undefined
  return headCrossEntropy(step, head, labels, { weights })
}

/** What a method sees. */
export function stepContext(body: StepBody, batch: Value, passed: Passed): StepContext {
  const { step, inputs, now, parameters, rows } = body
  return {
    outer: body.outer,
    step,
    parameters,
    buffers: body.buffers,
    initial: inputs.parameters,
    inputs: inputs.constants,
    slots: withoutPrefix(now, 'slot/'),
    batch,
    ...{ labels: passed.labels, mask: passed.mask, mixed: passed.mixed },
    ...{ logits: passed.logits, features: passed.features },
    rows,
    sources: sourceRows(body),
    asFarAsRead: (value) => asFarAsRead(step, value, body.request),
    forward: (input, given) => answer(body, input, given),
    loss: (range, weights, mask) => partLoss(body, passed, range, { weights, mask }),
    gradients: (loss) => gradientOf(body, loss),
    head: () => requireHead(body.request.model),
    iterations: body.request.iterations,
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
  { weights, mask: asked }: Pick<Scored, 'weights'> & { readonly mask: Value | undefined },
): Value {
  const { step } = body
  const part = (value: Value): Value =>
    value.dims[0] === size && from === 0
      ? value
      : step.op('Slice', [value, ints(step, [from]), ints(step, [from + size]), ints(step, [0])])
  // One row for all stays as it is.
  const masks = (mask: Value | undefined) => asked ?? (mask && (mask.dims[0] === 1 ? mask : part(mask)))
  const { logits, labels, mask, others } = passed
  return lossOf(
    body,
    { logits: part(logits), labels: part(labels), mask: masks(mask), weights },
    others && { labels: part(others.labels), mask: masks(others.mask), share: part(others.share) },
  )
}

/** The gradient of a scalar by parameter, 0 where it does not depend on one. */
function gradientOf({ step, parameters, request }: StepBody, loss: Value): Named {
  const { recompute } = request.settings
  const found = gradients(step, loss, [...parameters.values()], { recompute })
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
