import { TensorCode } from '../../onnx/codes.ts'
import { float32, int64 } from '../../tensor/tensor.ts'
import type { NetworkWriter, Signal } from './network.ts'

/** Which tokens are padding, as values of the network's graph. */
export interface PaddingMask {
  /** float32 [N, T, 1]: 1 for tokens, 0 for padding. */
  readonly tokens: string
  /** float32 [N, 1, 1, T]: 0 for tokens, and for padding a number that no softmax leaves anything of. */
  readonly scores: string
}

/** Added to the scores of padding: finite, so that a row of padding alone has a softmax, too. */
const NOTHING_LEFT = -1e9

/** The mask of token ids [N, T] that are filled up with `pad`. */
export function paddingMask(writer: NetworkWriter, ids: Signal, pad: number): PaddingMask {
  const filler = writer.node('Equal', [ids.name, writer.constant(int64([], [pad]))])
  const cast = (flags: string) => writer.node('Cast', [flags], { to: TensorCode.float32 })
  const along = (value: string, axes: readonly number[]) =>
    writer.node('Unsqueeze', [value, writer.constant(int64([axes.length], axes))])
  const lost = writer.node('Mul', [cast(filler), writer.constant(float32([], [NOTHING_LEFT]))])
  return { tokens: along(cast(writer.node('Not', [filler])), [2]), scores: along(lost, [1, 2]) }
}
