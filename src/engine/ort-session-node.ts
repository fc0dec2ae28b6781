import * as ort from 'onnxruntime-node'
import { EnvironmentError, ModelError, TrainingError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { obstacleTo, providerOf, wayTo } from './devices-node.ts'
import type { Device, EngineOptions } from './engine.ts'
import { claimedInVain } from './failing-kernels.ts'
import { type Adapted, asFed, asIs, forDevice } from './for-device.ts'
import { openSession, type Session } from './runtime-profile-node.ts'

export type Threaded = EngineOptions & { readonly threads: number }

export type OutputLocations = Readonly<Record<string, 'gpu-buffer' | 'cpu'>>

/**
 * Whether state stays in the device's memory, and graphs are flat. The runtime's Node binding leaves nothing in that of CUDA, which has a
 * `Scan`: there a call does many steps, and the state is copied once a call.
 */
export const onDevice = ({ device = 'cpu' }: EngineOptions): boolean => providerOf(device) === 'webgpu'

/** A session, as a device takes its model. */
export interface Opened {
  readonly session: Session
  /** What the model is fed, by the names that the model has. */
  readonly inputs: readonly string[]
  /** The same as the session takes it: in other types, and with what the host makes of it. */
  feed(feeds: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>>
  release(): Promise<void>
}

/**
 * @param locations Where outputs are left; default in the caller's memory.
 * @param adapt How a device takes the model.
 * @throws EnvironmentError `device-unavailable`, `device-fallback`; ModelError `model-refused`.
 */
export async function createSession(
  model: Uint8Array,
  options: Threaded,
  locations: OutputLocations = {},
  adapt = forDevice,
): Promise<Opened> {
  const { device = 'cpu' } = options
  const provider = providerOf(device)
  const strict = provider !== 'cpu' && device === provider
  const obstacle = obstacleTo(device)
  if (obstacle) throw unavailable(device, obstacle.reason, obstacle.way)
  const { bytes, fed, lacking, host } = onDevice(options) ? adapt(model) : asIs(model)
  if (strict ? lacking.size > 0 : claimedInVain({ lacking })) throw elsewhere(provider, lacking)
  try {
    const session = await openSession(bytes, (profiling) =>
      ort.InferenceSession.create(bytes, {
        executionProviders: device.split('+'),
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        // What a device refuses is said by us.
        logSeverityLevel: strict ? 4 : 3,
        ...(Object.keys(locations).length > 0 && { preferredOutputLocation: locations }),
        extra: {
          ...(onDevice(options) && { ep: { webgpuexecutionprovider: { enableInt64: '1' } } }),
          session: { set_denormal_as_zero: '1', ...(strict && { disable_cpu_ep_fallback: '1' }) },
        },
        ...profiling,
      }),
    )
    return opened(session, fed, host && (await hostSession(host)))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (strict && /fallback to CPU EP/.test(message)) throw elsewhere(provider, new Map(), cause)
    // A kernel that is made, and then takes not this form of its op.
    if (provider !== 'cpu' && /providers\/\w+\/(math|nn|rnn|tensor)\//.test(message))
      throw cannotRun(device, message, cause)
    if (provider !== 'cpu' && /provider|device|adapter|backend|cuda|cudnn/i.test(message)) {
      throw unavailable(device, reasonIn(message), wayTo(provider), cause)
    }
    throw new ModelError('model-refused', `ONNX Runtime refused the graph: ${message}`, { cause })
  }
}

/** On one thread: it has a few hundred numbers. */
const hostSession = (bytes: Uint8Array): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 })

function opened(session: Session, fed: Adapted['fed'], host: ort.InferenceSession | undefined): Opened {
  const { inputNames } = session
  if (!host) {
    const feed: Opened['feed'] = async (feeds) => asFed(feeds, { fed })
    return { session, inputs: inputNames, feed, release: () => session.release() }
  }
  const [own, made] = [new Set(inputNames), new Set(host.outputNames)]
  return {
    session,
    inputs: [...new Set([...host.inputNames, ...inputNames.filter((name) => !made.has(name))])],
    feed: async (feeds) => {
      const taken = asFed(new Map([...feeds].filter(([name]) => own.has(name))), { fed })
      const seeds = host.inputNames.flatMap((name) => {
        const tensor = feeds.get(name)
        return tensor ? [[name, toOrt(tensor)] as const] : []
      })
      // A part of what is fed may be fed earlier, and for all runs.
      if (seeds.length < host.inputNames.length) return taken
      const hashed = await host.run(Object.fromEntries(seeds))
      return new Map([
        ...taken,
        ...Object.entries(hashed).map(([name, tensor]) => [name, fromOrt(tensor)] as const),
      ])
    },
    release: async () => {
      await session.release()
      await host.release()
    },
  }
}

export const unavailable = (device: Device, reason: string, way: string, cause?: unknown): EnvironmentError =>
  new EnvironmentError('device-unavailable', `Device "${device}" cannot be used here: ${reason} ${way}`, {
    ...(cause !== undefined && { cause }),
  })

/** The runtime's message without the place in its own source. */
function reasonIn(message: string): string {
  const [, behind] = /\bwas false\.\s*(.+)$/s.exec(message) ?? []
  const said = (behind ?? message).trim().replaceAll(/\s+/g, ' ')
  return /[.!?]$/.test(said) ? said : `${said}.`
}

/** Said where a device would leave a part of the graph to the CPU. */
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

export const toOrt = (tensor: Tensor): ort.Tensor =>
  new ort.Tensor(tensor.type as ort.Tensor.Type, tensor.data as never, tensor.dims)

export const fromOrt = (tensor: ort.Tensor): Tensor =>
  ({ type: tensor.type, dims: tensor.dims, data: tensor.data }) as Tensor

/**
 * What the runtime says when a run fails, as an error of ours: on a device a node that this claimed to have a kernel for is what the device
 * cannot run.
 */
export async function running<T>(call: () => Promise<T>, device: Device = 'cpu'): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const [, op, node, said = ''] =
      /while running (\S+) node\. Name:'([^']*)' Status Message: (.*)/s.exec(message) ?? []
    if (device !== 'cpu' && op !== undefined && !/memory|lost/i.test(said))
      throw cannotRun(device, `its kernel of ${op} fails at the node "${node}": ${said}`, cause)
    throw new TrainingError('run-failed', `ONNX Runtime stopped: ${message}`, { cause })
  }
}
