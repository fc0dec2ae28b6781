import { GraphBuilder } from '../../autodiff/builder.ts'
import { backward } from '../../autodiff/gradients.ts'
import { scan, scanSum } from '../../autodiff/scan.ts'
import { perSampleSquares } from '../../autodiff/squares.ts'
import { samples as countSamples } from '../../data/dataset.ts'
import { type Loadable, loadable } from '../../engine/loadable.ts'
import { applyModel, weightInputs } from '../../model/apply.ts'
import {
  add,
  cast,
  div,
  filled,
  ints,
  mul,
  reduceSum,
  reshape,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { float32 } from '../../tensor/tensor.ts'
import type { FisherLabels, FisherOptions } from './options.ts'
import { countingPlaces, drawnTokens, ownClasses, tokenSeeds } from './token-seeds.ts'

export interface FisherGraph {
  readonly bytes: Uint8Array
  readonly held: Loadable['held']
  /** The graph's inputs, those without use left out. */
  readonly inputs: ReadonlySet<string>
  /** Parameters without a closed form. */
  readonly oneByOne: readonly string[]
}

export interface FisherContext {
  readonly options: FisherOptions
  readonly labels: FisherLabels
  readonly names: readonly string[]
  readonly parameters: ReadonlyMap<string, Value>
  readonly buffers: ReadonlyMap<string, Value>
  readonly inputs: Value
}

/** One batch: which rows, their labels [B] or [B, T], and a uniform number each ('sampled' only). */
export interface Batch {
  readonly rows: Value
  readonly labels: Value
  readonly uniforms: Value | undefined
}

/** A graph that adds the squares of `rows` [batches, batchSize] to running sums, a batch an iteration. */
export function buildFisherGraph(
  options: FisherOptions,
  labels: FisherLabels,
  batchSize: number,
): FisherGraph {
  const { model, dataset } = options
  const builder = new GraphBuilder(undefined, { flat: options.engine.flat })
  const table = ['rows_of_data', ...dataset.inputs.dims.slice(1)]
  const inputs = builder.input('inputs', dataset.inputs, table)
  const tokens = dataset.labels.dims.slice(1)
  const targets = builder.input('labels', { type: 'int32', dims: [countSamples(dataset), ...tokens] }, [
    'rows_of_data',
    ...tokens,
  ])
  const planned = (name: string, type: 'int32' | 'float32', dims: readonly number[]) =>
    builder.input(name, { type, dims: [1, ...dims] }, ['batches', ...dims])
  const rows = planned('rows', 'int32', [batchSize])
  const draws = planned('draws', 'float32', [batchSize, ...tokens])
  const names = [...model.parameters.keys()]
  const context: FisherContext = {
    options,
    labels,
    names,
    ...weightInputs(builder, model),
    inputs,
  }
  const sums = [...context.parameters.values()].map((value, index) =>
    builder.input(`sum/${names[index]}`, { type: 'float32', dims: value.dims }),
  )
  let oneByOne: readonly string[] = []
  const result = scan(
    builder,
    sums,
    labels === 'sampled' ? [rows, draws] : [rows],
    (body, state, [chosen, uniforms]) => {
      if (!chosen) return { state, outputs: [] }
      const batch = { rows: chosen, labels: body.op('Gather', [targets, chosen]), uniforms }
      const squares =
        labels === 'batch' ? meanGradientSquares(body, context, batch) : sampleSquares(body, context, batch)
      oneByOne = squares.oneByOne
      return { state: state.map((sum, index) => addOptional(body, sum, squares.values[index])), outputs: [] }
    },
  )
  result.state.forEach((value, index) => {
    builder.output(value, `sum/${names[index]}/next`)
  })
  const graph = builder.finish('fisher')
  return { ...loadable(graph), inputs: new Set(graph.inputs.map(({ name }) => name)), oneByOne }
}

const addOptional = (emit: GraphBuilder, sum: Value, more: Value | undefined): Value =>
  more ? add(emit, sum, reshape(emit, more, sum.dims)) : sum

interface Squares {
  readonly values: readonly (Value | undefined)[]
  readonly oneByOne: readonly string[]
}

function forward(body: GraphBuilder, context: FisherContext, rows: Value): { stored: Value; logits: Value } {
  const stored = body.op('Gather', [context.inputs, rows])
  const { parameters, buffers, options } = context
  const { logits } = applyModel(
    body,
    options.model,
    { stored, preprocessing: options.dataset.preprocessing },
    { parameters, buffers },
  )
  return { stored, logits }
}

/** softmax over the active units, 0 elsewhere. */
function probabilities(body: GraphBuilder, context: FisherContext, logits: Value): Value {
  const outputs = logits.dims.at(-1) ?? 1
  const active = activeUnits(context, outputs)
  if (active.length === outputs) return body.op('Softmax', [logits], { axis: -1 })
  // Far below any logit, yet finite, so that no infinity meets another.
  const offset = new Float32Array(outputs).fill(-1e30)
  for (const unit of active) offset[unit] = 0
  return body.op('Softmax', [add(body, logits, body.constant(float32([1, outputs], offset)))], { axis: -1 })
}

const activeUnits = ({ options }: FisherContext, outputs: number): readonly number[] =>
  options.units ?? Array.from({ length: outputs }, (_, unit) => unit)

/** The batch's one-hot labels [B, outputs]. */
function oneHot(body: GraphBuilder, labels: Value, outputs: number): Value {
  const units = body.constant({
    type: 'int32',
    dims: [1, outputs],
    data: Int32Array.from({ length: outputs }, (_, unit) => unit),
  })
  return cast(body, body.op('Equal', [reshape(body, labels, [labels.dims[0] ?? 1, 1]), units]), 'float32')
}

/** d log p(c|x) / d logits = onehot(c) - p: a row a sample, for every class the expectation goes over. */
export function forEachClass(
  body: GraphBuilder,
  context: FisherContext,
  batch: Batch,
  logits: Value,
  squares: (inner: GraphBuilder, seed: Value) => readonly Value[],
): readonly Value[] {
  const outputs = logits.dims.at(-1) ?? 1
  const p = probabilities(body, context, logits)
  if (batch.labels.dims.length > 1) return squares(body, ofTokens(body, context, batch, p))
  if (context.labels === 'true') return squares(body, sub(body, oneHot(body, batch.labels, outputs), p))
  if (context.labels === 'sampled' && batch.uniforms) {
    return squares(body, sub(body, drawnClasses(body, p, batch.uniforms, activeUnits(context, outputs)), p))
  }
  const active = activeUnits(context, outputs)
  const classes = float32([active.length, 1, outputs])
  active.forEach((unit, row) => {
    classes.data[row * outputs + unit] = 1
  })
  // sqrt(p_c) in the seed becomes p_c in the square.
  const root = body.op('Sqrt', [p])
  return scanSum(body, [body.constant(classes)], (inner, [which]) => {
    if (!which) return []
    const weight = inner.op('ReduceSum', [mul(inner, root, which), ints(inner, [1])], { keepdims: 1 })
    return squares(inner, mul(inner, sub(inner, which, p), weight))
  })
}

/** The same at each token of rows of texts, [B, T, V]: a row's gradient is the sum over its tokens. */
function ofTokens(body: GraphBuilder, context: FisherContext, { labels, uniforms }: Batch, p: Value): Value {
  const counting = countingPlaces(body, labels, p)
  const outputs = p.dims.at(-1) ?? 1
  const classes =
    context.labels === 'sampled' && uniforms
      ? drawnTokens(body, p, uniforms, activeUnits(context, outputs).at(-1) ?? outputs - 1)
      : ownClasses(body, labels, counting)
  return tokenSeeds(body, { p, classes, counting })
}

/**
 * One class a sample by inverting the distribution function: the first c with p_0 + .. + p_c > u. Returned as one-hot
 * rows.
 */
function drawnClasses(body: GraphBuilder, p: Value, uniforms: Value, active: readonly number[]): Value {
  const outputs = p.dims.at(-1) ?? 1
  const last = active.at(-1) ?? outputs - 1
  const cumulate = new Float32Array(outputs * outputs)
  const difference = new Float32Array(outputs * outputs)
  const certain = new Float32Array(outputs)
  for (let row = 0; row < outputs; row++) {
    cumulate.fill(1, row * outputs + row, (row + 1) * outputs)
    difference[row * outputs + row] = 1
    if (row + 1 < outputs) difference[row * outputs + row + 1] = -1
    // Rounding may leave the total just below 1: from the last active class on, the sum counts as reached.
    if (row >= last) certain[row] = 2
  }
  const sums = body.op('MatMul', [p, body.constant(float32([outputs, outputs], cumulate))])
  const reached = add(body, sums, body.constant(float32([1, outputs], certain)))
  const after = cast(
    body,
    body.op('Greater', [reached, reshape(body, uniforms, [uniforms.dims[0] ?? 1, 1])]),
    'float32',
  )
  return body.op('MatMul', [after, body.constant(float32([outputs, outputs], difference))])
}

/** Sums over the batch of squared per-sample gradients: closed forms where there are, one sample at a time elsewhere. */
function sampleSquares(body: GraphBuilder, context: FisherContext, batch: Batch): Squares {
  const { stored, logits } = forward(body, context, batch.rows)
  const parameters = [...context.parameters.values()]
  const samples = batch.rows.dims[0] ?? 1
  const tape = body.tape.slice()
  const seeded = (inner: GraphBuilder, gradient: Value) =>
    perSampleSquares(body, [{ of: logits, gradient }], parameters, [stored], samples, inner, tape)
  let terms: ReturnType<typeof seeded> = []
  const sums = forEachClass(body, context, batch, logits, (inner, seed) => {
    terms = seeded(inner, seed)
    return terms.flatMap((term) => (term ? [term.accumulate] : []))
  })
  let next = 0
  const values = terms.map((term) => {
    const sum = term ? sums[next++] : undefined
    return term && sum ? term.finish(body, sum) : undefined
  })
  const missing = context.names.flatMap((_, index) => (values[index] ? [] : [index]))
  if (missing.length === 0) return { values, oneByOne: [] }
  const slow = squaresOneByOne(body, context, batch, missing)
  missing.forEach((index, at) => {
    values[index] = slow[at]
  })
  return { values, oneByOne: missing.map((index) => itemAt(context.names, index, 'parameter')) }
}

/** The definition itself: each sample alone, its gradient squared. Right for any graph, and slower. */
function squaresOneByOne(
  body: GraphBuilder,
  context: FisherContext,
  batch: Batch,
  which: readonly number[],
): readonly Value[] {
  const samples = batch.rows.dims[0] ?? 1
  const column = (value: Value) => reshape(body, value, [samples, 1, ...value.dims.slice(1)])
  const scanned = [batch.rows, batch.labels, ...(batch.uniforms ? [batch.uniforms] : [])].map(column)
  const all = [...context.parameters.values()]
  const wanted = which.map((index) => itemAt(all, index, 'gradient'))
  return scanSum(body, scanned, (sample, [rows, labels, uniforms]) => {
    if (!rows || !labels) return []
    const { logits } = forward(sample, context, rows)
    return forEachClass(sample, context, { rows, labels, uniforms }, logits, (inner, gradient) =>
      backward(sample, [{ of: logits, gradient }], wanted, inner).map((result, index) => {
        const parameter = wanted[index]
        if (result) return square(inner, result)
        return parameter ? filled(inner, 0, parameter) : gradient
      }),
    )
  })
}

/** The square of the mini-batch's mean gradient of the data's own labels. */
function meanGradientSquares(body: GraphBuilder, context: FisherContext, batch: Batch): Squares {
  const { logits } = forward(body, context, batch.rows)
  const gradient =
    batch.labels.dims.length > 1
      ? meanOfTokens(body, context, batch, logits)
      : meanOfRows(body, context, batch, logits)
  const results = backward(body, [{ of: logits, gradient }], [...context.parameters.values()])
  return { values: results.map((result) => result && square(body, result)), oneByOne: [] }
}

function meanOfRows(body: GraphBuilder, context: FisherContext, batch: Batch, logits: Value): Value {
  const outputs = logits.dims.at(-1) ?? 1
  const residual = sub(body, oneHot(body, batch.labels, outputs), probabilities(body, context, logits))
  return scale(body, residual, 1 / (batch.rows.dims[0] ?? 1))
}

/** The mean over the tokens that count; a batch in which none does has no gradient. */
function meanOfTokens(body: GraphBuilder, context: FisherContext, batch: Batch, logits: Value): Value {
  const counting = countingPlaces(body, batch.labels, logits)
  const sum = body.op('Max', [reduceSum(body, counting, [0, 1]), scalar(body, 1, counting)])
  return div(body, ofTokens(body, context, batch, probabilities(body, context, logits)), sum)
}
