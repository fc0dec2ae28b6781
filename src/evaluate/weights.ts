import type { Tensor } from '../tensor/tensor.ts'

/** Parameters and buffers by name. */
export type Weights = ReadonlyMap<string, Tensor>
