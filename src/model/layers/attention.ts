import { UsageError } from '../../errors.ts'
import { float32, int64 } from '../../tensor/tensor.ts'
import { checkAxis, checkRank, gelu, layerNorm, linear, residual, sequential } from './layers.ts'
import type { Layer, NetworkWriter, Signal } from './network.ts'
import type { PaddingMask } from './padding-mask.ts'

export interface AttentionOptions {
  readonly width: number
  readonly heads: number
  /** Tokens that nothing attends to. Default none. */
  readonly mask?: PaddingMask | undefined
}

/**
 * Self-attention over [N, T, width] (Vaswani et al. 2017): `q_proj`, `k_proj`, `v_proj` and `out_proj`, each a linear
 * layer with bias. They start as PyTorch's do: projections xavier-uniform, biases at zero. Three projections rather than
 * one of 3 x width: splitting its output and joining the gradients again makes a training step a tenth slower.
 *
 * @throws UsageError `heads` when the width is no multiple of the heads.
 * @example
 * const attention = multiHeadAttention({ width: 256, heads: 4 })
 */
export function multiHeadAttention({ width, heads, mask }: AttentionOptions): Layer {
  if (!Number.isInteger(width / heads)) {
    throw new UsageError('heads', `Attention of width ${width} cannot be split into ${heads} equal heads.`)
  }
  const size = width / heads
  const project = linear(width, width, { start: 'xavier-uniform', biasStart: 'zeros' })
  return (writer, x) => {
    checkRank(writer, 'multiHeadAttention', x, 3)
    checkAxis(writer, 'multiHeadAttention', x, -1, width)
    const split = (name: string, perm: readonly number[]): string => {
      const shape = writer.constant(int64([4], [0, 0, heads, size]))
      const rows = writer.node('Reshape', [project(writer.at(name), x).name, shape])
      return writer.node('Transpose', [rows], { perm })
    }
    const query = split('q_proj', [0, 2, 1, 3])
    const key = split('k_proj', [0, 2, 3, 1])
    const value = split('v_proj', [0, 2, 1, 3])
    const mixed = mix(writer, { query, key, value, scale: 1 / Math.sqrt(size), mask })
    const together = writer.node('Transpose', [mixed], { perm: [0, 2, 1, 3] })
    const rows = writer.node('Reshape', [together, writer.constant(int64([3], [0, 0, width]))])
    const out = linear(width, width, { biasStart: 'zeros' })
    return out(writer.at('out_proj'), { name: rows, dims: x.dims })
  }
}

/** softmax(scale Q K^T + mask) V, with K already transposed. */
function mix(
  writer: NetworkWriter,
  parts: { query: string; key: string; value: string; scale: number; mask: PaddingMask | undefined },
): string {
  const scaled = writer.node('Mul', [parts.query, writer.constant(float32([], [parts.scale]))])
  const scores = writer.node('MatMul', [scaled, parts.key])
  const seen = parts.mask ? writer.node('Add', [scores, parts.mask.scores]) : scores
  const weights = writer.node('Softmax', [seen], { axis: -1 })
  return writer.node('MatMul', [weights, parts.value])
}

/**
 * A pre-norm encoder layer over [N, T, width]: x + attention(norm1 x), then x + linear2(gelu(linear1(norm2 x))), with
 * the names of PyTorch's TransformerEncoderLayer.
 */
export function encoderLayer(options: AttentionOptions & { readonly feedForward: number }): Layer {
  const { width, feedForward } = options
  const attend = sequential({ norm1: layerNorm(width), self_attn: multiHeadAttention(options) })
  const feed = sequential({
    norm2: layerNorm(width),
    linear1: linear(width, feedForward),
    activation: gelu(),
    linear2: linear(feedForward, width),
  })
  return (writer: NetworkWriter, x: Signal) => residual(feed)(writer, residual(attend)(writer, x))
}
