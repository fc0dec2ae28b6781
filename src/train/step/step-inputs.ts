import type { GraphBuilder } from '../../autodiff/builder.ts'
import { type AugmentColumnName, augmentColumns } from '../../data/augment/index.ts'
import { isSourced } from '../../data/spilled-rows.ts'
import type { Model } from '../../model/model.ts'
import type { Value } from '../../ops/core/index.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { float32, type Tensor, type TensorType } from '../../tensor/tensor.ts'
import { batchWidth, evenWeights } from './batch.ts'
import type { Optimiser } from './optimisers.ts'
import type { StepRequest } from './step-request.ts'

/** Names of the state that a fresh run starts from: parameters, buffers, and the optimiser's slots at zero. */
export function initialState(model: Model, optimiser: Optimiser): Map<string, Tensor> {
  const state = new Map<string, Tensor>()
  for (const [name, tensor] of model.parameters) state.set(`parameter/${name}`, tensor)
  for (const [name, tensor] of model.buffers) state.set(`buffer/${name}`, tensor)
  for (const slot of optimiser.slots) {
    for (const [name, { dims }] of model.parameters) state.set(`optimiser/${slot}/${name}`, float32(dims))
  }
  return state
}

/** What the graph around the `Scan` is fed. */
export interface StepInputs {
  readonly inputs: Value
  readonly tasks: Value
  readonly masks: Value
  /** Undefined where all rows count the same. */
  readonly weights: Value | undefined
  readonly constants: ReadonlyMap<string, Value>
  /** What the `Scan` goes over: rows, seeds, the rows' labels, the optimiser's numbers, what is drawn for augmentation, the sources' columns. */
  readonly scanned: readonly Value[]
  /** Whether `inputs` and the labels are the rows of the call alone, as the pool's are read of a source; where they are among these is then scanned last. */
  readonly fetched: boolean
  /** What is drawn for augmentation, in the order in which it is scanned. */
  readonly augment: readonly AugmentColumnName[]
  /** Names of the columns, in the order in which they are scanned: the last of them. */
  readonly columns: readonly { readonly source: string; readonly name: string }[]
  /** The state at the start of the call, in order. */
  readonly state: ReadonlyMap<string, Value>
  readonly parameters: ReadonlyMap<string, Value>
}

export function stepInputs(builder: GraphBuilder, request: StepRequest): StepInputs {
  const { model, settings, task, pool, sources, constants, slots } = request
  const table = (name: string, tensor: TensorType) =>
    builder.input(name, tensor, ['pool', ...tensor.dims.slice(1)])
  const perStep = (name: string, type: TensorType['type'], dims: readonly number[]) =>
    builder.input(name, { type, dims: [1, ...dims] }, ['steps', ...dims])
  const width = batchWidth(sources)
  const inputs = table('pool/inputs', pool.inputs)
  const labels = table('pool/labels', pool.labels)
  const outer = {
    inputs,
    tasks: table('pool/tasks', pool.tasks),
    masks: builder.input('masks', { type: 'float32', dims: [task.units.length, task.outputs] }),
    weights: evenWeights(sources)
      ? undefined
      : builder.input('weights', { type: 'float32', dims: [width, 1] }),
    constants: new Map([...constants].map(([key, tensor]) => [key, builder.input(`method/${key}`, tensor)])),
  }
  const rows = perStep('rows', 'int32', [width])
  const schedule = settings.optimiser
    .scalars(1, 1)
    .map((_, index) => perStep(`schedule/${index}`, 'float32', []))
  const seeds = perStep('seeds', 'int64', [])
  const places = isSourced(pool) ? [perStep('places', 'int32', [width])] : []
  const columns = sources.flatMap((source) =>
    Object.entries(source.columns ?? {}).map(([name, count]) => ({ source: source.name, name, count })),
  )
  const augment = request.augmentation ? augmentColumns(request.augmentation.spec) : []
  const state = new Map(
    [
      ...initialState(model, settings.optimiser),
      ...[...slots].map(([key, tensor]) => [`slot/${key}`, tensor] as const),
    ].map(([name, tensor]) => [name, builder.input(name, tensor)]),
  )
  return {
    ...outer,
    scanned: [
      rows,
      seeds,
      // Of all steps at once: a node less in each.
      builder.op('Gather', [labels, places[0] ?? rows]),
      ...schedule,
      ...augment.map(({ name, type, still }) => perStep(drawName(name), type, [width, still(0).length])),
      ...columns.map(({ source, name, count }) => perStep(columnName(source, name), 'int32', [count])),
      ...places,
    ],
    fetched: places.length > 0,
    augment: augment.map(({ name }) => name),
    columns,
    state,
    parameters: withoutPrefix(state, 'parameter/'),
  }
}

/** What is drawn for augmentation is fed as. */
export const drawName = (name: AugmentColumnName): string => `augment/${name}`

/** What a source's column is fed as. */
export const columnName = (source: string, name: string): string => `columns/${source}/${name}`
