import type { Engine, Program } from '../../engine/engine.ts'
import { loadProgram } from '../../engine/program.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { StepGraph, StepLengths } from '../step/index.ts'

/** A step's graph, and what runs it. */
export interface OpenGraph<P = Pick<Program, 'run' | 'dispose'>> {
  readonly step: StepGraph
  readonly program: P
}

/** The step of a task in each length of its rows, on one state. */
export interface StepGraphs {
  /** Of the longest rows, or of all. It holds the state. */
  readonly longest: OpenGraph<Program>
  /** Of the rows that need the length of this place; made when it is asked for first. */
  of(need: number): Promise<OpenGraph>
  dispose(): Promise<void>
}

/** @param build Makes the step that reads so many tokens of its rows; all where none are said. */
export async function openGraphs(
  engine: Engine,
  state: ReadonlyMap<string, Tensor>,
  asked: StepLengths | undefined,
  build: (length: number | undefined) => StepGraph,
): Promise<StepGraphs> {
  const lengths = asked?.lengths ?? []
  const step = build(lengths.at(-1))
  const longest = { step, program: await loadProgram(engine, step, step.slots, state) }
  const others = new Map<number, Promise<OpenGraph>>()
  const open = async (need: number): Promise<OpenGraph> => {
    const shorter = build(itemAt(lengths, need, 'length'))
    return { step: shorter, program: await longest.program.beside(shorter) }
  }
  return {
    longest,
    of: (need) => {
      if (need === lengths.length - 1) return Promise.resolve(longest)
      const found = others.get(need) ?? open(need)
      others.set(need, found)
      return found
    },
    dispose: async () => {
      for (const other of others.values()) await (await other).program.dispose()
      await longest.program.dispose()
    },
  }
}
