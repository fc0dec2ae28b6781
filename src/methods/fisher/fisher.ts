import { count as counted } from '../../count.ts'
import { samples as countSamples, type Dataset, kindOf } from '../../data/dataset.ts'
import { paced } from '../../engine/pace.ts'
import { loadProgram } from '../../engine/program.ts'
import { UsageError } from '../../errors.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { buildFisherGraph } from './fisher-graph.ts'
import { type FisherLabels, type FisherOptions, fisherDefaults, fisherLabels } from './options.ts'

export interface FisherResult {
  /** float32, of each parameter's name and dims. */
  readonly diagonal: Map<string, Tensor<'float32'>>
  readonly samples: number
  /** Parameters without a closed form, whose squares were taken one sample at a time. */
  readonly oneByOne: readonly string[]
}

/**
 * The Fisher information's diagonal. Per-sample squares come in closed form layer by layer where one is known, and one
 * sample at a time elsewhere; never from a mini-batch's mean gradient, unless 'batch' is asked for. The expectation over
 * classes shares one forward pass.
 *
 * @throws UsageError `fisher-samples` when more samples are asked for than there are; `fisher-labels` for an unknown kind;
 * `fisher-targets` for data whose rows have not one class each.
 * @example
 * const { diagonal } = await fisherDiagonal({ engine, model, parameters: model.parameters, dataset, random })
 */
export async function fisherDiagonal(options: FisherOptions): Promise<FisherResult> {
  const labels = options.labels ?? fisherDefaults.labels
  if (!fisherLabels.includes(labels)) {
    throw new UsageError(
      'fisher-labels',
      `Fisher labels are exact, sampled, true or batch; "${labels}" was given.`,
    )
  }
  refuseTargets(options.dataset)
  const rows = chosenRows(options)
  const batchSize = Math.min(options.batchSize ?? fisherDefaults.batchSize, rows.length)
  const run = new FisherRun(options, labels)
  // Whole batches first, then what is left over as a smaller one.
  const whole = rows.length - (rows.length % batchSize)
  await run.add(rows.subarray(0, whole), batchSize)
  if (whole < rows.length) await run.add(rows.subarray(whole), rows.length - whole)
  return { ...run.result(rows.length), samples: rows.length }
}

function refuseTargets(dataset: Dataset): void {
  const kind = kindOf(dataset)
  if (kind === 'classification') return
  throw new UsageError(
    'fisher-targets',
    `The Fisher is taken over one class a row, but the labels of "${dataset.name}" are for ${kind}. Use a method without it, such as replay.`,
  )
}

function chosenRows({ dataset, samples, random }: FisherOptions): Int32Array {
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

/** Sums over batches; one program for each batch size. */
class FisherRun {
  private readonly options: FisherOptions
  private readonly labels: FisherLabels
  private readonly parameters: ReadonlyMap<string, Tensor>
  private sums: Map<string, Tensor>
  private oneByOne: readonly string[] = []
  private batches = 0

  constructor(options: FisherOptions, labels: FisherLabels) {
    this.options = options
    this.labels = labels
    this.parameters = new Map(
      [...options.model.parameters.keys()].map((name) => [
        name,
        options.parameters.get(name) ?? float32([0]),
      ]),
    )
    this.sums = new Map([...this.parameters].map(([name, { dims }]) => [`sum/${name}`, float32(dims)]))
  }

  async add(rows: Int32Array, batchSize: number): Promise<void> {
    if (rows.length === 0) return
    const built = buildFisherGraph(this.options, this.labels, batchSize)
    const slots = [...this.sums.keys()].map((input) => ({ input, output: `${input}/next` }))
    const program = await loadProgram(this.options.engine, built, slots, this.sums)
    const { dataset, random } = this.options
    const feeds = new Map<string, Tensor>(
      [...this.parameters].map(([name, tensor]) => [`parameter/${name}`, tensor]),
    )
    for (const [name, tensor] of this.options.buffers ?? this.options.model.buffers)
      feeds.set(`buffer/${name}`, tensor)
    feeds.set('inputs', dataset.inputs).set('labels', dataset.labels)
    await paced(rows.length / batchSize, async (from, count) => {
      const part = rows.slice(from * batchSize, (from + count) * batchSize)
      feeds.set('rows', { type: 'int32', dims: [count, batchSize], data: part })
      if (this.labels === 'sampled') {
        const draws = float32([count, batchSize])
        random.fillUniform(draws.data, 0, 1)
        feeds.set('draws', draws)
      }
      await program.run(new Map([...feeds].filter(([name]) => built.inputs.has(name))))
      this.batches += count
    })
    this.sums = program.snapshot()
    this.oneByOne = built.oneByOne
    await program.dispose()
  }

  result(rows: number): Pick<FisherResult, 'diagonal' | 'oneByOne'> {
    // 'batch' squares mean gradients, so it averages over batches; the others are sums over samples.
    const divisor = this.labels === 'batch' ? this.batches : rows
    const diagonal = new Map<string, Tensor<'float32'>>()
    for (const [key, { dims, data }] of this.sums) {
      diagonal.set(
        key.slice('sum/'.length),
        float32(
          dims,
          (data as Float32Array).map((value) => value / divisor),
        ),
      )
    }
    return { diagonal, oneByOne: this.oneByOne }
  }
}
