import { createHash } from 'node:crypto'
import * as ort from 'onnxruntime-node'
import type { Tensor } from '../tensor/tensor.ts'
import { channelBlock } from './channel-block-node.ts'
import { physicalCores } from './cores-node.ts'
import type { Device, Engine, EngineOptions, Executable, LoadOptions } from './engine.ts'
import { asLoadable, type Loadable } from './loadable.ts'
import { asFeeds, fromRuntime, onDevice } from './opened.ts'
import { createSession, nodeBinding, type Opened, type Threaded, toOrt } from './ort-session-node.ts'
import { loadResident } from './resident.ts'
import { allOutputs, asDeclared, endedByRan, givenUpWith, RAN, runInto } from './run-into-node.ts'
import { running } from './session-errors.ts'
import { keepSessions, type Sessions } from './sessions.ts'

/**
 * ONNX Runtime's native build for Node.
 *
 * @throws EnvironmentError `device-unavailable` when the device asked for cannot be used here.
 * @example
 * const engine = ortNode({ threads: 1 })
 */
export function ortNode(asked: EngineOptions = {}): Engine {
  const { device = 'cpu' } = asked
  const options = { ...asked, device, threads: asked.threads ?? physicalCores() }
  const sessions = keepSessions<Kept>(IDLE_SESSIONS)
  return {
    name: `onnxruntime-node ${ort.env.versions.common}`,
    options,
    load: (model, use) => load(model, options, { sessions, ...use }),
    ...(device === 'cpu' && (asked.blocked ?? blockedByDefault()) && { channelBlock }),
    ...(onDevice(options) && {
      loadProgram: (request) => loadResident(request, nodeBinding(options), device),
      flat: true,
    }),
  }
}

/** Commands have no flag for it: results agree to the last digits, and who compares runs between machines wants it off for all of them. */
const blockedByDefault = (): boolean => !process.env.HOLDFAST_PLAIN_OPS

/** Opening a session of a large step takes longer than building it, and the next task's step is often the same graph. */
const IDLE_SESSIONS = 2

interface Kept extends Opened {
  /** Where runs may write into memory that they are given and give out nothing: what the binding says after each. */
  readonly givenUp: string | undefined
}

async function load(
  model: Uint8Array | Loadable,
  options: Threaded,
  { sessions, into = false }: LoadOptions & { readonly sessions: Sessions<Kept> },
): Promise<Executable> {
  const { bytes, held } = asLoadable(model)
  const givenUp = into && options.device === 'cpu' ? await givenUpWith() : undefined
  const source = givenUp === undefined ? bytes : endedByRan(bytes)
  const key = createHash('sha256').update(source).digest('hex')
  const kept = await sessions.open(key, async () => ({ ...(await createSession(source, options)), givenUp }))
  const { session } = kept
  let open = true
  return {
    inputs: kept.inputs.filter((name) => !held.has(name)),
    outputs: session.outputNames.filter((name) => name !== RAN),
    run: async (feeds, given) =>
      run(kept, await kept.feed(held.size > 0 ? new Map([...held, ...feeds]) : feeds), given, options.device),
    dispose: async () => {
      if (open) await sessions.close(key)
      open = false
    },
  }
}

async function run(
  { session, givenUp }: Kept,
  feeds: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor> | undefined,
  device: Device | undefined,
): Promise<Map<string, Tensor>> {
  const inputs = asFeeds(feeds, toOrt)
  if (into && givenUp !== undefined) {
    const written = allOutputs(session, feeds, into)
    if (written) {
      await running(() => runInto(session, inputs, written, givenUp))
      return new Map([...written, ...[...into].filter(([name]) => written.has(name))])
    }
  }
  const fetches: Record<string, ort.Tensor | null> = {}
  for (const described of session.outputMetadata) {
    const target = into?.get(described.name)
    if (described.name !== RAN) fetches[described.name] = target ? toOrt(asDeclared(target, described)) : null
  }
  const results = await running(() => session.run(inputs, fetches), device)
  const outputs = new Map<string, Tensor>()
  for (const name of session.outputNames) {
    const result = results[name]
    if (result) outputs.set(name, into?.get(name) ?? fromRuntime(result))
  }
  return outputs
}
