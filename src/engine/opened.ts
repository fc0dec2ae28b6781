import type { Tensor } from '../tensor/tensor.ts'
import type { EngineOptions } from './engine.ts'
import { type Adapted, asFed, asIs, type forDevice } from './for-device.ts'
import { providerOf } from './providers.ts'
import { isStrict, refuseElsewhere } from './session-errors.ts'

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

export const fromRuntime = (tensor: RuntimeTensor): Tensor =>
  ({ type: tensor.type, dims: tensor.dims, data: tensor.data }) as Tensor

/**
 * Whether state stays in the device's memory, and graphs are flat. The runtime's bindings leave nothing in that of CUDA, which has a
 * `Scan`: there a call does many steps, and the state is copied once a call.
 */
export const onDevice = ({ device = 'cpu' }: EngineOptions): boolean => providerOf(device) === 'webgpu'

/**
 * A model as the device takes it.
 *
 * @throws EnvironmentError `device-fallback` where the device would leave a part of it to the CPU.
 */
export function adapted(model: Uint8Array, options: EngineOptions, adapt: typeof forDevice): Adapted {
  const made = onDevice(options) ? adapt(model) : asIs(model)
  refuseElsewhere(options.device ?? 'cpu', made.lacking)
  return made
}

/** Settings of a session that each binding has: subnormal numbers are 0; a device takes int64, and the CPU no part of a strict one. */
export const extraOf = (options: EngineOptions) => ({
  ...(onDevice(options) && { ep: { webgpuexecutionprovider: { enableInt64: '1' } } }),
  session: {
    set_denormal_as_zero: '1',
    ...(isStrict(options.device ?? 'cpu') && { disable_cpu_ep_fallback: '1' }),
  },
})

/**
 * @param host What the host makes of a part of the feeds, for a device that lacks the ops.
 * @param tensor Makes a tensor of the host's binding.
 */
export function opened<Session extends Pick<RuntimeSession, 'inputNames' | 'release'>>(
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
