import { EnvironmentError } from '../errors.ts'
import { required } from '../required.ts'
import type { Storage, Tensor } from '../tensor/tensor.ts'
import type { Engine, Executable } from './engine.ts'
import type { Loadable } from './loadable.ts'

/** A tensor that a run takes in under one name and gives back, changed, under another. */
export interface StateSlot {
  readonly input: string
  readonly output: string
}

/**
 * A graph with state: parameters and optimiser moments go in, come out changed, and go in again. Two buffers a tensor
 * take turns, so nothing is copied between runs.
 */
export interface Program {
  /** Runs once and keeps the new state. Returns the outputs that are no state. */
  run(feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>>
  /** The state now, by input name. The tensors are live: the next run but one writes over them. */
  state(): ReadonlyMap<string, Tensor>
  /** A copy of the state that later runs leave alone. */
  snapshot(): Map<string, Tensor>
  /** Another graph with the same state: what a run of either leaves the next run of the other finds. It is disposed of for itself. */
  beside(model: Uint8Array | Loadable): Promise<Pick<Program, 'run' | 'dispose'>>
  /** Goes on from another state, which is copied; of the same names and dims. */
  restore(state: ReadonlyMap<string, Tensor>): void
  dispose(): Promise<void>
}

/**
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
  const executable = await engine.load(model)
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
      const value = state.get(input)
      if (!value)
        throw new EnvironmentError(
          'state-missing',
          `The program needs a value for state "${input}", and none was given.`,
        )
      current.set(input, copyTensor(value))
    }
  }
  restore(initial)
  for (const { input, output } of slots) spare.set(output, copyTensor(required(initial, input, 'state')))
  const running = (executable: Executable): Pick<Program, 'run' | 'dispose'> => ({
    run: async (feeds) => {
      const results = await executable.run(new Map([...current, ...feeds]), spare)
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
    state: () => current,
    snapshot: () => new Map([...current].map(([name, tensor]) => [name, copyTensor(tensor)])),
    beside: async (model) => running(await engine.load(model)),
    restore,
  }
}

/** The same values in memory of their own. */
export const copyTensor = <T extends Tensor>(tensor: T): T => ({
  ...tensor,
  data: tensor.data.slice() as Storage[T['type']],
})
