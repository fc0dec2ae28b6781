import type { Tensor } from '../tensor/tensor.ts'
import type { Loadable } from './loadable.ts'

/** Where graphs run; with `+cpu` what the device has no kernel for runs on the CPU, with copies in between. */
export const devices = ['cpu', 'webgpu', 'webgpu+cpu', 'cuda', 'cuda+cpu'] as const
export type Device = (typeof devices)[number]

const graphics = 'Graphics devices are webgpu, of any maker, and cuda, of NVIDIA.'

/** Words that people write for devices, and what is to be said of each. */
export const insteadOfDevices = {
  ...{ gpu: graphics, vulkan: graphics, metal: graphics, mps: graphics, directx: graphics, dml: graphics },
  ...{ nvidia: graphics, amd: graphics, rocm: graphics, intel: graphics },
} as const

export interface EngineOptions {
  /** Default 'cpu'. */
  readonly device?: Device | undefined
  /**
   * Threads inside one op; default the physical cores that the process may use. Large products of matrices may differ in their
   * last bits with the number of threads, so a run's bits belong to it; the number itself decides, not the machine's cores.
   */
  readonly threads?: number | undefined
  /**
   * Whether graphs may hold the runtime's own ops for a blocked layout, which convolve faster; default true. Where there are none,
   * as on other devices than the CPU, graphs are of standard ops anyway.
   */
  readonly blocked?: boolean | undefined
}

/** A tensor that a run takes in under one name and gives back, changed, under another. */
export interface StateSlot {
  readonly input: string
  readonly output: string
}

/**
 * A graph with state: parameters and optimiser moments go in, come out changed, and go in again, and stay where the engine
 * computes.
 */
export interface Program {
  /** Runs once and keeps the new state. Returns the outputs that are no state. */
  run(
    feeds: ReadonlyMap<string, Tensor>,
    /** More inputs, which are the same at every run, in this map and in memory: a device reads them once. */
    still?: ReadonlyMap<string, Tensor>,
  ): Promise<Map<string, Tensor>>
  /** The state now, by input name. The tensors may be live: the next run but one writes over them. */
  state(): Promise<ReadonlyMap<string, Tensor>>
  /** A copy of the state that later runs leave alone. */
  snapshot(): Promise<Map<string, Tensor>>
  /** Another graph with the same state: what a run of either leaves the next run of the other finds. It is disposed of for itself. */
  beside(model: Uint8Array | Loadable): Promise<Pick<Program, 'run' | 'dispose'>>
  /** Goes on from another state, which is copied; of the same names and dims. */
  restore(state: ReadonlyMap<string, Tensor>): void
  dispose(): Promise<void>
}

/** What a program is made of. */
export interface ProgramRequest {
  readonly model: Uint8Array | Loadable
  /** Which inputs and outputs are state. */
  readonly slots: readonly StateSlot[]
  /** The state to start from, by input name, one for each slot; not written to. */
  readonly initial: ReadonlyMap<string, Tensor>
}

/** A graph that is ready to run. */
export interface Executable {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Runs once. Where `into` holds a tensor for an output, of as many numbers, the result is written into its memory.
   *
   * @throws TrainingError `run-failed` with the runtime's message.
   */
  run(feeds: ReadonlyMap<string, Tensor>, into?: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>>
  /** Frees the runtime's memory; further runs fail. */
  dispose(): Promise<void>
}

export interface LoadOptions {
  /** Whether runs are given memory for their large outputs, so that the engine may see to it that it makes none itself. Default false. */
  readonly into?: boolean | undefined
}

/** The one door to a runtime. */
export interface Engine {
  readonly name: string
  readonly options: EngineOptions
  /** @throws ModelError `model-refused` when the runtime cannot load the graph. */
  load(model: Uint8Array | Loadable, options?: LoadOptions): Promise<Executable>
  /**
   * Programs of a device with memory of its own. Left out where that is the caller's, which {@link loadProgram} sees to.
   *
   * @throws What `load` throws.
   */
  readonly loadProgram?: (request: ProgramRequest) => Promise<Program>
  /** Graphs should have no `Scan`: a step is a call of its own. Default false. */
  readonly flat?: boolean
  /** How many channels the runtime's blocked layout takes together, undefined where it has none. Left out: it has none. */
  readonly channelBlock?: () => Promise<number | undefined>
}
