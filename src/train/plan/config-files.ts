import { writeFile } from 'node:fs/promises'
import { UsageError } from '../../errors.ts'
import { methodEntries, methodOptions } from '../../methods/registry.ts'
import { readUtf8, systemCode } from '../../tensor/reads-files.ts'
import { writing } from '../../tensor/writes-files.ts'
import { parsePlan, type RunPlan } from './plan.ts'
import { yamlFromText } from './yaml.ts'

/**
 * A run's plan from a YAML (or JSON) file.
 *
 * @param said.old What is said of `model.old` elsewhere, in place of what the file says where it says how such texts are written.
 * @throws UsageError `config-missing` when there is no such file, `config-syntax` with line and column, `config` naming the
 * place that is wrong.
 * @example
 * const plan = await readPlanFile('holdfast.yaml')
 */
export async function readPlanFile(path: string, said?: SaidElsewhere): Promise<RunPlan> {
  return planFromText(await readUtf8(path, missing), path, said)
}

interface SaidElsewhere {
  readonly old?: string | undefined
}

/** Of a model that says how it writes old texts (`model.written`), which is right or wrong by what is old. */
function withOld(value: unknown, old: string): unknown {
  if (typeof value !== 'object' || value === null || !('model' in value)) return value
  const { model } = value
  const writes = typeof model === 'object' && model !== null && 'written' in model
  return writes ? { ...value, model: { ...model, old } } : value
}

/**
 * What a configuration of a run without a stream says, unchecked: that of a student, whose teacher and data are named elsewhere.
 *
 * @throws UsageError as {@link readPlanFile}; `config` for a file that is no configuration, or that says what is named elsewhere.
 */
export async function readStudentFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { value } = yamlFromText(await readUtf8(path, missing), path)
  const refuse = (reason: string) => new UsageError('config', `${path} ${reason}`)
  if (typeof value !== 'object' || value === null || !('model' in value)) {
    throw refuse(
      'does not say what the student is. Write a model into it, e.g. model: {kind: mlp, hidden: [64]}',
    )
  }
  const named = ['stream', 'method', 'distil', 'loss'].filter((key) => key in value)
  if (named.length === 0) return { ...value }
  throw refuse(
    `is the configuration of a student, and has ${named.join(' and ')}: its one task is made of the data, and its method is the teaching. Leave ${named.length === 1 ? 'it' : 'them'} out.`,
  )
}

const missing = {
  kind: UsageError,
  code: 'config-missing',
  way: 'Write a configuration to start from with: holdfast learn --init holdfast.yaml',
} as const

/** The same from the text of such a file. */
export function planFromText(text: string, path: string, { old }: SaidElsewhere = {}): RunPlan {
  const { value, lineOf } = yamlFromText(text, path)
  return parsePlan(old === undefined ? value : withOld(value, old), path, lineOf)
}

/** Columns that a line of comment may take. */
const lineWidth = 110

/** Every method with its options, as comments. */
function methodLines(): string {
  return methodEntries
    .flatMap(({ name }) => {
      const options = Object.entries(methodOptions(name)).map(
        ([option, { choices, default: usual }]) =>
          `${option} ${choices.length > 0 ? choices.join('|') : ''}${usual === undefined ? '' : ` = ${usual}`}`,
      )
      return folded(
        `  # ${name}`,
        options.map((each) => each.replaceAll('  ', ' ')),
      )
    })
    .join('\n')
}

/** A heading with parts behind it, in lines of at most {@link lineWidth}. */
function folded(heading: string, parts: readonly string[]): string[] {
  const lines = [parts.length > 0 ? `${heading}:` : heading]
  for (const [at, part] of parts.entries()) {
    const text = `${part}${at < parts.length - 1 ? ',' : ''}`
    const last = lines.at(-1) ?? ''
    if (last.length + text.length < lineWidth) lines[lines.length - 1] = `${last} ${text}`
    else lines.push(`  #   ${text}`)
  }
  return lines
}

/** A configuration to start from: every setting of weight on one screen. */
export const starterConfig = `# Learn five pairs of digits, one after another, without forgetting. Run with: holdfast learn THIS_FILE
name: my-first-run            # what reports call it

data:
  source: mnist               # mnist, synthetic, or the path of a file or folder (images, CSV, JSONL, npy, IDX)
  preprocessing: unit         # unit: pixels to 0..1; mnist: the usual mean and std; stored; or {scale, mean, std}
  # limit: {train: 6000, test: 1000}  # a random part of the data: for quick tries

stream:
  kind: split                 # split classes over tasks; or permuted, rotated, list
  scenario: class             # what is told at test time: task (which one), domain or class (nothing)
  classesPerTask: 2           # 10 classes make 5 tasks

model:
  kind: mlp                   # simple (one layer), mlp, cnn, transformer, or onnx with a path
  hidden: [400, 400]          # units of the hidden layers

method:
  name: replay                # one of those below, or several: ewc+replay
  options:
    perClass: 100             # exemplars kept a class
  # The methods, each with its options and their defaults:
${methodLines()}

optimiser:
  name: adam                  # sgd, adam, adamw, rmsprop
learningRate: 0.001
schedule:
  kind: constant              # constant, cosine or linear, anew in each task

# augment: [flip, crop:4]     # of photographs, not digits: flip, crop, colour, cutout, mixup, cutmix
iterations: 500               # steps a task; or epochs: 1
batchSize: 128                # rows of new data a step
seed: 1                       # of everything random

checkpointEvery: 200          # steps; a run that is killed goes on with: holdfast resume RUN
evaluateEvery: 100            # steps between measurements of all tasks seen so far

device: cpu                   # cpu, webgpu, cuda; or webgpu+cpu, cuda+cpu: what has no kernel there runs on the CPU
# threads: 1                  # default the physical cores; a run's last bits belong to the number of threads
`

/**
 * Writes the starter configuration.
 *
 * @throws UsageError `config-exists`: nothing is written over; EnvironmentError `write-failed`.
 */
export async function writeStarterConfig(path: string): Promise<void> {
  await writing(path, () =>
    writeFile(path, starterConfig, { flag: 'wx' }).catch((cause: unknown) => {
      if (systemCode(cause) !== 'EEXIST') throw cause
      throw new UsageError(
        'config-exists',
        `${path} is there already, and is not written over. Name another file.`,
        { cause },
      )
    }),
  )
}
