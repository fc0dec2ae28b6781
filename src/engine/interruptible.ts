import { TrainingError } from '../errors.ts'
import type { Engine } from './engine.ts'

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
  const check = (): void => {
    if (signal.aborted) throw interrupted()
  }
  const { loadProgram } = engine
  return {
    ...engine,
    ...(loadProgram && {
      loadProgram: async (request) => {
        check()
        const program = await loadProgram(request)
        return {
          ...program,
          run: async (feeds, still) => {
            check()
            return program.run(feeds, still)
          },
        }
      },
    }),
    load: async (model) => {
      check()
      const executable = await engine.load(model)
      return {
        ...executable,
        run: async (feeds, into) => {
          check()
          return executable.run(feeds, into)
        },
      }
    },
  }
}
