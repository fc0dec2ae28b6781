import type { PreprocessingName, Reading } from '../../data/reading.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import { refuseLookingAhead } from '../../evaluate/looks-ahead.ts'
import { type FisherLabels, fisherDiagonal } from '../../methods/fisher/index.ts'
import type { Bindings } from '../../model/import/index.ts'
import { loadModel } from '../../model/import/index-files.ts'
import { randomStream } from '../../tensor/random.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import type { LoadPlanOptions } from './load-options.ts'
import { parsePlan } from './plan.ts'
import { type LoadedPlan, loadPlan } from './plan-files.ts'
import { preparePlan } from './prepare.ts'

export interface FisherFileOptions {
  readonly engine: Engine
  /** A known data set or a path; its training part is used. */
  readonly source: string
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
  /** Default 'exact'; of texts 'sampled'. */
  readonly labels?: FisherLabels | undefined
  /** Default all. */
  readonly samples?: number | undefined
  /** Default 128. */
  readonly batchSize?: number | undefined
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  readonly seed: number
  readonly load?: LoadPlanOptions
}

/** What {@link fisherFile} wrote, and where the mass lies. */
export interface FisherSummary {
  readonly file: string
  readonly model: string
  readonly dataset: { readonly name: string; readonly synthetic: boolean }
  readonly labels: FisherLabels
  readonly samples: number
  /** Of texts, the tokens that the diagonal is a mean over. */
  readonly tokens?: number | undefined
  readonly parameters: readonly {
    readonly name: string
    readonly dims: readonly number[]
    readonly mass: number
  }[]
  /** Parameters without a closed form. */
  readonly oneByOne: readonly string[]
  readonly seconds: number
}

/**
 * Writes the Fisher diagonal of an ONNX model on data as safetensors: the parameters' names and dims, float32; labels,
 * samples and data in the metadata. Of a language model the data are texts.
 *
 * @throws ModelError `model-looks-ahead` for a model that answers with tokens and is no decoder; UsageError `fisher-classes` when the data's classes are not the model's; and what loading throws.
 */
export async function fisherFile(
  model: string,
  file: string,
  options: FisherFileOptions,
): Promise<{ loaded: LoadedPlan; summary: FisherSummary }> {
  const { source, preprocessing = 'default', labels, samples, output, bind, engine } = options
  const language = answersTokens((await loadModel(model, { output, bind })).model)
  const asked = parsePlan({
    name: 'fisher',
    data: { source, preprocessing, ...options.reading },
    // All classes as one task: the model as it is.
    stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'data', source }] },
    model: { kind: 'onnx', path: model, output, bind },
    ...(language && { loss: 'causal-lm' }),
  })
  const loaded = await loadPlan(asked, { ...options.load, wholeTrain: true })
  const { model: network, stream } = preparePlan(loaded.plan, loaded.inputs)
  const dataset = stream.tasks[0]?.train
  if (!dataset) throw new UsageError('plan-data', `${source} has no training data.`)
  if (language) await refuseLookingAhead(engine, network, dataset, model)
  const began = performance.now()
  const { diagonal, ...result } = await fisherDiagonal({
    engine,
    model: network,
    parameters: network.parameters,
    dataset,
    ...(labels === undefined ? {} : { labels }),
    ...(samples === undefined ? {} : { samples }),
    ...(options.batchSize === undefined ? {} : { batchSize: options.batchSize }),
    random: randomStream(options.seed, 'fisher'),
  })
  const seconds = (performance.now() - began) / 1000
  await writeWhole(
    file,
    writeSafetensors(diagonal, {
      format: 'pt',
      fisher: result.labels,
      samples: String(result.samples),
      data: dataset.name,
    }),
  )
  const parameters = [...diagonal].map(([name, { dims, data }]) => ({
    name,
    dims,
    mass: data.reduce((sum, value) => sum + value, 0),
  }))
  const summary = { file, model, dataset: stream.dataset, ...result, parameters, seconds }
  return { loaded, summary }
}
