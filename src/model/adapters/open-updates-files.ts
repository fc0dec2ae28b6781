import { decodeModel } from '../../onnx/read.ts'
import { required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { isUpdateName } from '../import/index.ts'
import { type LoadedModel, modelOfFile } from '../import/index-files.ts'
import type { Model } from '../model.ts'
import { type LoraModel, withLora } from './lora.ts'
import { packedPlaces } from './lora-places.ts'
import { withPackedUpdates } from './packed-updates.ts'

/** Low-rank updates beside layers of few bits, as parameters of the file like any other. */
export interface OpenUpdates {
  /** Names of A and B of all layers. */
  readonly names: readonly string[]
  /** Of those that were added; undefined where an earlier release left the file with some. */
  readonly lora: LoraModel | undefined
}

/** A model whose layers of few bits can learn. */
export interface WithOpenUpdates {
  readonly loaded: LoadedModel
  readonly updates: OpenUpdates
}

/**
 * A model with room to learn beside its layers of few bits, which stay as they are (QLoRA: Dettmers et al. 2023, arXiv
 * 2305.14314): each has two products and a sum more, x W + (x A^T) B^T, with B at zero, so that the model answers as it did. A and B are
 * parameters of the file then: what trains, blends, proves and writes weights does so with them. Updates that an earlier release left are
 * taken as they are, and none are added to them.
 *
 * @param options `rank` of those that are added; `output` and `bind` as `loadModel` was given them.
 * @returns Undefined for a model without such layers.
 * @throws What `withPackedUpdates` and reading the file throw.
 */
export async function withOpenUpdates(
  loaded: LoadedModel,
  {
    rank,
    seed,
    ...from
  }: { readonly rank: number; readonly seed: number } & Parameters<typeof modelOfFile>[1],
): Promise<WithOpenUpdates | undefined> {
  const { model, file } = loaded
  const packed = [...packedPlaces(model).keys()]
  if (packed.length === 0) return undefined
  const earlier = namesOf(model)
  if (earlier.length > 0) return { loaded, updates: { names: earlier, lora: undefined } }
  const lora = withLora(model, { rank, alpha: rank, seed, packed: true, head: false, targets: packed })
  const { bytes } = withPackedUpdates(file.bytes, file.model, lora, startOf(lora))
  const opened = await modelOfFile({ ...file, bytes, model: decodeModel(bytes, file.path) }, from)
  return {
    loaded: { ...opened, notes: loaded.notes },
    updates: { names: namesOf(opened.model), lora },
  }
}

const namesOf = (model: Model): string[] => [...model.parameters.keys()].filter(isUpdateName)

/** The scale of an update, twice what it is elsewhere by default, is in A: what a file has is a product without one. */
const startOf = ({ adapters, model: { parameters } }: LoraModel): ReadonlyMap<string, Tensor> =>
  new Map(
    adapters.flatMap(({ a, b }): [string, Tensor][] => {
      const { dims, data } = required(parameters, a, 'update') as Tensor<'float32'>
      const doubled = data.map((value) => 2 * value)
      return [
        [a, float32(dims, doubled)],
        [b, required(parameters, b, 'update')],
      ]
    }),
  )
