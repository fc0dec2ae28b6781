import * as ort from 'onnxruntime-node'
import type { Tensor } from '../tensor/tensor.ts'
import { obstacleTo, wayTo } from './devices-node.ts'
import type { EngineOptions } from './engine.ts'
import { forDevice } from './for-device.ts'
import {
  asRuntime,
  type Binding,
  type Opened as OpenedBy,
  type OutputLocations,
  openModel,
  settingsOf,
} from './opened.ts'
import { providerOf } from './providers.ts'
import { openSession, type Session } from './runtime-profile-node.ts'
import { isStrict, unavailable } from './session-errors.ts'

export type Threaded = EngineOptions & { readonly threads: number }

export type Opened = OpenedBy<Session>

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
  const obstacle = obstacleTo(device)
  if (obstacle) throw unavailable(device, obstacle.reason, obstacle.way)
  return openModel(model, {
    ...{ options, adapt, way: wayTo(providerOf(device)), tensor: toOrt },
    session: (bytes) =>
      openSession(bytes, (profiling) =>
        ort.InferenceSession.create(bytes, {
          executionProviders: device.split('+'),
          intraOpNumThreads: options.threads,
          interOpNumThreads: 1,
          executionMode: 'sequential',
          // What a device refuses is said by us.
          logSeverityLevel: isStrict(device) ? 4 : 3,
          ...settingsOf(options, locations),
          ...profiling,
        }),
      ),
    // On one thread: it has a few hundred numbers.
    host: async (bytes) =>
      asRuntime(
        await ort.InferenceSession.create(bytes, {
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
        }),
      ),
  })
}

/** onnxruntime-node, for those who open sessions on a device. */
export const nodeBinding = (options: Threaded): Binding => ({
  open: async (model, locations, adapt) => {
    const made = await createSession(model, options, locations, adapt)
    return { ...made, session: asRuntime(made.session) }
  },
  tensor: toOrt,
})

export const toOrt = (tensor: Tensor): ort.Tensor =>
  new ort.Tensor(tensor.type as ort.Tensor.Type, tensor.data as never, tensor.dims)
