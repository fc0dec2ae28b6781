import type { ValueInfo } from '../../onnx/graph.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/** The dim of a low-rank update that each caller chooses, the same in all of a file. */
export const rankDim = 'lora_rank'

/** Whether a name is that of A or B of a low-rank update. */
export const isUpdateName = (name: string): boolean => /\/lora_[AB]_*$/.test(name)

/** Whether it is that of B, which is read last: an update whose B is zero adds nothing. */
export const isLastOfUpdate = (name: string): boolean => /\/lora_B_*$/.test(name)

/** Whether an input is half of a low-rank update: by its name, and its dim of any rank. */
export const isUpdateInput = ({ name, type, dims }: ValueInfo): boolean =>
  isUpdateName(name) && type === 'float32' && (dims ?? []).includes(rankDim)

/** No update: zeros of rank 1. */
export const zeroUpdate = ({ dims = [] }: ValueInfo): Tensor<'float32'> =>
  float32(dims.map((dim) => (typeof dim === 'number' ? dim : 1)))
