import { byteSize, count } from '../../count.ts'
import { timedStep } from '../../train/timing/index.ts'
import type { DeviceReport } from './devices-node.ts'
import type { Machine } from './machine-node.ts'
import type { Package } from './packages-files.ts'
import type { Places } from './places-files.ts'

/** All that `holdfast doctor` found. */
export interface Report extends Machine, Places {
  readonly versions: { readonly holdfast: string; readonly node: string; readonly onnxRuntime: string }
  readonly packages: readonly Package[]
  /** What was trained for a moment on each device. */
  readonly step: string
  readonly devices: readonly DeviceReport[]
  /** What `--device auto` would take; null where nothing computes. */
  readonly auto: string | null
}

/** For people, and for whoever reads an issue. */
export function reportText(report: Report): string {
  const { versions, platform, processor, memory, packages, devices, auto, cache, data } = report
  const facts: readonly (readonly [string, readonly string[]])[] = [
    ['versions', [versionsLine(versions, platform)]],
    ['processor', processorLines(processor)],
    ['memory', [memoryLine(memory)]],
    ['devices', devices.flatMap(deviceLines)],
    ['', [`milliseconds of a training step: ${timedStep}${busy(processor)}`]],
    ['auto', auto === null ? [] : [`--device auto would take ${auto}`]],
    ['packages', packages.map(packageLine)],
    ['cache', [cacheLine(cache)]],
    ['data', dataLines(data)],
  ]
  return facts
    .flatMap(([name, lines]) => lines.map((line, at) => `${(at === 0 ? name : '').padEnd(9)}  ${line}`))
    .join('\n')
}

const versionsLine = ({ holdfast, node, onnxRuntime }: Report['versions'], platform: string): string =>
  `holdfast ${holdfast}, onnxruntime-node ${onnxRuntime}, node ${node}, ${platform}`

function processorLines({ model, all, allowed, cores, quota, instructionSets }: Machine['processor']) {
  const bound = allowed < all ? `, of which this process may use ${allowed}` : ''
  const limit = quota === null ? '' : `; the container allows the time of ${round(quota)}`
  return [
    `${model ?? 'a model that the system does not tell'}: ${count(all, 'processor')}${bound}${limit}`,
    `${count(cores, 'thread')} without --threads (physical cores)`,
    instructionSets === null ? 'instruction sets are not told by this system' : instructionSets.join(' '),
  ]
}

/** Numbers of a machine that has other things to do are too large. */
const busy = ({ load, allowed }: Machine['processor']): string =>
  load !== null && load > allowed / 2
    ? `; other programs run (load ${round(load)}), which slows these steps: ask again when they have ended`
    : ''

function memoryLine({ totalBytes, availableBytes, limitBytes }: Machine['memory']): string {
  const limit = limitBytes === null ? '' : `; the container allows ${byteSize(limitBytes)}`
  return `${byteSize(totalBytes)}, ${byteSize(availableBytes)} of it free${limit}`
}

function deviceLines(report: DeviceReport): string[] {
  const name = report.device.padEnd(6)
  if (!report.opens) return [`${name}  no: ${report.reason}`, `        ${report.way}`]
  const lines = report.steps.map(({ threads, milliseconds, openingMilliseconds }, at) => {
    const how = report.device === 'cpu' ? `, ${count(threads, 'thread')}` : ''
    return `${at === 0 ? name : '      '}  ${Number(milliseconds.toPrecision(3))} ms${how}; opened in ${Math.round(openingMilliseconds)} ms`
  })
  return [...lines, ...fewerThreads(report.steps)]
}

/** What to do where more threads are slower: a small step, or a machine that has other things to do. */
function fewerThreads(steps: Extract<DeviceReport, { readonly opens: true }>['steps']): string[] {
  const [one, ...more] = steps
  const slower =
    one?.threads === 1 && more.length > 0 && more.every((step) => step.milliseconds > one.milliseconds)
  return slower
    ? ['        one thread is the fastest here: train networks as small as this with --threads 1']
    : []
}

function packageLine({ name, version, use, problem, way }: Package): string {
  const install = way === undefined ? '' : `: ${way}`
  if (version === null) return `${name}, for ${use}, is not installed${install}`
  return problem === undefined
    ? `${name} ${version}`
    : `${name} ${version}, for ${use}, does not load (${problem})${install}`
}

function cacheLine({ folder, from, files, bytes: used, rowBytes, writable, freeBytes }: Places['cache']) {
  const told = from === 'home' ? '' : ` (${from})`
  const free = freeBytes === null ? '' : `; ${byteSize(freeBytes)} free on its disk`
  const refused = writable ? '' : '; it cannot be written to'
  return `${folder}${told}: ${count(files, 'file')}, ${byteSize(used)}; decoded rows up to ${byteSize(rowBytes)}${free}${refused}`
}

function dataLines({ folder, exists, sets }: Places['data']): string[] {
  const missing = exists ? '' : ', which is not there'
  return [
    folder === null ? 'HOLDFAST_DATA is not set' : `HOLDFAST_DATA=${folder}${missing}`,
    sets.length === 0
      ? 'no data set known by name is here (holdfast data list)'
      : sets.map(({ name, folder: place }) => `${name} in ${place}`).join(', '),
  ]
}

const round = (value: number): string => String(Number(value.toFixed(1)))
