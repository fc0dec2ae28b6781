import { count as counted } from '../../count.ts'
import { samples as countSamples, type Dataset, kindOf } from '../../data/dataset.ts'
import { countingLabels } from '../../data/row-lengths.ts'
import { pickRows } from '../../data/rows.ts'
import { gatheredFeeds } from '../../data/spilled-rows.ts'
import { paced, paceOn } from '../../engine/pace.ts'
import { loadProgram } from '../../engine/program.ts'
import { UsageError } from '../../errors.ts'
import { MOST_LOGITS } from '../../evaluate/evaluate.ts'
import { spanned } from '../../spans.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { buildFisherGraph, type FisherGraph } from './fisher-graph.ts'
import { type FisherLabels, type FisherOptions, fisherDefaults, fisherLabels } from './options.ts'

export interface FisherResult {
  /** float32, of each parameter's name and dims. */
  readonly diagonal: Map<string, Tensor<'float32'>>
  readonly samples: number
  /** Whose labels it was taken over. */
  readonly labels: FisherLabels
  /** Of texts, the tokens that count in these samples: what the diagonal is a mean over. */
  readonly tokens?: number | undefined
  /** Parameters without a closed form, whose squares were taken one sample at a time. */
  readonly oneByOne: readonly string[]
}

/**
 * The Fisher information's diagonal. Per-sample squares come in closed form layer by layer where one is known, and one
 * sample at a time elsewhere; never from a mini-batch's mean gradient, unless 'batch' is asked for. The expectation over
 * classes shares one forward pass.
 *
 * Of texts the mean is over tokens that count, and the labels are `sampled` by default: one draw from the model's own distribution at each
 * token, behind the tokens that the text has. A row's gradient is the sum over its tokens, and draws are independent with a score whose
 * mean is 0, so the expected square of the sum is the sum of the expected squares: what is estimated is the exact diagonal of one
 * prediction, 1/tokens sum_t sum_c p_t(c) (d log p_t(c) / d theta)^2, as Kirkpatrick et al. 2017 have it for classes. With `true` labels it is
 * not: the data's own tokens have scores whose mean is not 0 (Kunstner et al. 2019, NeurIPS, arXiv 1905.12558).
 *
 * @throws UsageError `fisher-samples` when more samples are asked for than there are; `fisher-labels` for an unknown kind, and for
 * `exact` ones of texts; `fisher-targets` for several labels a row, and for numbers.
 * @example
 * const { diagonal } = await fisherDiagonal({ engine, model, parameters: model.parameters, dataset, random })
 */
export const fisherDiagonal = (options: FisherOptions): Promise<FisherResult> =>
  spanned('Fisher', () => diagonalOf(options))

async function diagonalOf(options: FisherOptions): Promise<FisherResult> {
  const { dataset } = options
  const texts = ofTexts(dataset)
  const labels = labelsOf(options, texts)
  const rows = chosenRows(options)
  const most = Math.min(options.batchSize ?? fisherDefaults.batchSize, rows.length, roomFor(dataset))
  const build = (size: number): FisherGraph => buildFisherGraph(options, labels, size)
  // Written out, a batch that is taken one sample at a time would be as many networks.
  const batchSize = options.engine.flat && build(1).oneByOne.length > 0 ? 1 : most
  const dims = [...valuesOf(options)].map(([name, tensor]) => [`sum/${name}`, tensor.dims] as const)
  const { sums, oneByOne } = await summedRows(options, rows, {
    ...{ batchSize, labels, sums: new Map(dims) },
    build,
  })
  const tokens = texts ? tokensIn(dataset, rows) : undefined
  // 'batch' squares mean gradients, so it averages over batches; the others are sums over samples, or tokens.
  const divisor = labels === 'batch' ? Math.ceil(rows.length / batchSize) : (tokens ?? rows.length)
  return {
    diagonal: new Map([...sums].map(([key, sum]) => [key.slice('sum/'.length), divided(sum, divisor)])),
    oneByOne,
    labels,
    samples: rows.length,
    ...(tokens !== undefined && { tokens }),
  }
}

/** @throws UsageError `fisher-targets`. */
function ofTexts(dataset: Dataset): boolean {
  const kind = kindOf(dataset)
  if (kind === 'classification' || kind === 'token-classification') return kind !== 'classification'
  throw new UsageError(
    'fisher-targets',
    `The Fisher is taken over one class a row, or a token, but the labels of "${dataset.name}" are for ${kind}. Use a method without it, such as replay.`,
  )
}

function labelsOf({ labels, dataset }: FisherOptions, texts: boolean): FisherLabels {
  if (labels === undefined) return texts ? 'sampled' : fisherDefaults.labels
  if (!fisherLabels.includes(labels)) {
    throw new UsageError(
      'fisher-labels',
      `Fisher labels are exact, sampled, true or batch; "${labels}" was given.`,
    )
  }
  if (labels !== 'exact' || !texts) return labels
  throw new UsageError(
    'fisher-labels',
    `The exact Fisher of "${dataset.name}" would take a backward pass for each of ${dataset.classes.length.toLocaleString('en-US')} classes at each token. Take sampled labels (fisher: sampled), whose mean it is.`,
  )
}

/** Rows of a batch, so that logits of texts take no more room than elsewhere. */
function roomFor({ labels, classes }: Dataset): number {
  const tokens = labels.dims[1]
  return tokens === undefined || labels.type !== 'int32'
    ? Number.POSITIVE_INFINITY
    : Math.max(1, Math.floor(MOST_LOGITS / (tokens * Math.max(1, classes.length))))
}

/** How many tokens of some rows count, one at least. */
const tokensIn = ({ labels }: Dataset, rows: Int32Array): number =>
  Math.max(1, countingLabels({ labels: pickRows<'int32' | 'float32'>(labels, rows) }))

export function chosenRows({ dataset, samples, random }: FisherOptions): Int32Array {
  const count = countSamples(dataset)
  if (samples === undefined) return Int32Array.from({ length: count }, (_, row) => row)
  if (!(samples >= 1 && samples <= count)) {
    throw new UsageError(
      'fisher-samples',
      `The Fisher was asked for on ${counted(samples, 'sample')}, but "${dataset.name}" has ${count}.`,
    )
  }
  return random.choose(count, samples)
}

/** The parameters that the Fisher is of, as they are given. */
const valuesOf = ({ model, parameters }: FisherOptions): ReadonlyMap<string, Tensor> =>
  new Map([...model.parameters.keys()].map((name) => [name, parameters.get(name) ?? float32([0])]))

interface RowSums {
  readonly batchSize: number
  readonly labels: FisherLabels
  /** Dims of the sums, by the inputs that they are of the graph. */
  readonly sums: ReadonlyMap<string, readonly number[]>
  /** A graph that adds one batch after another. */
  readonly build: (batchSize: number) => FisherGraph
}

/** Sums over rows: whole batches first, then what is left over as a smaller one, each by a graph of its own. */
export async function summedRows(
  options: FisherOptions,
  rows: Int32Array,
  { batchSize, labels, sums: asked, build }: RowSums,
): Promise<{ readonly sums: ReadonlyMap<string, Tensor>; readonly oneByOne: readonly string[] }> {
  const whole = rows.length - (rows.length % batchSize)
  let sums = new Map<string, Tensor>([...asked].map(([name, dims]) => [name, float32(dims)]))
  let oneByOne: readonly string[] = []
  for (const [part, size] of [
    [rows.subarray(0, whole), batchSize],
    [rows.subarray(whole), rows.length - whole],
  ] as const) {
    if (part.length === 0) continue
    const built = build(size)
    sums = await addedBatches(options, built, { rows: part, batchSize: size, sums, labels })
    oneByOne = built.oneByOne
  }
  return { sums, oneByOne }
}

/** What a mean is, of its sum. */
export const divided = ({ dims, data }: Tensor, divisor: number): Tensor<'float32'> =>
  float32(
    dims,
    (data as Float32Array).map((value) => value / divisor),
  )

interface Batches {
  readonly rows: Int32Array
  readonly batchSize: number
  readonly sums: ReadonlyMap<string, Tensor>
  readonly labels: FisherLabels
}

/** Running sums after whole batches of rows, by a graph that adds up one batch after another. */
async function addedBatches(
  options: FisherOptions,
  built: FisherGraph,
  { rows, batchSize, sums, labels }: Batches,
): Promise<Map<string, Tensor>> {
  const { engine, dataset, random, model } = options
  const slots = [...sums.keys()].map((input) => ({ input, output: `${input}/next` }))
  const program = await loadProgram(engine, built, slots, sums)
  const feeds = new Map<string, Tensor>(
    [...valuesOf(options)].map(([name, tensor]) => [`parameter/${name}`, tensor]),
  )
  for (const [name, tensor] of options.buffers ?? model.buffers) feeds.set(`buffer/${name}`, tensor)
  const batches = async (from: number, count: number): Promise<void> => {
    const part = rows.slice(from * batchSize, (from + count) * batchSize)
    const asked = gatheredFeeds(dataset, { type: 'int32', dims: [count, batchSize], data: part }, engine.flat)
    for (const [name, tensor] of asked) feeds.set(name, tensor)
    if (labels === 'sampled') {
      const draws = float32([count, batchSize, ...dataset.labels.dims.slice(1)])
      random.fillUniform(draws.data, 0, 1)
      feeds.set('draws', draws)
    }
    await program.run(new Map([...feeds].filter(([name]) => built.inputs.has(name))))
  }
  await paced(rows.length / batchSize, batches, paceOn(engine))
  const after = await program.snapshot()
  await program.dispose()
  return after
}
