import { encodeGraph } from '../onnx/encode.ts'
import { required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Device, Program, ProgramRequest } from './engine.ts'
import { asIs } from './for-device.ts'
import { asLoadable, type Loadable } from './loadable.ts'
import {
  asFeeds,
  type Binding,
  fromRuntime,
  type OutputLocations,
  type RuntimeTensor,
  type RuntimeTensors,
} from './opened.ts'
import { copyTensor } from './program.ts'
import { running } from './session-errors.ts'

/** A program whose state stays in the device's memory from run to run, and is read from there only when asked for. */
export async function loadResident(
  { model, slots, initial }: ProgramRequest,
  binding: Binding,
  device: Device,
): Promise<Program> {
  const inputs = new Map(slots.map(({ input }) => [input, required(initial, input, 'state')]))
  const slotOf = new Map(slots.map(({ input, output }) => [output, input]))
  const back = await binding.open(copyGraph(inputs), {}, asIs)
  // Tensors belong to the session that made them, and the state may be of any: all end with the program.
  const sessions = [back]
  let state: RuntimeTensors = {}
  const release = (): void => {
    for (const tensor of Object.values(state)) if (tensor.location === 'gpu-buffer') tensor.dispose()
  }
  const restore = (from: ReadonlyMap<string, Tensor>): void => {
    release()
    const copies = slots.map(({ input }) => [input, copyTensor(required(from, input, 'state'))] as const)
    state = asFeeds(new Map(copies), binding.tensor)
  }
  restore(initial)
  /** Copies in the device's memory, which belongs to the session that made them: it is released after them. */
  const uploaded = async (tensors: ReadonlyMap<string, Tensor>): Promise<Uploaded> => {
    if (tensors.size === 0) return { tensors: {}, release: async () => {} }
    const { session } = await binding.open(copyGraph(tensors), onGpu([...tensors.keys()].map(copied)))
    const copies = byInput(await session.run(asFeeds(tensors, binding.tensor)))
    return {
      tensors: copies,
      release: async () => {
        for (const tensor of Object.values(copies)) tensor.dispose()
        await session.release()
      },
    }
  }
  const open = async (graph: Uint8Array | Loadable): Promise<Pick<Program, 'run' | 'dispose'>> => {
    const { bytes, held } = asLoadable(graph)
    const opened = await binding.open(bytes, onGpu(slots.map(({ output }) => output)))
    sessions.push(opened)
    let there: { readonly of: ReadonlyMap<string, Tensor> | undefined; readonly copies: Uploaded } | undefined
    const lying = async (still: ReadonlyMap<string, Tensor> | undefined): Promise<Uploaded> => {
      if (there && there.of === still) return there.copies
      await there?.copies.release()
      const copies = await uploaded(await opened.feed(new Map([...held, ...(still ?? [])])))
      there = { of: still, copies }
      return copies
    }
    return {
      run: async (feeds, still) => {
        const { tensors } = await lying(still)
        const given = { ...tensors, ...state, ...asFeeds(await opened.feed(feeds), binding.tensor) }
        const results = await running(() => opened.session.run(given), device)
        const outputs = new Map<string, Tensor>()
        const next: Record<string, RuntimeTensor> = {}
        for (const [name, tensor] of Object.entries(results)) {
          const input = slotOf.get(name)
          if (input === undefined) outputs.set(name, fromRuntime(tensor))
          else next[input] = tensor
        }
        release()
        state = next
        return outputs
      },
      dispose: async () => {
        await there?.copies.release()
        there = undefined
      },
    }
  }
  const read = async (): Promise<Map<string, Tensor>> => {
    const copies = byInput(await back.session.run(state))
    return new Map(Object.entries(copies).map(([name, tensor]) => [name, fromRuntime(tensor)]))
  }
  const first = await open(model)
  return {
    ...first,
    state: read,
    snapshot: read,
    beside: open,
    restore,
    dispose: async () => {
      release()
      state = {}
      await first.dispose()
      for (const session of sessions) await session.release()
    },
  }
}

interface Uploaded {
  readonly tensors: RuntimeTensors
  release(): Promise<void>
}

const onGpu = (names: readonly string[]): OutputLocations =>
  Object.fromEntries(names.map((name) => [name, 'gpu-buffer' as const]))

const copied = (name: string): string => `${name}/copy`

/** A graph that gives its inputs out: the way into a device's memory and back. */
function copyGraph(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const entries = [...tensors]
  return encodeGraph({
    name: 'copy',
    inputs: entries.map(([name, { type, dims }]) => ({ name, type, dims: [...dims] })),
    outputs: entries.map(([name, { type, dims }]) => ({ name: copied(name), type, dims: [...dims] })),
    initializers: new Map(),
    nodes: entries.map(([name]) => ({
      ...{ op: 'Identity', domain: '', name: `/${name}`, inputs: [name], outputs: [copied(name)] },
      attributes: {},
    })),
  })
}

const byInput = (copies: RuntimeTensors): RuntimeTensors =>
  Object.fromEntries(Object.entries(copies).map(([name, tensor]) => [name.slice(0, -'/copy'.length), tensor]))
