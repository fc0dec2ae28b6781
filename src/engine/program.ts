import { EnvironmentError } from '../errors.ts'
import { required } from '../required.ts'
import type { Storage, Tensor } from '../tensor/tensor.ts'
import type { Engine, Executable, Program, StateSlot } from './engine.ts'
import type { Loadable } from './loadable.ts'

/**
 * A program in the caller's memory, where two buffers a tensor take turns, so that nothing is copied between runs; or in that of the
 * engine's device.
 *
 * @param model bytes of an ONNX model, or what {@link loadable} makes of a graph
 * @param slots which inputs and outputs are state
 * @param initial the state to start from, by input name; not written to
 * @throws EnvironmentError `state-missing` when a slot has no initial value
 * @example
 * const program = await loadProgram(engine, bytes, [{ input: 'w', output: 'w_next' }], new Map([['w', w]]))
 */
export async function loadProgram(
  engine: Engine,
  model: Uint8Array | Loadable,
  slots: readonly StateSlot[],
  initial: ReadonlyMap<string, Tensor>,
): Promise<Program> {
  if (engine.loadProgram) {
    for (const { input } of slots) stateOf(initial, input)
    return engine.loadProgram({ model, slots, initial })
  }
  const executable = await engine.load(model, { into: true })
  return startProgram(engine, executable, slots, initial)
}

function startProgram(
  engine: Engine,
  first: Executable,
  slots: readonly StateSlot[],
  initial: ReadonlyMap<string, Tensor>,
): Program {
  const current = new Map<string, Tensor>()
  const spare = new Map<string, Tensor>()
  const restore = (state: ReadonlyMap<string, Tensor>): void => {
    for (const { input } of slots) {
      current.set(input, copyTensor(stateOf(state, input)))
    }
  }
  restore(initial)
  for (const { input, output } of slots) spare.set(output, copyTensor(required(initial, input, 'state')))
  const running = (executable: Executable): Pick<Program, 'run' | 'dispose'> => ({
    run: async (feeds, still = new Map()) => {
      const results = await executable.run(new Map([...still, ...current, ...feeds]), spare)
      for (const { input, output } of slots) {
        const before = current.get(input)
        const after = results.get(output)
        if (!before || !after) continue
        current.set(input, after)
        spare.set(output, before)
        results.delete(output)
      }
      return results
    },
    dispose: () => executable.dispose(),
  })
  return {
    ...running(first),
    state: async () => current,
    snapshot: async () => new Map([...current].map(([name, tensor]) => [name, copyTensor(tensor)])),
    beside: async (model) => running(await engine.load(model, { into: true })),
    restore,
  }
}

function stateOf(state: ReadonlyMap<string, Tensor>, input: string): Tensor {
  const value = state.get(input)
  if (value) return value
  throw new EnvironmentError(
    'state-missing',
    `The program needs a value for state "${input}", and none was given.`,
  )
}

/** The same values in memory of their own. */
export const copyTensor = <T extends Tensor>(tensor: T): T => ({
  ...tensor,
  data: tensor.data.slice() as Storage[T['type']],
})
