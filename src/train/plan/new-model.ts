import type { Dataset } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { cnn, mlp, simpleModel, transformerEncoder } from '../../model/layers/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import type { TaskStream } from '../../tasks/stream.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import type { RunPlan } from './plan.ts'

/** What a model is made for, or has been loaded from. */
interface ModelInputs {
  /** How many tokens the data's tokenizer knows. */
  readonly vocabulary?: number | undefined
  readonly model?: Model | undefined
}

/**
 * The model that a plan asks for: a new one that fits its stream, or the one that was loaded.
 *
 * @throws UsageError `model-data` when it cannot read the data.
 */
export function planModel(plan: RunPlan, stream: TaskStream, given: ModelInputs): Model {
  const { model, seed } = plan
  const { train } = itemAt(stream.tasks, 0, 'task')
  const dims = train.inputs.dims.slice(1)
  const classes = unitNames(stream, train)
  switch (model.kind) {
    case 'simple':
      if (sizeOf(dims) !== 784) throw misfit('The simple model reads 784 values', dims)
      return simpleModel({ seed, classes })
    case 'mlp':
      return mlp({
        widths: [sizeOf(dims), ...model.hidden, stream.outputs],
        classes,
        activation: model.activation,
        seed,
      })
    case 'cnn': {
      const [channels, height, width] = dims
      if (dims.length !== 3 || channels === undefined || height === undefined || width === undefined) {
        throw misfit('A cnn reads images [channels, height, width]', dims)
      }
      return cnn({
        channels: model.channels,
        blocks: model.blocks,
        inputDims: [channels, height, width],
        classes,
        seed,
      })
    }
    case 'transformer': {
      const [tokens, inputWidth] = dims
      const { vocabulary: asked, kind: _, ...sizes } = model
      const vocabulary = asked ?? given.vocabulary
      if (given.vocabulary !== undefined && vocabulary !== undefined && vocabulary < given.vocabulary) {
        throw new UsageError(
          'model-data',
          `model.vocabulary is ${vocabulary}, but the tokenizer of the texts knows ${given.vocabulary} tokens. Leave it out, or let data.vocabulary.size be ${vocabulary}.`,
        )
      }
      if (tokens === undefined || dims.length !== (vocabulary === undefined ? 2 : 1)) {
        throw misfit('A transformer reads [tokens, width], or [tokens] where model.vocabulary is given', dims)
      }
      return transformerEncoder({
        ...sizes,
        tokens,
        ...(vocabulary === undefined
          ? inputWidth === undefined
            ? {}
            : { inputWidth }
          : { vocabulary, pad: train.preprocessing.pad }),
        classes,
        seed,
      })
    }
    case 'onnx': {
      const { model: loaded } = given
      if (!loaded) throw new UsageError('model-data', `The model ${model.path} was not loaded.`)
      return loaded
    }
  }
}

/** What the stream's output units are called; how many there are where its data do not say. */
const unitNames = ({ outputs }: TaskStream, { classes }: Dataset): number | readonly string[] =>
  classes.length === outputs && new Set(classes).size === outputs ? classes : outputs

const misfit = (reads: string, dims: readonly number[]): UsageError =>
  new UsageError(
    'model-data',
    `${reads}, but a sample of the data is [${dims.join(', ')}]. Choose another model.`,
  )
