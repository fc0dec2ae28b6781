import { HoldfastError } from '../errors.ts'

/** What a device says that cannot do what it was chosen for. */
const refusals: ReadonlySet<string> = new Set(['device-fallback', 'device-unavailable'])

/** Whether something failed as its device cannot be used, or does not take a graph whole: on another one it may not. */
export const isRefusal = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError && refusals.has(error.code)
