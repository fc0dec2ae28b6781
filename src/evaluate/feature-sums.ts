import { GraphBuilder } from '../autodiff/builder.ts'
import type { Engine, Executable } from '../engine/engine.ts'
import { DataError } from '../errors.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { cast, matmul, sub } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { addOuterProduct, classSum, type FeatureSums } from './sums.ts'

export interface FeatureSumsOptions {
  readonly engine: Engine
  /** float32 [N, D], one row each. */
  readonly features: Tensor<'float32'>
  /** The class of each row. */
  readonly labels: Int32Array
  readonly classes: number
  /** Sums Relu(f R) in place of f, R float32 [D, D']: what the head of an expanded model reads. */
  readonly expansion?: Tensor<'float32'> | undefined
}

/** Rows of one product; fixed, so that no result depends on how fast a machine is. */
const ROWS = 1000

/**
 * Sums features in one pass. Products are taken in float32, of features that are centred on the mean of the first rows, and added up
 * in float64: neither many rows nor a large mean cost digits.
 *
 * @throws DataError `features` for rows that do not go with the labels, or are not finite.
 * @example
 * const sums = await featureSums({ engine, features, labels: classLabels(data), classes: model.classes.length })
 */
export async function featureSums(options: FeatureSumsOptions): Promise<FeatureSums> {
  const { engine, features, labels, classes, expansion } = options
  const [rows = 0, given = 0] = features.dims
  if (features.dims.length !== 2 || rows !== labels.length) {
    throw new DataError(
      'features',
      `Sums need features of float32 [${labels.length}, D], one row a label; found [${features.dims.join(', ')}].`,
    )
  }
  const width = expansion ? itemAt(expansion.dims, 1, 'dim of the expansion') : given
  const found: FeatureSums = {
    counts: countsOf(labels, classes),
    sums: new Float64Array(classes * width),
    scatter: new Float64Array(width * width),
    width,
  }
  if (rows === 0) return found
  const executable = await engine.load(sumsGraph(given, classes, expansion))
  try {
    await addRows(found, executable, options)
  } finally {
    await executable.dispose()
  }
  if (found.sums.every(Number.isFinite) && found.scatter.every(Number.isFinite)) return found
  throw new DataError('features', 'The features of some rows are not finite, so they cannot be summed.')
}

function countsOf(labels: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes)
  for (const label of labels) counts[label] = itemAt(counts, label, 'class') + 1
  return counts
}

async function addRows(
  { counts, sums, scatter, width }: FeatureSums,
  executable: Executable,
  { features, labels }: FeatureSumsOptions,
): Promise<void> {
  const [rows = 0, given = 0] = features.dims
  const products = async (from: number, centre: Float32Array) => {
    const count = Math.min(ROWS, rows - from)
    const data = features.data.subarray(from * given, (from + count) * given)
    const results = await executable.run(
      new Map<string, Tensor>([
        ['features', float32([count, given], data)],
        ['labels', { type: 'int32', dims: [count, 1], data: labels.subarray(from, from + count) }],
        ['centre', float32([1, width], centre)],
      ]),
    )
    return (name: 'sums' | 'gram') => required(results, name, 'output').data as Float32Array
  }
  const first = (await products(0, new Float32Array(width)))('sums')
  const centre = meanOf(first, width, Math.min(ROWS, rows))
  for (let from = 0; from < rows; from += ROWS) {
    const part = await products(from, centre)
    accumulate(sums, part('sums'))
    accumulate(scatter, part('gram'))
  }
  for (let unit = 0; unit < counts.length; unit++) {
    const [count, sum] = [itemAt(counts, unit, 'class'), classSum({ sums, counts, width }, unit)]
    if (count === 0) continue
    addOuterProduct(scatter, sum, -1 / count)
    for (let at = 0; at < width; at++) sum[at] = (sum[at] as number) + count * (centre[at] as number)
  }
}

/** The mean of all rows, from their sums by class. */
function meanOf(sums: Float32Array, width: number, rows: number): Float32Array {
  const mean = new Float32Array(width)
  for (const [place, sum] of sums.entries())
    mean[place % width] = (mean[place % width] as number) + sum / rows
  return mean
}

function accumulate(into: Float64Array, part: Float32Array): void {
  for (let at = 0; at < into.length; at++) into[at] = (into[at] as number) + (part[at] as number)
}

/**
 * Reads `features` [rows, D], `labels` int32 [rows, 1] and `centre` [1, D']; gives the class sums and the Gram matrix of the centred
 * features, `sums` [classes, D'] and `gram` [D', D'].
 */
function sumsGraph(given: number, classes: number, expansion: Tensor<'float32'> | undefined): Uint8Array {
  const builder = new GraphBuilder()
  const features = builder.input('features', { type: 'float32', dims: [ROWS, given] }, ['rows', given])
  const labels = builder.input('labels', { type: 'int32', dims: [ROWS, 1] }, ['rows', 1])
  const read = expansion
    ? builder.op('Relu', [matmul(builder, features, builder.parameter('expansion', expansion))])
    : features
  const [, width = 0] = read.dims
  const centred = sub(builder, read, builder.input('centre', { type: 'float32', dims: [1, width] }))
  const units = builder.constant({
    type: 'int32',
    dims: [1, classes],
    data: Int32Array.from({ length: classes }, (_, unit) => unit),
  })
  const oneHot = cast(builder, builder.op('Equal', [labels, units]), 'float32')
  builder.output(builder.op('Gemm', [oneHot, centred], { transA: 1 }), 'sums')
  builder.output(builder.op('Gemm', [centred, centred], { transA: 1 }), 'gram')
  return encodeGraph(builder.finish('feature-sums'))
}
