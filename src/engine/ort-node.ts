import { createHash } from 'node:crypto'
import * as ort from 'onnxruntime-node'
import { EnvironmentError, ModelError, TrainingError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { physicalCores } from './cores-node.ts'
import type { Engine, EngineOptions, Executable } from './engine.ts'
import type { Loadable } from './loadable.ts'
import { keepSessions, type Sessions } from './sessions.ts'

/**
 * ONNX Runtime's native build for Node.
 *
 * @throws EnvironmentError `device-unavailable` when the device asked for cannot be used here.
 * @example
 * const engine = ortNode({ threads: 1 })
 */
export function ortNode(asked: EngineOptions = {}): Engine {
  const options = { ...asked, threads: asked.threads ?? physicalCores() }
  const sessions = keepSessions<ort.InferenceSession>(IDLE_SESSIONS)
  return {
    name: `onnxruntime-node ${ort.env.versions.common}`,
    options,
    load: (model) => load(model, options, sessions),
  }
}

type Threaded = EngineOptions & { readonly threads: number }

/** Opening a session of a large step takes longer than building it, and the next task's step is often the same graph. */
const IDLE_SESSIONS = 2

async function load(
  model: Uint8Array | Loadable,
  options: Threaded,
  sessions: Sessions<ort.InferenceSession>,
): Promise<Executable> {
  const { bytes, held } =
    model instanceof Uint8Array ? { bytes: model, held: new Map<string, Tensor>() } : model
  const key = createHash('sha256').update(bytes).digest('hex')
  const session = await sessions.open(key, () => createSession(bytes, options))
  let open = true
  return {
    inputs: session.inputNames.filter((name) => !held.has(name)),
    outputs: session.outputNames,
    run: (feeds, into) => run(session, held.size > 0 ? new Map([...held, ...feeds]) : feeds, into),
    dispose: async () => {
      if (open) await sessions.close(key)
      open = false
    },
  }
}

async function createSession(model: Uint8Array, options: Threaded): Promise<ort.InferenceSession> {
  const device = options.device ?? 'cpu'
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: '1' } },
    })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    if (device !== 'cpu' && /provider|device|adapter|backend/i.test(message)) {
      throw new EnvironmentError('device-unavailable', `Device "${device}" cannot be used here: ${message}`, {
        cause,
      })
    }
    throw new ModelError('model-refused', `ONNX Runtime refused the graph: ${message}`, { cause })
  }
}

async function run(
  session: ort.InferenceSession,
  feeds: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor> | undefined,
): Promise<Map<string, Tensor>> {
  const inputs: Record<string, ort.Tensor> = {}
  for (const [name, tensor] of feeds) inputs[name] = toOrt(tensor)
  const fetches: Record<string, ort.Tensor | null> = {}
  for (const name of session.outputNames) {
    const target = into?.get(name)
    fetches[name] = target ? toOrt(target) : null
  }
  try {
    const results = await session.run(inputs, fetches)
    const outputs = new Map<string, Tensor>()
    for (const name of session.outputNames) {
      const result = results[name]
      if (result) outputs.set(name, into?.get(name) ?? fromOrt(result))
    }
    return outputs
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new TrainingError('run-failed', `ONNX Runtime stopped: ${message}`, { cause })
  }
}

const toOrt = (tensor: Tensor): ort.Tensor =>
  new ort.Tensor(tensor.type as ort.Tensor.Type, tensor.data as never, tensor.dims)

const fromOrt = (tensor: ort.Tensor): Tensor =>
  ({ type: tensor.type, dims: tensor.dims, data: tensor.data }) as Tensor
