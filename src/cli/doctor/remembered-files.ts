import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { z } from 'zod'
import { cacheBytes, cacheFolder } from '../../data/cache/index-files.ts'
import { obstacleTo, seesGraphics } from '../../engine/devices-node.ts'
import { type Provider, providers } from '../../engine/providers.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import type { DeviceReport } from './devices-node.ts'

/** Drivers are changed rarely, and by people. */
const KEPT_MILLISECONDS = 24 * 60 * 60 * 1000

const device = z.enum(providers)
const step = z.object({
  threads: z.int(),
  milliseconds: z.number(),
  openingMilliseconds: z.number(),
  steps: z.int(),
})
const keptSchema = z.object({
  schema: z.literal('holdfast.device/1'),
  at: z.number(),
  report: z.discriminatedUnion('opens', [
    z.object({ device, opens: z.literal(true), steps: z.array(step).min(1) }),
    z.object({ device, opens: z.literal(false), reason: z.string(), way: z.string() }),
  ]),
})

/** What a device was found to be within the last day, on this machine with these drivers; undefined where nobody asked. */
export async function recalled(
  asked: Provider,
  threads: number,
  now = Date.now(),
): Promise<DeviceReport | undefined> {
  try {
    const { at, report } = keptSchema.parse(JSON.parse(await readFile(placeFor(asked, threads), 'utf8')))
    const fresh = at <= now && now - at < KEPT_MILLISECONDS
    return fresh && cacheBytes() > 0 && report.device === asked ? report : undefined
  } catch {
    // Not asked yet, no place for it, or damaged: then the device is asked.
    return undefined
  }
}

/** Keeps what devices were found to be, where there is a cache that keeps something; of the CPU each number of threads for itself. */
export async function remember(reports: readonly DeviceReport[], now = Date.now()): Promise<void> {
  for (const report of reports) {
    if (obstacleTo(report.device) || (report.device === 'cpu' && !report.opens)) continue
    const steps = report.opens && report.device === 'cpu' ? report.steps : []
    const parts = steps.length > 0 ? steps.map((one) => ({ ...report, steps: [one] })) : [report]
    for (const part of parts) await kept(part, now)
  }
}

async function kept(report: DeviceReport, at: number): Promise<void> {
  const [{ threads } = { threads: 1 }] = report.opens ? report.steps : []
  try {
    if (cacheBytes() === 0) return
    const place = placeFor(report.device, threads)
    await mkdir(dirname(place), { recursive: true })
    await writeWhole(place, `${JSON.stringify({ schema: 'holdfast.device/1', at, report })}\n`)
  } catch {
    // It is asked again, then.
  }
}

/** By which drivers are chosen and found. */
const ofDrivers = /^(VK|CUDA|NVIDIA|MESA|DRI|LIBGL|GALLIUM|DISPLAY|WAYLAND_DISPLAY|LD_LIBRARY_PATH)(_|$)/

/** What else is installed, or another machine with the same home folder, is another file. */
function placeFor(asked: Provider, threads: number): string {
  const drivers = Object.entries(process.env).filter(([name]) => ofDrivers.test(name))
  const key = [
    ...[asked, asked === 'cpu' ? threads : null, ort.env.versions, process.platform, process.arch],
    ...[cpus()[0]?.model ?? null, seesGraphics(), drivers.sort()],
  ]
  const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 16)
  return join(cacheFolder(), 'devices', `${name}.json`)
}
