import type { Tensor } from '../tensor/tensor.ts'
import type { EngineOptions } from './engine.ts'
import { type Adapted, asFed, asIs, type forDevice } from './for-device.ts'
import { providerOf } from './providers.ts'
import { isStrict, refusedSession, refuseElsewhere } from './session-errors.ts'

/** A tensor of one of the runtime's bindings, which have a class each. */
export interface RuntimeTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: unknown
  readonly location: string
  dispose(): void
}
export type RuntimeTensors = Readonly<Record<string, RuntimeTensor>>

/** A session of one of the runtime's bindings. */
export interface RuntimeSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: RuntimeTensors): Promise<RuntimeTensors>
  release(): Promise<void>
}

/** A session, as a device takes its model. */
export interface Opened<Session = RuntimeSession> {
  readonly session: Session
  /** What the model is fed, by the names that the model has. */
  readonly inputs: readonly string[]
  /** The same as the session takes it: in other types, and with what the host makes of it. */
  feed(feeds: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>>
  release(): Promise<void>
}

export type OutputLocations = Readonly<Record<string, 'gpu-buffer' | 'cpu'>>

/** One of the runtime's bindings, for those who open sessions on a device. */
export interface Binding {
  /** @throws EnvironmentError `device-unavailable`, `device-fallback`; ModelError `model-refused`. */
  open(model: Uint8Array, locations?: OutputLocations, adapt?: typeof forDevice): Promise<Opened>
  tensor(tensor: Tensor): RuntimeTensor
}

/** The same session; the class of a binding's tensors, which its feeds have to be of, is that of `Binding.tensor`. */
export const asRuntime = (
  session: Omit<RuntimeSession, 'run'> & { run(feeds: never): Promise<RuntimeTensors> },
): RuntimeSession => ({
  inputNames: session.inputNames,
  outputNames: session.outputNames,
  run: (feeds) => session.run(feeds as never),
  release: () => session.release(),
})

/** What a session is fed, in the class of its binding. */
export const asFeeds = <T extends RuntimeTensor>(
  tensors: ReadonlyMap<string, Tensor>,
  tensor: (given: Tensor) => T,
): Record<string, T> => Object.fromEntries([...tensors].map(([name, given]) => [name, tensor(given)]))

export const fromRuntime = (tensor: RuntimeTensor): Tensor =>
  ({ type: tensor.type, dims: tensor.dims, data: tensor.data }) as Tensor

/**
 * Whether state stays in the device's memory, and graphs are flat. The runtime's bindings leave nothing in that of CUDA, which has a
 * `Scan`: there a call does many steps, and the state is copied once a call.
 */
export const onDevice = ({ device = 'cpu' }: EngineOptions): boolean => providerOf(device) === 'webgpu'

/** What each binding's sessions are opened with: subnormal numbers are 0; a device takes int64, and the CPU no part of a strict one. */
export const settingsOf = (options: EngineOptions, locations: OutputLocations) => ({
  graphOptimizationLevel: 'all' as const,
  ...(Object.keys(locations).length > 0 && { preferredOutputLocation: locations }),
  extra: {
    ...(onDevice(options) && { ep: { webgpuexecutionprovider: { enableInt64: '1' } } }),
    session: {
      set_denormal_as_zero: '1',
      ...(isStrict(options.device ?? 'cpu') && { disable_cpu_ep_fallback: '1' }),
    },
  },
})

/** How a binding opens the sessions of a model. */
interface Opening<Session> {
  readonly options: EngineOptions
  /** How a device takes a model. */
  readonly adapt: typeof forDevice
  /** What to do where the device cannot be used: a sentence. */
  readonly way: string
  session(bytes: Uint8Array): Promise<Session>
  /** Of what the host makes of a part of the feeds, for a device that lacks the ops. */
  host(bytes: Uint8Array): Promise<RuntimeSession>
  /** Makes a tensor of the host's binding. */
  tensor(tensor: Tensor): RuntimeTensor
}

/**
 * A session of a model as the device takes it.
 *
 * @throws EnvironmentError `device-unavailable`, `device-fallback`; ModelError `model-refused`.
 */
export async function openModel<Session extends Pick<RuntimeSession, 'inputNames' | 'release'>>(
  model: Uint8Array,
  { options, adapt, way, session, host, tensor }: Opening<Session>,
): Promise<Opened<Session>> {
  const { device = 'cpu' } = options
  const taken = onDevice(options) ? adapt(model) : asIs(model)
  refuseElsewhere(device, taken.lacking)
  try {
    return opened(await session(taken.bytes), taken.fed, taken.host && (await host(taken.host)), tensor)
  } catch (cause) {
    throw refusedSession(cause, { device, way })
  }
}

function opened<Session extends Pick<RuntimeSession, 'inputNames' | 'release'>>(
  session: Session,
  fed: Adapted['fed'],
  host: RuntimeSession | undefined,
  tensor: Binding['tensor'],
): Opened<Session> {
  const { inputNames } = session
  if (!host) {
    return {
      session,
      inputs: inputNames,
      feed: async (feeds) => asFed(feeds, { fed }),
      release: () => session.release(),
    }
  }
  const [own, made] = [new Set(inputNames), new Set(host.outputNames)]
  return {
    session,
    inputs: [...new Set([...host.inputNames, ...inputNames.filter((name) => !made.has(name))])],
    feed: async (feeds) => {
      const taken = asFed(new Map([...feeds].filter(([name]) => own.has(name))), { fed })
      const seeds = host.inputNames.flatMap((name) => {
        const given = feeds.get(name)
        return given ? [[name, tensor(given)] as const] : []
      })
      // A part of what is fed may be fed earlier, and for all runs.
      if (seeds.length < host.inputNames.length) return taken
      const hashed = await host.run(Object.fromEntries(seeds))
      return new Map([
        ...taken,
        ...Object.entries(hashed).map(([name, value]) => [name, fromRuntime(value)] as const),
      ])
    },
    release: async () => {
      await session.release()
      await host.release()
    },
  }
}
