// The training steps of exported architectures that bench/models.ts times and bench/profile-steps.ts takes apart.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asLoadable } from '../src/engine/loadable.ts'
import { type Selection, selectParameters, trainOnly } from '../src/model/adapters/index.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import type { Model } from '../src/model/model.ts'
import { inspectModel } from '../src/train/inspect/index.ts'
import { adam, sgd } from '../src/train/step/optimisers.ts'
import type { PreparedStep } from './bench-steps.ts'
import { buildModelStep, type ModelStepOptions } from './model-step.ts'
import type { Announced } from './peaks.ts'
import { threadsPinned } from './torch-peer.ts'

export const ARCHITECTURES = 'bench/reference/models.py'

const images = { batch: [16, 3, 64, 64], optimiser: sgd({ momentum: 0.9 }), decay: 0 }
const tokens = { batch: [16, 64], optimiser: adam(), decay: 0.01 }
/** As many steps a call as training has, whose calls last a fifth of a second: one, unless they are quick. */
type Settings = Omit<ModelStepOptions, 'model' | 'stepsPerCall'> & {
  readonly file: string
  readonly stepsPerCall?: number
}
const steps: Readonly<Record<string, Settings>> = {
  resnet18: { file: 'resnet18', ...images, statistics: false },
  'resnet18-statistics': { file: 'resnet18', ...images, statistics: true },
  'mobilenet-v2': { file: 'mobilenet-v2', ...images, statistics: false },
  'mobilenet-v2-statistics': { file: 'mobilenet-v2', ...images, statistics: true },
  vit: { file: 'vit', ...images, optimiser: adam(), decay: 0.01, statistics: false },
  'bert-mini': { file: 'bert-mini', ...tokens, vocabulary: 30522, statistics: false },
  lstm: { file: 'lstm', ...tokens, vocabulary: 5000, statistics: false, stepsPerCall: 10 },
}

export const architectures: readonly string[] = Object.keys(steps)

/** Where PyTorch has written the models: it is asked to unless they are there. */
export function exportedTo(folder: string, python: string): string {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'resnet18.onnx')))
    execFileSync(python, [ARCHITECTURES, '--export', folder], { env: threadsPinned(1), stdio: 'pipe' })
  return folder
}

/** Reads the model at once; what comes back builds its step, in blocks of so many channels if any are said. `train` says what trains, default all. */
export function architecture(
  name: string,
  folder: string,
  channelBlock?: number,
  train: Selection = { kind: 'all' },
): () => PreparedStep & { readonly nodes: number } {
  const { settings, model: whole } = opened(name, folder)
  const model = trainOnly(whole, selectParameters(whole, train))
  return () => {
    const { stepsPerCall = 1 } = settings
    const step = buildModelStep({ ...settings, model, stepsPerCall, channelBlock })
    return { ...step, model: asLoadable(step.bytes), stepsPerCall }
  }
}

/** The model of a step as its file has it. */
export const architectureModel = (name: string, folder: string): Model => opened(name, folder).model

/** What `inspect` says of the step, with the bench's own optimiser; nothing is run. */
export function architectureCost(name: string, folder: string): Announced {
  const { settings, model, batchNorm, fileBytes } = opened(name, folder)
  const { optimiser } = settings
  const [batch] = settings.batch
  const { step, obstacles } = inspectModel(model, { batch, optimiser, batchNorm, fileBytes })
  if (!step) throw new Error(`${name} cannot be trained: ${obstacles[0]?.reason}`)
  return step
}

function opened(name: string, folder: string) {
  const settings = steps[name]
  if (!settings) throw new Error(`No step is called "${name}"; there are ${architectures.join(', ')}.`)
  const bytes = readFileSync(join(folder, `${settings.file}.onnx`))
  const batchNorm = settings.statistics ? ('train' as const) : ('fixed' as const)
  return { settings, model: modelFromOnnx(bytes, { batchNorm }), batchNorm, fileBytes: bytes.byteLength }
}
