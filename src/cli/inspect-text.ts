import { count } from '../count.ts'
import type { Device } from '../engine/index.ts'
import { largest } from '../extent.ts'
import type { InspectedParameter, InspectedValue } from '../train/inspect/index.ts'
import type { FileInspection } from '../train/inspect/index-files.ts'

/** Lines of parameters that are shown; --json has all. */
const MOST_LINES = 30

/** What is said of a model to people. */
export function inspectionText(inspection: FileInspection, device: Device = 'cpu'): string {
  const { file, opset, producer } = inspection
  const sections = [
    [
      `${file}: opset ${opset}${producer ? `, written by ${producer}` : ''}`,
      `  reads   ${inspection.inputs.map(valueText).join('; ')}`,
      ...boundText(inspection),
      `  gives   ${inspection.outputs.map(valueText).join('; ')}`,
      `  data    ${preprocessingText(inspection)}`,
      ...preprocessingNotes(inspection).map((note) => `  note    ${note}`),
    ],
    parametersText(inspection.parameters),
    headText(inspection),
    [...stepText(inspection), ...deviceText(inspection, device)],
    obstaclesText(inspection),
    inspection.limits.map((limit) => `note: ${limit}`),
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function obstaclesText({ obstacles, step }: FileInspection): string[] {
  if (obstacles.length === 0) return []
  const lines = obstacles.map(({ node, op, reason }) => {
    const label = `${op} "${node}"`
    return op === '' || reason.startsWith(label) ? `  ${reason}` : `  ${label}: ${reason}`
  })
  const sizes = step === null && obstacles.some(({ reason }) => reason.includes('dims'))
  return [
    `It cannot be trained as it is; in the way ${obstacles.length === 1 ? 'is' : 'are'}:`,
    ...lines,
    ...(sizes
      ? ['  Sizes that the file leaves free were guessed: give others by --batch N and --dims NAME=SIZE.']
      : []),
  ]
}

const valueText = ({ name, type, dims }: InspectedValue): string =>
  `${name} ${type}[${dims === null ? 'any' : dims.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`

const boundWords = {
  ...{ cache: 'empty', branch: 'false', given: 'as given' },
  update: 'zero; whoever runs the file feeds an adapter',
} as const

/** Inputs of the file that are bound; a cache has two a layer. */
function boundText({ bound }: FileInspection): string[] {
  const cache = bound.filter(({ role }) => role === 'cache')
  const [first] = cache
  const others = bound.filter(({ role }) => role !== 'cache')
  const rest = cache.length > 1 ? ` and ${count(cache.length - 1, 'other')}` : ''
  const lines = [
    ...(first
      ? [`${valueText(first)}${rest}: keys and values of earlier calls, of which training has none`]
      : []),
    ...others.map((value) => `${valueText(value)}: ${boundWords[value.role]}`),
  ]
  return lines.map((line) => `  bound   ${line}`)
}

function preprocessingText({ preprocessing }: FileInspection): string {
  if ('problem' in preprocessing) return preprocessing.problem
  switch (preprocessing.kind) {
    case 'text':
      return `tokens${preprocessing.maxLength === undefined ? '' : `, at most ${preprocessing.maxLength} a text`}`
    case 'numbers':
      return preprocessing.image
        ? `numbers as they are stored, or images whose pixels (${preprocessing.image.channels}) are these numbers`
        : 'numbers as they are stored'
    case 'image': {
      const { image, preprocessing: values } = preprocessing
      const { mean, std } = values
      const plain = mean === 0 && std === 1
      return `images ${image.layout}, ${image.channels}, ${plain ? `pixels times ${rounded(values.scale)}` : `normalised by mean ${list(mean)} and std ${list(std)}`}`
    }
  }
}

const preprocessingNotes = ({ preprocessing }: FileInspection): readonly string[] =>
  'problem' in preprocessing ? [] : preprocessing.notes

const rounded = (value: number): string => String(Number(value.toPrecision(4)))
const list = (values: number | readonly number[]): string =>
  typeof values === 'number' ? rounded(values) : `[${values.map(rounded).join(', ')}]`

interface Group {
  readonly name: string
  readonly parameters: InspectedParameter[]
}

function parametersText(parameters: readonly InspectedParameter[]): string[] {
  const trained = parameters.filter(({ trainable }) => trainable)
  const head = `${count(parameters.length, 'parameter')} with ${count(numbersIn(parameters), 'number')}, of which ${thousands(numbersIn(trained))} train`
  const groups = grouped(parameters)
  const shown = groups.slice(0, MOST_LINES)
  const width = largest(shown.map(({ name }) => name.length))
  const rows = shown.map(({ name, parameters: members }) => {
    const [first] = members
    const alike = members.every(({ dims }) => String(dims) === String(first?.dims))
    const types = [...new Set(members.map(({ type }) => type))].join('/')
    const trainable = members.filter((member) => member.trainable).length
    const fate =
      trainable === members.length
        ? ''
        : trainable === 0
          ? '  fixed'
          : `  ${trainable} of ${members.length} train`
    const times = members.length > 1 ? `  x ${members.length}` : ''
    const dims = alike ? `[${first?.dims.join(', ')}]` : count(numbersIn(members), 'number')
    return `  ${name.padEnd(width)}  ${types} ${dims}${times}${fate}`
  })
  const more = groups.length - shown.length
  return [
    head,
    ...rows,
    ...(more > 0 ? [`  and ${more} more ${more === 1 ? 'line' : 'lines'}; --json has all`] : []),
  ]
}

/** Parameters whose names differ in numbers only stand on one line: layers of one kind. */
function grouped(parameters: readonly InspectedParameter[]): Group[] {
  const groups = new Map<string, InspectedParameter[]>()
  for (const parameter of parameters) {
    const name = parameter.name.replace(/\d+/g, '*')
    groups.set(name, [...(groups.get(name) ?? []), parameter])
  }
  return Array.from(groups, ([name, members]) => ({
    name: members.length === 1 ? (members[0]?.name ?? name) : name,
    parameters: members,
  }))
}

const numbersIn = (parameters: readonly InspectedParameter[]): number =>
  parameters.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0)

const thousands = (value: number): string => value.toLocaleString('en-US')

function headText({ binary, head, labels, logits }: FileInspection): string[] {
  if (!head) return [`No classifier head was found before "${logits}": classes cannot be added.`]
  const named = labels.length > 0 ? `: ${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ', …' : ''}` : ''
  if (binary) {
    return [
      `Head ${head.op} "${head.node}" with weight "${head.weight}"; one number, "${logits}", for two classes${named}`,
    ]
  }
  return [
    `Head ${head.op} "${head.node}" with weight "${head.weight}"; ${count(head.classes, 'class')}${named}`,
  ]
}

function stepText({ step }: FileInspection): string[] {
  if (!step) return []
  const sizes = Object.entries(step.dims).map(([name, size]) => `${name} = ${size}`)
  return [
    `A step of training with Adam on ${count(step.batch, 'row')}${sizes.length === 0 ? '' : ` (${sizes.join(', ')})`}`,
    `  ${flops(step.flops)}, of which the forward pass takes ${flops(step.forwardFlops)}; ${count(step.nodes, 'node')}`,
    `  ${bytes(step.bytes)} of memory at most, the program and the file among it: trained parameters ${bytes(step.parameterBytes)}, optimiser ${bytes(step.optimiserBytes)}, activations and gradients ${bytes(step.activationBytes)}, and copies of them`,
  ]
}

/** What a device that was asked for would refuse; nothing is opened. */
function deviceText({ step }: FileInspection, device: Device): string[] {
  if (!step?.lacking) return []
  const lacking = Object.entries(step.lacking)
  if (lacking.length === 0)
    return [
      `  ${device} has kernels for all ops of this step; whether for its types of numbers, too, is seen when it is opened`,
    ]
  const named = lacking.map(([what, nodes]) => `${what} (${nodes})`).join(', ')
  return [`  ${device} has no right kernel for ${named}${refused[device] ?? ''}`]
}

const refused: Partial<Record<Device, string>> = {
  webgpu: ': it would refuse this step (device-fallback)',
  'webgpu+cpu':
    ': they would run on the CPU, with copies in between, but for what the device takes and computes wrongly',
}

const flops = (value: number): string =>
  scaled(value, 1000, ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP'])
const bytes = (value: number): string => scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])

function scaled(value: number, step: number, units: readonly string[]): string {
  const power = value < step ? 0 : Math.min(units.length - 1, Math.floor(Math.log(value) / Math.log(step)))
  return `${rounded(value / step ** power)} ${units[power]}`
}
