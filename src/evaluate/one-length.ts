import { GraphBuilder } from '../autodiff/builder.ts'
import { scan } from '../autodiff/scan.ts'
import { type Dataset, samples } from '../data/dataset.ts'
import type { RowsOfLength } from '../data/row-lengths.ts'
import { gatheredFeeds } from '../data/spilled-rows.ts'
import type { Engine } from '../engine/engine.ts'
import { loadable } from '../engine/loadable.ts'
import { paced, paceOn } from '../engine/pace.ts'
import { applyModel, weightInputs } from '../model/apply.ts'
import { linearHead, product, rowsInParts } from '../model/losses/index.ts'
import type { Model } from '../model/model.ts'
import { ints, reshape, type Value } from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import { MOST_LOGITS } from './evaluate.ts'
import { predictRows } from './predict.ts'
import type { Weights } from './weights.ts'

/** Rows of a batch at most. */
const MOST_ROWS = 250

/** Numbers that one call hands back at most, 64 MiB. */
const MOST_NUMBERS = 2 ** 24

/** What is made of the logits of rows of tokens. */
export interface MadeFromLogits {
  readonly dataset: Dataset
  /**
   * What is made of the logits [rows, T, V] and the labels [rows, T] of some places of some rows, by name: [rows, T, ...] each, every
   * place by itself; and of `beside` [rows, T, m], where it is given.
   */
  readonly make: (
    body: GraphBuilder,
    logits: Value,
    labels: Value,
    beside: Value | undefined,
  ) => Readonly<Record<string, Value>>
  /** Whole numbers for each place of the data set's rows, [N, T, m]. Default none. */
  readonly beside?: Tensor<'int32'> | undefined
  /** Logits that stand at a time, as numbers. Default {@link MOST_LOGITS}. */
  readonly most?: number | undefined
}

/** Gets what was made of some rows, each tensor [rows, T, ...]; T is the data set's, or less where the rows need no more of it. */
export type Take = (made: ReadonlyMap<string, Tensor>, rows: Int32Array) => void

/** Rows of one length, and who is told how many of them are done. */
export interface Group extends RowsOfLength {
  readonly onRows: (done: number) => void
}

/** A session for rows of one length. */
export interface OneLength {
  run(take: Take, weights: Weights | undefined, group: Group): Promise<void>
  dispose(): Promise<void>
}

export async function openOneLength(engine: Engine, model: Model, asked: MadeFromLogits): Promise<OneLength> {
  const { source, inputs, size, numbers } = buildGraph(model, asked, engine.flat)
  const executable = await engine.load(source)
  return {
    run: async (take, weights = new Map(), { rows: places, dataset, onRows }) => {
      const count = places.length
      const rows = predictRows(dataset, size)
      const own = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
        [...tensors].map(([name, tensor]) => [`${prefix}/${name}`, weights.get(name) ?? tensor] as const)
      const given = new Map<string, Tensor>([
        ...own('parameter', model.parameters),
        ...own('buffer', model.buffers),
      ])
      const feeds = new Map([...given].filter(([name]) => inputs.has(name)))
      await paced(
        itemAt(rows.dims, 0, 'axis'),
        async (from, batches) => {
          const data = rows.data.subarray(from * size, (from + batches) * size)
          const chosen = { type: 'int32', dims: [batches, size], data } as const
          for (const [name, tensor] of gatheredFeeds(dataset, chosen, engine.flat))
            if (inputs.has(name)) feeds.set(name, tensor)
          if (asked.beside) feeds.set('beside', besideOf(asked.beside, places, chosen, lengthOf(dataset)))
          const answer = await executable.run(feeds)
          // The last row fills up the last batch.
          const real = Math.min(batches * size, count - from * size)
          take(
            new Map([...answer].map(([name, tensor]) => [name, firstRows(tensor, real)])),
            places.subarray(from * size, from * size + real),
          )
          onRows(from * size + real)
        },
        paceOn(engine, Math.max(1, Math.floor(MOST_NUMBERS / numbers))),
      )
    },
    dispose: () => executable.dispose(),
  }
}

const lengthOf = ({ labels }: Dataset): number => itemAt(labels.dims, 1, 'axis')

/** What there is beside the chosen of some rows [batches, size], up to the length that they are read in: [batches, size, length, m]. */
function besideOf(
  { dims, data }: Tensor<'int32'>,
  rows: Int32Array,
  chosen: Tensor<'int32'>,
  length: number,
): Tensor<'int32'> {
  const [, whole = 0, each = 0] = dims
  const found = new Int32Array(chosen.data.length * length * each)
  for (const [at, place] of chosen.data.entries()) {
    const from = itemAt(rows, place, 'row') * whole * each
    found.set(data.subarray(from, from + length * each), at * length * each)
  }
  return { type: 'int32', dims: [...chosen.dims, length, each], data: found }
}

/** [batches, size, ...] as [count, ...]. */
function firstRows({ type, dims, data }: Tensor, count: number): Tensor {
  const row = dims.slice(2)
  const size = count * sizeOf(row)
  return { type, dims: [count, ...row], data: data.length === size ? data : data.slice(0, size) } as Tensor
}

/**
 * Reads `inputs`, `labels`, `rows` int32 [batches, size], `beside` int32 [batches, size, T, m] where it is given, and the weights by name;
 * gives what is made, [batches, size, ...].
 */
function buildGraph(
  model: Model,
  { dataset, make, most = MOST_LOGITS, beside: given }: MadeFromLogits,
  flat = false,
) {
  const { inputs: stored, labels: targets, preprocessing, classes } = dataset
  const positions = sizeOf(targets.dims.slice(1))
  const room = Math.floor(most / (positions * Math.max(1, classes.length)))
  const size = Math.max(1, Math.min(MOST_ROWS, samples(dataset), room))
  const builder = new GraphBuilder(undefined, { flat })
  const table = (name: string, { type, dims }: Tensor) =>
    builder.input(name, { type, dims }, ['rows_of_data', ...dims.slice(1)])
  const inputs = table('inputs', stored)
  const labels = table('labels', targets)
  const rows = builder.input('rows', { type: 'int32', dims: [1, size] }, ['batches', size])
  const besideDims = given && [size, positions, itemAt(given.dims, 2, 'axis')]
  const beside =
    besideDims &&
    builder.input('beside', { type: 'int32', dims: [1, ...besideDims] }, ['batches', ...besideDims])
  const weights = weightInputs(builder, model)
  let names: readonly string[] = []
  const scanned = beside ? [rows, beside] : [rows]
  const result = scan(builder, [], scanned, (body, _state, [chosen, own]) => {
    if (!chosen) return { state: [], outputs: [] }
    const batch = { stored: body.op('Gather', [inputs, chosen]), preprocessing }
    const { logits } = applyModel(body, model, batch, weights)
    const made = inPieces(body, {
      logits,
      labels: body.op('Gather', [labels, chosen]),
      beside: own,
      make,
      most,
    })
    names = Object.keys(made)
    return { state: [], outputs: Object.values(made) }
  })
  for (const [at, value] of result.outputs.entries()) {
    builder.output(value, itemAt(names, at, 'name'), ['batches', ...value.dims.slice(1)])
  }
  const graph = builder.finish('from-logits')
  return {
    source: loadable(graph),
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    size,
    numbers: result.outputs.reduce((sum, { dims }) => sum + sizeOf(dims.slice(1)), 0),
  }
}

interface Pieces extends Pick<MadeFromLogits, 'make'> {
  readonly most: number
  readonly logits: Value
  readonly labels: Value
  readonly beside: Value | undefined
}

/** What is made of logits, those of some places at a time where there are many and a head gives them. */
function inPieces(
  body: GraphBuilder,
  { logits, labels, beside, make, most }: Pieces,
): Readonly<Record<string, Value>> {
  const [rows = 1, tokens = 1, classes = 1] = logits.dims
  const places = rows * tokens
  const head = places * classes > most ? linearHead(body, logits) : undefined
  if (!head) return make(body, logits, labels, beside)
  const size = Math.max(1, Math.floor(most / classes))
  const count = Math.ceil(places / size)
  const flat = (value: Value): Value => reshape(body, value, [places, ...value.dims.slice(2)])
  const scanned = [head.features, labels, ...(beside ? [beside] : [])].map((value) =>
    rowsInParts(body, flat(value), { count, size }),
  )
  let names: readonly string[] = []
  const { outputs } = scan(body, [], scanned, (inner, _state, [features, own, more]) => {
    if (!features || !own) return { state: [], outputs: [] }
    const part = reshape(inner, product(inner, features, head), [1, size, classes])
    const each = more && reshape(inner, more, [1, size, ...more.dims.slice(1)])
    const made = make(inner, part, reshape(inner, own, [1, size]), each)
    names = Object.keys(made)
    return { state: [], outputs: Object.values(made) }
  })
  return Object.fromEntries(
    outputs.map((value, at) => [itemAt(names, at, 'name'), wholeRows(body, value, [rows, tokens])]),
  )
}

/** [count, 1, size, ...] as [rows, T, ...], without what filled up the last piece. */
function wholeRows(body: GraphBuilder, value: Value, [rows, tokens]: readonly [number, number]): Value {
  const [count = 1, , size = 1, ...each] = value.dims
  const all = reshape(body, value, [count * size, ...each])
  const bounds = [[0], [rows * tokens], [0]].map((numbers) => ints(body, numbers))
  const real = count * size === rows * tokens ? all : body.op('Slice', [all, ...bounds])
  return reshape(body, real, [rows, tokens, ...each])
}
