import { TrainingError } from '../errors.ts'
import type { Engine } from './engine.ts'
import type { Loadable } from './loadable.ts'

export const interrupted = (): TrainingError =>
  new TrainingError('interrupted', 'Stopped as asked. Nothing was written; the same command begins anew.')

/**
 * An engine whose next call, whatever it is for, fails once the signal was given: for work of which nothing is kept
 * half-way. What saves its state on the way heeds the signal itself.
 *
 * @throws TrainingError `interrupted`, from `load` and `run`.
 * @example
 * const engine = interruptible(ortNode(), controller.signal)
 */
export function interruptible(engine: Engine, signal: AbortSignal): Engine {
  const heeding =
    <Given extends readonly unknown[], Result>(call: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      if (signal.aborted) throw interrupted()
      return call(...given)
    }
  const { loadProgram } = engine
  return {
    ...engine,
    load: heeding(async (model, options) => {
      const executable = await engine.load(model, options)
      return { ...executable, run: heeding(executable.run) }
    }),
    ...(loadProgram && {
      loadProgram: heeding(async (request) => {
        const program = await loadProgram(request)
        const beside = heeding(async (model: Uint8Array | Loadable) => {
          const other = await program.beside(model)
          return { ...other, run: heeding(other.run) }
        })
        return { ...program, run: heeding(program.run), beside }
      }),
    }),
  }
}
