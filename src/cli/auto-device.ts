import { physicalCores } from '../engine/cores-node.ts'
import { obstacleTo, seesGraphics } from '../engine/devices-node.ts'
import type { Device } from '../engine/index.ts'
import { accelerators, type Provider } from '../engine/providers.ts'
import { isRefusal } from '../engine/refusals.ts'
import { bestOf, type DeviceReport, fastest, recalled, remember, tryEach } from './doctor/index-files.ts'
import { programFile } from './engine.ts'

/** What `--device auto` comes to, and why: a line. */
export interface Choice {
  readonly device: Device
  readonly why: string
}

export interface AutoOptions {
  /** Default the physical cores. */
  readonly threads?: number | undefined
  /** Whether devices are tried although the answer of the last day is known. Default false. */
  readonly anew?: boolean | undefined
  /** Is told what takes so long. */
  readonly say?: ((line: string) => void) | undefined
  /** Milliseconds until it is. */
  readonly patience?: number | undefined
  /** The file of this program, as a URL. */
  readonly program?: string | undefined
}

const PATIENCE = 1500

/**
 * The device that trains a small network fastest. Others than the CPU are tried only where there is a sign of one, each in a process
 * of its own: with a CPU alone this costs nothing. What was found is known for a day.
 */
export async function fastestDevice({
  threads = physicalCores(),
  anew = false,
  say = () => undefined,
  patience = PATIENCE,
  program = programFile(),
}: AutoOptions = {}): Promise<Choice> {
  const others = accelerators.filter(
    (device) => !obstacleTo(device) && (device !== 'webgpu' || seesGraphics()),
  )
  if (others.length === 0) {
    return { device: 'cpu', why: 'Device: cpu, as there is no other here (holdfast doctor says why).' }
  }
  const known = anew ? new Map<Provider, DeviceReport>() : await knownOf(['cpu', ...others], threads)
  const waits = setTimeout(
    () => say(`Trying devices (${others.join(', ')}); a driver may take a while …`),
    patience,
  )
  try {
    const reports = await tryEach(others, program, threads, known)
    await remember(reports.filter(({ device }) => !known.has(device)))
    const device = fastest(reports) ?? 'cpu'
    const when = known.size > 0 ? ' (as found within the last day; holdfast doctor tries anew)' : ''
    return {
      device,
      why: `Device: ${device}; a small training step takes ${reports.map(fared).join(', ')}${when}.`,
    }
  } finally {
    clearTimeout(waits)
  }
}

async function knownOf(
  devices: readonly Provider[],
  threads: number,
): Promise<ReadonlyMap<Provider, DeviceReport>> {
  const found = await Promise.all(devices.map((device) => recalled(device, threads)))
  return new Map(found.flatMap((report) => (report ? [[report.device, report] as const] : [])))
}

function fared(report: DeviceReport): string {
  const milliseconds = bestOf(report)
  return milliseconds === undefined
    ? `nothing on ${report.device}, which does not open (holdfast doctor says why)`
    : `${Number(milliseconds.toPrecision(2))} ms on ${report.device}`
}

/**
 * Does something on the device chosen; where that does not take a graph whole, anew on the CPU, which is said.
 *
 * @throws What `attempt` throws on the CPU, or for another reason.
 */
export async function onChosen<Result>(
  { device }: Choice,
  attempt: (device: Device) => Promise<Result>,
  warn: (line: string) => void,
): Promise<Result> {
  try {
    return await attempt(device)
  } catch (error) {
    if (device === 'cpu' || !isRefusal(error)) throw error
    warn(`${error.message} It was the fastest on a small step; the command begins again on the CPU.`)
    return attempt('cpu')
  }
}

/** A command line with another device in place of `--device auto`. */
export const withDevice = (words: readonly string[], device: Device): string[] =>
  words.map((word, at) => {
    if (word === '--device=auto') return `--device=${device}`
    return word === 'auto' && words[at - 1] === '--device' ? device : word
  })
