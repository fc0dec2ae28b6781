import type { Tensor } from '../tensor/tensor.ts'
import type { Loadable } from './loadable.ts'

/** Where graphs run. */
export type Device = 'cpu' | 'webgpu'

export interface EngineOptions {
  /** Default 'cpu'. */
  readonly device?: Device | undefined
  /**
   * Threads inside one op; default the physical cores that the process may use. Large products of matrices may differ in their
   * last bits with the number of threads, so a run's bits belong to it; the number itself decides, not the machine's cores.
   */
  readonly threads?: number | undefined
}

/** A graph that is ready to run. */
export interface Executable {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Runs once. Where `into` holds a tensor for an output, the result is written into its memory.
   *
   * @throws TrainingError `run-failed` with the runtime's message.
   */
  run(feeds: ReadonlyMap<string, Tensor>, into?: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>>
  /** Frees the runtime's memory; further runs fail. */
  dispose(): Promise<void>
}

/** The one door to a runtime. */
export interface Engine {
  readonly name: string
  readonly options: EngineOptions
  /** @throws ModelError `model-refused` when the runtime cannot load the graph. */
  load(model: Uint8Array | Loadable): Promise<Executable>
}
