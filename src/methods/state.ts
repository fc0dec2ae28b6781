import type { Tensor } from '../tensor/tensor.ts'

/** What can be written as JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * What a method remembers from task to task. It is data and nothing else, so that a checkpoint holds it whole; keys of
 * `tensors` read like paths ("importance/fc.weight").
 */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly values: { readonly [key: string]: Json }
}

export const emptyState: MethodState = { tensors: new Map(), values: {} }
