import type * as Ort from 'onnxruntime-web'
import type { Tensor } from '../tensor/tensor.ts'
import type { Device, Engine, EngineOptions, Executable } from './engine.ts'
import { forDevice } from './for-device.ts'
import { asLoadable, type Loadable } from './loadable.ts'
import { asFeeds, asRuntime, type Binding, fromRuntime, onDevice, openModel, settingsOf } from './opened.ts'
import { providerOf } from './providers.ts'
import { loadResident } from './resident.ts'
import { running, unavailable } from './session-errors.ts'

/** What is used of `onnxruntime-web`: what `import * as ort from 'onnxruntime-web'` gives, or of one of its other doors. */
export type WebRuntime = Pick<typeof Ort, 'InferenceSession' | 'Tensor' | 'env'>

export interface WebEngineOptions {
  /** `cpu` is WebAssembly; default 'cpu'. */
  readonly device?: Exclude<Device, 'cuda' | 'cuda+cpu'> | undefined
  /**
   * Threads inside one op, for the CPU; default 1. More need a page that is isolated from other origins (`crossOriginIsolated`). The runtime
   * takes the number with its first session, and keeps it for the page.
   */
  readonly threads?: number | undefined
}

/**
 * ONNX Runtime for browsers: training, evaluation and updates on the user's own machine, in WebAssembly or on its graphics device.
 *
 * @param ort The runtime, which the page has loaded; where its `.wasm` files lie is set there (`ort.env.wasm.wasmPaths`).
 * @throws EnvironmentError `device-unavailable` for more threads than the page may have; of `load` also for a device that cannot be opened.
 * @example
 * import * as ort from 'onnxruntime-web'
 * import { ortWeb } from 'holdfast/web'
 * const engine = ortWeb(ort, { device: 'webgpu' })
 */
export function ortWeb(ort: WebRuntime, asked: WebEngineOptions = {}): Engine {
  const { device = 'cpu', threads = 1 } = asked
  if (threads > 1 && !isIsolated()) {
    throw unavailable(
      device,
      `${threads} threads share memory, which a browser gives only to pages that are isolated from other origins.`,
      'Serve the page with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or take one thread.',
    )
  }
  ort.env.wasm.numThreads = threads
  const options = { device, threads }
  const binding = webBinding(ort, options)
  return {
    name: `onnxruntime-web ${ort.env.versions.common}`,
    options,
    load: (model) => load(model, binding, device),
    ...(onDevice(options) && {
      loadProgram: (request) => loadResident(request, binding, device),
      flat: true,
    }),
  }
}

/** Where there are no pages, as in Node, threads share memory anyway. */
const isIsolated = (): boolean => globalThis.crossOriginIsolated ?? true

async function load(model: Uint8Array | Loadable, binding: Binding, device: Device): Promise<Executable> {
  const { bytes, held } = asLoadable(model)
  const { session, inputs, feed, release } = await binding.open(bytes)
  let open = true
  return {
    inputs: inputs.filter((name) => !held.has(name)),
    outputs: session.outputNames,
    run: async (feeds, into) => {
      const fed = await feed(held.size > 0 ? new Map([...held, ...feeds]) : feeds)
      const results = await running(() => session.run(asFeeds(fed, binding.tensor)), device)
      return new Map(
        Object.entries(results).map(([name, result]) => [
          name,
          written(fromRuntime(result), into?.get(name)),
        ]),
      )
    },
    dispose: async () => {
      if (open) await release()
      open = false
    },
  }
}

/** The runtime gives out memory of its own: what has a place is copied there. */
function written(result: Tensor, into: Tensor | undefined): Tensor {
  if (!into) return result
  const place = into.data as { set(from: ArrayLike<unknown>): void }
  place.set(result.data as ArrayLike<unknown>)
  return into
}

const webBinding = (ort: WebRuntime, options: EngineOptions & { readonly device: Device }): Binding => {
  const { device } = options
  const tensor = (given: Tensor): Ort.Tensor =>
    new ort.Tensor(given.type as Ort.Tensor.Type, given.data as never, given.dims)
  const open: Binding['open'] = (model, locations = {}, adapt = forDevice) =>
    openModel(model, {
      ...{ options, adapt, way: wayIn(device), tensor },
      session: async (bytes) =>
        asRuntime(
          await ort.InferenceSession.create(bytes, {
            executionProviders: device.split('+').map((name) => (name === 'cpu' ? 'wasm' : name)),
            logSeverityLevel: 4,
            ...settingsOf(options, locations),
          }),
        ),
      host: async (bytes) =>
        asRuntime(
          await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 4 }),
        ),
    })
  return { open, tensor }
}

const wayIn = (device: Device): string =>
  providerOf(device) === 'webgpu'
    ? 'It needs a browser with WebGPU, and a page served over HTTPS or from localhost. Otherwise take the device cpu.'
    : 'Take the device cpu.'
