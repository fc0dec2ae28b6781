import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { physicalCores } from '../../engine/cores-node.ts'
import { type Obstacle, obstacleTo, wayTo } from '../../engine/devices-node.ts'
import { ortNode } from '../../engine/ort-node.ts'
import type { Provider } from '../../engine/providers.ts'
import { HoldfastError } from '../../errors.ts'
import { type StepTime, stepTime } from '../../train/timing/index.ts'

/** How a device fared with the small step. */
export type DeviceReport =
  | {
      readonly device: Provider
      readonly opens: true
      readonly steps: readonly (StepTime & { readonly threads: number })[]
    }
  | ({
      readonly device: Provider
      readonly opens: false
      /** Whether its driver did not answer in time, so that it may open yet. Default false. */
      readonly late?: boolean | undefined
    } & Obstacle)

/** Times the small step on a device in this process; on the CPU with one thread, and with all. */
export async function tryHere(device: Provider, threads?: number): Promise<DeviceReport> {
  const obstacle = obstacleTo(device)
  if (obstacle) return { device, opens: false, ...obstacle }
  const cores = physicalCores()
  const counts = device === 'cpu' ? [...new Set(threads === undefined ? [1, cores] : [threads])] : [1]
  try {
    const steps = []
    for (const count of counts) {
      steps.push({ threads: count, ...(await stepTime(ortNode({ device, threads: count }))) })
    }
    return { device, opens: true, steps }
  } catch (error) {
    return { device, opens: false, ...said(device, error) }
  }
}

/** An error of the engine ends in the way out already. */
function said(device: Provider, error: unknown): Obstacle {
  const message = error instanceof Error ? error.message : String(error)
  const way = wayTo(device)
  const lead = `Device "${device}" cannot be used here: `
  if (!(error instanceof HoldfastError) || !message.startsWith(lead)) return { reason: message, way }
  return { reason: message.slice(lead.length).replace(way, '').trim(), way }
}

/** A driver that has to translate its shaders may take as long; what takes longer hangs. */
const SECONDS = 30

/**
 * Times the small step on a device in a process of its own: a driver that dies takes no more with it than that, and what it prints
 * is not seen.
 *
 * @param program The file of this program, as a URL.
 */
export async function tryApart(device: Provider, program: string): Promise<DeviceReport> {
  const obstacle = obstacleTo(device)
  if (obstacle) return { device, opens: false, ...obstacle }
  const words = [fileURLToPath(program), 'doctor', '--device', device, '--json', '--quiet']
  return new Promise((done) => {
    execFile(process.execPath, words, { timeout: SECONDS * 1000, killSignal: 'SIGKILL' }, (error, stdout) => {
      const closed = { device, opens: false, reason: ended(error), way: wayTo(device) } as const
      done(reportIn(stdout, device) ?? (error?.killed ? { ...closed, late: true } : closed))
    })
  })
}

function reportIn(stdout: string, device: Provider): DeviceReport | undefined {
  try {
    const { devices } = JSON.parse(stdout) as { readonly devices?: readonly DeviceReport[] }
    return devices?.find((report) => report.device === device)
  } catch {
    // It died before it said a word, or in the middle of one.
    return undefined
  }
}

function ended(error: (Error & { readonly killed?: boolean; readonly signal?: unknown }) | null): string {
  if (error?.killed) return `Its driver did not answer within ${SECONDS} seconds.`
  return typeof error?.signal === 'string'
    ? `Its driver ended the process that tried it (${error.signal}).`
    : 'The process that tried it ended without an answer.'
}

/**
 * Times it on the CPU, first and alone, so that its time is its own, and on others beside one another.
 *
 * @param known What is known of a device, which is then not tried. Default nothing.
 */
export async function tryEach(
  others: readonly Provider[],
  program: string,
  threads?: number,
  known: ReadonlyMap<Provider, DeviceReport> = new Map(),
): Promise<readonly DeviceReport[]> {
  const cpu = known.get('cpu') ?? (await tryHere('cpu', threads))
  const found = others.map((device) => known.get(device) ?? tryApart(device, program))
  return [cpu, ...(await Promise.all(found))]
}

/** Milliseconds a step with as many threads as it does best with; undefined where it does not open. */
export const bestOf = (report: DeviceReport): number | undefined =>
  report.opens ? Math.min(...report.steps.map(({ milliseconds }) => milliseconds)) : undefined

/** The fastest of those that open. */
export const fastest = (reports: readonly DeviceReport[]): Provider | undefined =>
  reports
    .flatMap((report) => {
      const milliseconds = bestOf(report)
      return milliseconds === undefined ? [] : [{ device: report.device, milliseconds }]
    })
    .sort((a, b) => a.milliseconds - b.milliseconds)[0]?.device
