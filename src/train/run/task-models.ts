import { withWeights } from '../../evaluate/reader.ts'
import type { Method, TaskContext } from '../../methods/method.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { initialState, type Optimiser } from '../step/index.ts'

/** The model of each task: the run's own, or what its method makes of it. Made once. */
export type TaskModels = (index: number) => Model

export function taskModels(
  model: Model,
  { prepare }: Method,
  contextOf: (index: number) => TaskContext,
): TaskModels {
  const made = new Map<number, Model>()
  return (index) => {
    if (!prepare) return model
    const found = made.get(index) ?? prepare(model, contextOf(index))
    made.set(index, found)
    return found
  }
}

/** Parameters and buffers of a run's state, by their names in the model. */
export const heldWeights = (tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...withoutPrefix(tensors, 'parameter/'), ...withoutPrefix(tensors, 'buffer/')])

/** The model with what a run's state holds for it. */
export function withState(model: Model, tensors: ReadonlyMap<string, Tensor>): Model {
  const own = weightsOf(model)
  return withWeights(
    model,
    new Map(
      [...heldWeights(tensors)].flatMap(([name, tensor]) => {
        const now = own.get(name)
        return now ? [[name, fitted(tensor, now)] as const] : []
      }),
    ),
  )
}

/**
 * The state in which a task begins: parameters, buffers and the optimiser's slots go on where the last task left them,
 * new and grown parts begin as the model has them (the optimiser's at 0). What the model does not have stays beside it.
 */
export function stateAtStart(
  model: Model,
  optimiser: Optimiser,
  tensors: ReadonlyMap<string, Tensor>,
  slots: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> {
  const kept = [...tensors].filter(([name]) => !name.startsWith('slot/'))
  const own = [...initialState(model, optimiser)].map(([name, start]) => {
    const held = tensors.get(name)
    return [name, held ? fitted(held, start) : start] as const
  })
  return new Map([...kept, ...own, ...[...slots].map(([key, tensor]) => [`slot/${key}`, tensor] as const)])
}

/** `start` with the values of `held` in the part that both have: the beginning of every axis. */
function fitted(held: Tensor, start: Tensor): Tensor {
  const { dims } = start
  if (held.dims.join() === dims.join()) return held
  if (held.dims.length !== dims.length || held.type !== 'float32' || start.type !== 'float32') return start
  const data = (start.data as Float32Array).slice()
  const shared = dims.map((dim, axis) => Math.min(dim, itemAt(held.dims, axis, 'axis')))
  for (let at = 0; at < sizeOf(shared); at++) {
    let rest = at
    let [from, to, heldStride, stride] = [0, 0, 1, 1]
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const place = rest % (shared[axis] ?? 1)
      rest = Math.floor(rest / (shared[axis] ?? 1))
      from += place * heldStride
      to += place * stride
      heldStride *= held.dims[axis] ?? 1
      stride *= dims[axis] ?? 1
    }
    data[to] = (held.data as Float32Array)[from] ?? 0
  }
  return float32(dims, data)
}
