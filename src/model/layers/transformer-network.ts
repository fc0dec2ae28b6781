import { UsageError } from '../../errors.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import { encoderLayer } from './attention.ts'
import { embedding, layerNorm, linear, positionEmbedding, sequential, tokenMean } from './layers.ts'
import { classNames, type Layer, network } from './network.ts'
import type { Seeded } from './networks.ts'
import { paddingMask } from './padding-mask.ts'

export interface TransformerOptions extends Seeded {
  readonly layers: number
  readonly width: number
  readonly heads: number
  /** Units between the two linear layers of each encoder layer. */
  readonly feedForward: number
  /** Positions in a sequence. */
  readonly tokens: number
  /** How many different tokens there are: the input is then int64 [N, tokens], and positions are learned. */
  readonly vocabulary?: number
  /** The token that rows are filled up with: nothing attends to it, and the mean leaves it out. Default none is padding. */
  readonly pad?: number | undefined
  /** Without a vocabulary: the input is float [N, tokens, inputWidth]. Projected where it is not `width`. */
  readonly inputWidth?: number
  /** Where layers normalise: before each part. The only form there is. */
  readonly norm?: 'pre'
}

/**
 * A transformer encoder that classifies sequences: pre-norm layers with GELU and without dropout, a last layer norm,
 * the mean over the tokens, linear.
 *
 * @throws UsageError `heads` when the width is no multiple of the heads; `tokens` when there are none; `norm`; `pad` without a vocabulary.
 * @example
 * const model = transformerEncoder({ layers: 4, width: 256, heads: 4, feedForward: 1024, tokens: 64, classes: 10 })
 */
export function transformerEncoder(options: TransformerOptions): Model {
  const { width, heads, feedForward, tokens, vocabulary, pad, inputWidth = width, seed = 0 } = options
  const classes = classNames(options.classes ?? 10)
  const entry: Record<string, Layer> =
    vocabulary !== undefined
      ? { embedding: embedding(vocabulary, width), position: positionEmbedding(tokens, width) }
      : inputWidth === width
        ? {}
        : { project: linear(inputWidth, width), position: positionEmbedding(tokens, width) }
  const inputDims = vocabulary !== undefined ? [tokens] : [tokens, inputWidth]
  if (sizeOf(inputDims) === 0) {
    throw new UsageError('tokens', 'A transformer takes sequences of one token or more.')
  }
  if (pad !== undefined && vocabulary === undefined) {
    throw new UsageError(
      'pad',
      'A transformer of numbers has no token for padding: give a vocabulary, or leave pad out.',
    )
  }
  if (options.norm !== undefined && options.norm !== 'pre') {
    throw new UsageError('norm', `Encoder layers normalise before each part ('pre'), not '${options.norm}'.`)
  }
  return network({
    name: 'transformer-encoder',
    inputDims,
    inputType: vocabulary !== undefined ? 'int64' : 'float32',
    layer: (writer, x) => {
      const mask = pad === undefined ? undefined : paddingMask(writer, x, pad)
      const body = Array.from({ length: options.layers }, () =>
        encoderLayer({ width, heads, feedForward, mask }),
      )
      const parts = sequential({
        ...entry,
        layers: sequential(body),
        norm: layerNorm(width),
        pool: tokenMean({ mask }),
        head: linear(width, classes.length),
      })
      return parts(writer, x)
    },
    classes,
    seed,
  })
}
