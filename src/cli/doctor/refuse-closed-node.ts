import type { Device } from '../../engine/index.ts'
import { providerOf } from '../../engine/providers.ts'
import { unavailable } from '../../engine/session-errors.ts'
import { tryApart } from './devices-node.ts'
import { recalled, remember } from './remembered-files.ts'

/**
 * Makes sure that WebGPU opens before it is opened in this process: what its drivers print where there is no device is not for people,
 * and cannot be kept from them here. Where it opened within the last day it is not asked; other devices print nothing.
 *
 * @param program The file of this program, as a URL.
 * @throws EnvironmentError `device-unavailable`.
 */
export async function refuseClosed(device: Device, program: string): Promise<void> {
  const provider = providerOf(device)
  if (provider !== 'webgpu' || (await recalled(provider, 1))?.opens) return
  const report = await tryApart(provider, program)
  if (report.opens) return remember([report])
  if (report.late) return
  throw unavailable(device, report.reason, report.way)
}
