import { UsageError } from '../../errors.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { findHead, type Head, readsVocabulary } from '../heads/index.ts'
import { isUpdateName } from '../import/index.ts'
import { initialise } from '../layers/index.ts'
import type { Model } from '../model.ts'
import { type Placed, withUpdates } from './lora-graph.ts'
import { type Adapter, type Layout, type Place, packedPlaces, placesOf } from './lora-places.ts'
import { namesFitting, trainOnly } from './select.ts'

export interface LoraOptions {
  /** r, the inner dim of the update. Default 8. */
  readonly rank?: number | undefined
  /** The update counts alpha / rank. Default twice the rank. */
  readonly alpha?: number | undefined
  /** Patterns of the weights that get one; default every linear layer but the head. */
  readonly targets?: readonly string[] | undefined
  /**
   * Whether the head trains in full beside the updates. Default true, but false for language models: theirs is a row for each
   * token, and mostly the embedding as well.
   */
  readonly head?: boolean | undefined
  /**
   * Whether layers whose weights have few bits get updates, too. These cannot be merged into the weights: they are
   * written as layers of their own. Default false.
   */
  readonly packed?: boolean | undefined
  /** What the updates are called behind their weight's name: LABEL_A and LABEL_B. Default `lora`. */
  readonly label?: string | undefined
  /** Of A's first values. Default 0. */
  readonly seed?: number
}

/** A parameter of the file that trains in full beside the updates: the head's weight or bias. */
export interface TrainedWhole {
  readonly name: string
  readonly part: 'weight' | 'bias'
  /** As that of an {@link Adapter}. */
  readonly module: string | undefined
  readonly layout: Layout
  /** Whether something else than the head reads it. */
  readonly tied: boolean
}

export interface LoraModel {
  /** Trains the adapters (and the head); every other weight is a constant of its graph. */
  readonly model: Model
  readonly adapters: readonly Adapter[]
  readonly whole: readonly TrainedWhole[]
  readonly rank: number
  readonly alpha: number
}

/**
 * A model whose weights W become W + (alpha / rank) B A, and of which only A and B train (Hu et al. 2021,
 * arXiv 2106.09685). A starts as a linear layer does, B at zero: the model starts as it was.
 *
 * @throws UsageError `lora-rank`, `lora-targets` when no linear layer or convolution fits, `lora-packed` when those that do
 * have few bits, and `selection-empty`.
 * @example
 * const lora = withLora(model, { rank: 8, targets: ['*query*', '*value*'] })
 */
export function withLora(model: Model, options: LoraOptions = {}): LoraModel {
  const { rank = 8, alpha = 2 * rank, label = 'lora', seed = 0 } = options
  if (!(Number.isInteger(rank) && rank >= 1)) {
    throw new UsageError('lora-rank', `The rank of LoRA must be a whole number from 1 on; ${rank} was given.`)
  }
  const head = findHead(model)
  const packed = packedPlaces(model)
  const names = [...model.parameters.keys(), ...packed.keys()]
  const wanted = options.targets && new Set(namesFitting(names, options.targets))
  const linear = placesOf(model)
  const places = [...linear, ...packed].filter(([name, { layout }]) =>
    wanted ? wanted.has(name) : layout !== 'conv' && name !== head?.weight && !isUpdateName(name),
  )
  const few = places.find(([, place]) => place.packed)
  if (few && !options.packed) {
    throw new UsageError(
      'lora-packed',
      `"${few[0]}" and others have few bits (MatMulNBits, or MatMulInteger as quantize_dynamic writes it): they stay as they are, and an update of low rank cannot be merged into them. Train them with learn or update, which write updates as layers of their own; or take the export in float32.`,
    )
  }
  if (places.length === 0) {
    throw new UsageError(
      'lora-targets',
      'No weight of a linear layer or convolution fits the targets of LoRA. See `holdfast inspect` for the names.',
    )
  }
  const fresh = freshNames([...names, ...model.graph.initializers.keys()])
  const adapters = places.map(([weight, place]) => ({
    ...{ weight, ...place },
    ...{ a: fresh(`${weight}/${label}_A`), b: fresh(`${weight}/${label}_B`) },
  }))
  const own = new Map(adapters.flatMap((adapter) => startOf(adapter, rank, seed)))
  const withHead = options.head ?? !(head && readsVocabulary(model, head))
  const adapted = new Set(adapters.map(({ weight }) => weight))
  const trained = withHead && head ? wholeHead(head, linear.get(head.weight)) : []
  const whole = trained.filter(({ name }) => !adapted.has(name))
  const base = trainOnly(model, new Set(whole.map(({ name }) => name)))
  return {
    model: {
      ...base,
      graph: withUpdates(base.graph, adapters, alpha / rank),
      parameters: new Map([...base.parameters, ...own]),
    },
    whole,
    adapters: adapters.map(({ weight, layout, module, a, b, packed: few }) => ({
      ...{ weight, layout, module, a, b },
      ...(few && { packed: few }),
    })),
    rank,
    alpha,
  }
}

function freshNames(taken: Iterable<string>): (wish: string) => string {
  const names = new Set(taken)
  const fresh = (wish: string): string => (names.has(wish) ? fresh(`${wish}_`) : wish)
  return fresh
}

function wholeHead(head: Head, place: Place | undefined): TrainedWhole[] {
  const { module, layout = head.classAxis === 0 ? 'out-in' : 'in-out', readElsewhere = true } = place ?? {}
  const common = { module, layout }
  return [
    { name: head.weight, part: 'weight', ...common, tied: readElsewhere },
    ...(head.bias === undefined ? [] : [{ name: head.bias, part: 'bias' as const, ...common, tied: false }]),
  ]
}

function startOf(adapter: Placed, rank: number, seed: number): [string, Tensor<'float32'>][] {
  const [first = 0, second = 0, ...kernel] = adapter.dims
  const [outputs, inputs] = adapter.layout === 'in-out' ? [second, first] : [first, second]
  const fanIn = sizeOf([inputs, ...kernel])
  const a = initialise(
    { name: adapter.a, dims: [rank, inputs, ...kernel], initialisation: 'bias-uniform', fanIn },
    seed,
  )
  return [
    [adapter.a, a],
    [adapter.b, float32([outputs, rank, ...kernel.map(() => 1)])],
  ]
}
