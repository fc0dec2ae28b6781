import { EnvironmentError, type HoldfastError, ModelError, TrainingError } from '../errors.ts'
import type { Device } from './engine.ts'
import { claimedInVain } from './failing-kernels.ts'
import type { Adapted } from './for-device.ts'
import { providerOf } from './providers.ts'

/** How a device was asked for. */
interface Asked {
  readonly device: Device
  /** What to do where it cannot be used: a sentence. */
  readonly way: string
}

/** Whether a device must run a graph whole: none of it goes to the CPU. */
export const isStrict = (device: Device): boolean => device !== 'cpu' && device === providerOf(device)

/** What the runtime says when it opens no session, as an error of ours. */
export function refusedSession(cause: unknown, { device, way }: Asked): HoldfastError {
  const message = messageOf(cause)
  const provider = providerOf(device)
  if (isStrict(device) && /fallback to CPU EP/.test(message)) return elsewhere(provider, new Map(), cause)
  // A kernel that is made, and then takes not this form of its op.
  if (provider !== 'cpu' && /providers\/\w+\/(math|nn|rnn|tensor)\//.test(message))
    return cannotRun(device, message, cause)
  if (provider !== 'cpu' && /provider|device|adapter|backend|cuda|cudnn|webgpu/i.test(message))
    return unavailable(device, reasonIn(message), way, cause)
  return new ModelError('model-refused', `ONNX Runtime refused the graph: ${message}`, { cause })
}

export const unavailable = (device: Device, reason: string, way: string, cause?: unknown): EnvironmentError =>
  new EnvironmentError('device-unavailable', `Device "${device}" cannot be used here: ${reason} ${way}`, {
    ...(cause !== undefined && { cause }),
  })

/** @throws EnvironmentError `device-fallback` where a device would leave a part of the graph to the CPU, or claims a kernel that fails. */
export function refuseElsewhere(device: Device, lacking: Adapted['lacking']): void {
  if (isStrict(device) ? lacking.size > 0 : claimedInVain({ lacking }))
    throw elsewhere(providerOf(device), lacking)
}

function elsewhere(device: string, lacking: Adapted['lacking'], cause?: unknown): EnvironmentError {
  const what =
    lacking.size > 0
      ? `it has no kernel for ${[...lacking].map(([op, nodes]) => `${op} (${nodes})`).join(', ')}`
      : 'some of its ops have no kernel there for the types of their numbers'
  const way = claimedInVain({ lacking })
    ? 'Use --device cpu.'
    : `That part would run on the CPU, with copies in between at each call, which can be far slower than the CPU alone. Use --device cpu, or --device ${device}+cpu to have it so.`
  return new EnvironmentError(
    'device-fallback',
    `Device "${device}" cannot run this whole graph: ${what}. ${way}`,
    cause === undefined ? {} : { cause },
  )
}

/** Said where a kernel that the device claims to have does not take a form of its op. */
const cannotRun = (device: Device, message: string, cause: unknown): EnvironmentError =>
  new EnvironmentError(
    'device-fallback',
    `Device "${device}" cannot run this graph: ${reasonIn(message)} Use --device cpu.`,
    { cause },
  )

/** The runtime's message without the place in its own source. */
function reasonIn(message: string): string {
  const [, behind] = /\bwas false\.\s*(.+)$/s.exec(message) ?? []
  const said = (behind ?? message).trim().replaceAll(/\s+/g, ' ')
  return /[.!?]$/.test(said) ? said : `${said}.`
}

/**
 * What the runtime says when a run fails, as an error of ours: on a device a node that this claimed to have a kernel for is what the device
 * cannot run.
 */
export async function running<T>(call: () => Promise<T>, device: Device = 'cpu'): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const message = messageOf(cause)
    const [, op, node, said = ''] =
      /while running (\S+) node\. Name:'([^']*)' Status Message: (.*)/s.exec(message) ?? []
    if (device !== 'cpu' && op !== undefined && !/memory|lost/i.test(said))
      throw cannotRun(device, `its kernel of ${op} fails at the node "${node}": ${said}`, cause)
    throw new TrainingError('run-failed', `ONNX Runtime stopped: ${message}`, { cause })
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
