import { physicalCores } from '../engine/cores-node.ts'
import { accelerators, obstacleTo, seesGraphics } from '../engine/devices-node.ts'
import type { Device } from '../engine/index.ts'
import { isRefusal } from '../engine/refusals.ts'
import { bestOf, type DeviceReport, fastest, tryEach } from './doctor/index-files.ts'
import { programFile } from './engine.ts'

/** What `--device auto` comes to, and why: a line. */
export interface Choice {
  readonly device: Device
  readonly why: string
}

/**
 * The device that trains a small network fastest. Others than the CPU are tried only where there is a sign of one, each in a process
 * of its own: with a CPU alone this costs nothing.
 */
export async function fastestDevice(threads?: number): Promise<Choice> {
  const others = accelerators.filter(
    (device) => !obstacleTo(device) && (device !== 'webgpu' || seesGraphics()),
  )
  if (others.length === 0) {
    return { device: 'cpu', why: 'Device: cpu, as there is no other here (holdfast doctor says why).' }
  }
  const reports = await tryEach(others, programFile(), threads ?? physicalCores())
  const device = fastest(reports) ?? 'cpu'
  return { device, why: `Device: ${device}; a small training step takes ${reports.map(fared).join(', ')}.` }
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
