import { DataError, HoldfastError } from '../../errors.ts'

/** What is wrong with a document, with its place before it. */
export function atPlace<T>(place: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    throw new DataError(error.code, `${place}: ${error.message}`, { cause: error })
  }
}
