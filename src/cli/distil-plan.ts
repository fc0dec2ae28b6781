import { basename } from 'node:path'
import type { Reading } from '../data/reading.ts'
import { UsageError } from '../errors.ts'
import { answersTokens } from '../evaluate/generate/index.ts'
import { loadModel } from '../model/import/index-files.ts'
import { itemAt } from '../required.ts'
import { parsePlan, type RunPlan } from '../train/plan/index.ts'
import { readStudentFile } from '../train/plan/index-files.ts'
import { type DistilSettings, distilDefaults } from './distil-flags.ts'
import { readingOf, withDocumentFlags } from './shared-flags.ts'
import type { CommonSettings } from './verb.ts'

type Settings = DistilSettings & CommonSettings

/** Whether a student is a network to be built, as a configuration says. */
export const isConfig = (into: string): boolean => /\.(ya?ml|json)$/i.test(into)

/** The run that `holdfast distil` is asked for: one task, taught by what teachers say. */
export async function distilPlan(asked: Settings): Promise<RunPlan> {
  const config = isConfig(asked.into) ? await readStudentFile(asked.into) : {}
  const { model } = await loadModel(itemAt(asked.teacher, 0, 'teacher'))
  const texts = answersTokens(model)
  if (!texts && asked.topTokens !== undefined) {
    throw new UsageError(
      'option-unused',
      '--top-tokens is of language models, whose answers are shares of tokens; of these teachers the answers for all classes are kept. Leave it out.',
    )
  }
  if (texts) refuseForTexts(asked, config)
  const { topTokens = distilDefaults.topTokens } = asked
  const { temperature = texts ? distilDefaults.textTemperature : distilDefaults.temperature } = asked
  const source = asked.data ?? asked.unlabelled
  return parsePlan(
    {
      ...{ name: 'distil', schedule: { kind: 'cosine' }, checkpointEvery: distilDefaults.checkpointEvery },
      ...config,
      ...given(asked),
      ...lengthOf(asked, config, texts),
      data: dataOf(asked, config.data),
      stream: {
        ...{ kind: 'list', scenario: 'domain' },
        tasks: [{ name: basename(itemAt(asked.teacher, 0, 'teacher')), source }],
      },
      model: config.model ?? studentFile(asked),
      method: { name: 'distil', options: { temperature, topTokens } },
      distil: {
        teachers: asked.teacher,
        labelled: asked.data !== undefined,
        unlabelled: asked.data === undefined ? undefined : asked.unlabelled,
        labelWeight: asked.labelWeight ?? (asked.data === undefined ? 0 : distilDefaults.labelWeight),
        featureWeight: asked.features,
        numbersArePositions: asked.numbersArePositions || undefined,
        maxDrop: asked.maxDrop,
      },
      loss: texts ? 'causal-lm' : undefined,
    },
    isConfig(asked.into) ? asked.into : 'the run that these flags ask for',
  )
}

/** @throws UsageError `distil-teachers` for a new network, `option-unused` for rows without labels: of language models neither is any. */
function refuseForTexts(
  { teacher, into, unlabelled }: Settings,
  { model }: Readonly<Record<string, unknown>>,
) {
  const said = `${teacher[0]} is a language model`
  const built = typeof model === 'object' && model !== null && 'kind' in model && model.kind !== 'onnx'
  if (built) {
    throw new UsageError(
      'distil-teachers',
      `${said}, and ${into} is the configuration of a network that is built anew, which answers with classes. Name a language model with --into: an .onnx file or its folder.`,
    )
  }
  if (unlabelled === undefined) return
  throw new UsageError(
    'option-unused',
    `--unlabelled is for rows without labels, and ${said}, which learns from texts: these are their own labels. Name texts with --data.`,
  )
}

const studentFile = ({ into, head }: Settings) => ({ kind: 'onnx', path: into, trained: false, head })

/** Settings that flags say in place of a configuration. */
function given({ batch, lr, checkpointEvery, augment, recompute, seed, threads, device }: Settings) {
  return known({
    ...{ batchSize: batch, learningRate: lr, checkpointEvery, augment, seed, threads, device },
    recompute: recompute || undefined,
  })
}

/** What is said, without what is not: what stands beside it stays. */
const known = (said: object) =>
  Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))

/** How long training is; what flags say comes before the configuration. */
function lengthOf(
  { epochs, iterations }: Settings,
  config: Readonly<Record<string, unknown>>,
  texts: boolean,
) {
  if (epochs !== undefined || iterations !== undefined) return { epochs, iterations }
  if (config.epochs !== undefined || config.iterations !== undefined) return {}
  return { epochs: texts ? distilDefaults.textEpochs : distilDefaults.epochs }
}

/** How rows are read: as the configuration says, but for what flags say. */
function dataOf(asked: Settings, config: unknown): unknown {
  const { columns, ...reading } = withDocumentFlags<Reading>(readingOf(asked), asked)
  return {
    ...(typeof config === 'object' ? config : {}),
    ...known({
      ...reading,
      columns: Object.values(columns ?? {}).some((value) => value !== undefined) ? columns : undefined,
      preprocessing: asked.preprocessing === 'default' ? undefined : asked.preprocessing,
      testShare: asked.testShare,
    }),
  }
}
