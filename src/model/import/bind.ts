import { didYouMean, ModelError, UsageError } from '../../errors.ts'
import {
  type Graph,
  type Node,
  plainNode,
  tensor as tensorAttribute,
  type ValueInfo,
} from '../../onnx/graph.ts'
import { fromNumbers } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { int64, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { mainInput } from '../inputs.ts'
import type { BoundInput } from '../model.ts'
import { cacheBranch, cacheInputs } from './cache.ts'
import { isUpdateInput, zeroUpdate } from './update-inputs.ts'

/** Values for inputs by their names: one number or truth value for all elements, or a list of numbers. */
export type Bindings = Readonly<Record<string, number | boolean | readonly number[]>>

/** A graph, and the inputs of the file that it makes itself. */
export interface BoundGraph {
  readonly graph: Graph
  readonly bound: readonly BoundInput[]
}

/**
 * The graph with what it reads beside the data made inside it: inputs that a caller gives values for, and those of a decoder's
 * cache, which is empty (keys and values of length 0, `use_cache_branch` false), and low-rank updates, which are zero. Sizes of the batch and of the data are read
 * from the main input, so all of it folds once dims are known, and branches on it with it.
 *
 * @param given Values by the names of inputs; they come before the cache's.
 * @throws UsageError `bind-unknown` for a name that no input has; `bind-type` for a value that the input's type does not hold,
 * `bind-dims` for one of another size, or for an input whose sizes are not known.
 * @throws ModelError `cache-dims` for a cache whose length cannot be told from its dims.
 */
export function boundGraph(graph: Graph, given: Bindings, name: string): BoundGraph {
  checkNames(graph, given, name)
  const asked = (info: ValueInfo): boolean => Object.hasOwn(given, info.name)
  const cached = new Map(
    cacheInputs(graph).flatMap((pair) => (asked(pair.info) ? [] : [[pair.info.name, pair] as const])),
  )
  const branch = cacheBranch(graph)
  const bound = graph.inputs.flatMap((info): BoundInput[] => {
    if (asked(info)) return [{ info, role: 'given' }]
    const pair = cached.get(info.name)
    if (pair) return [{ ...pair, role: 'cache' }]
    if (isUpdateInput(info)) return [{ info, role: 'update' }]
    return info === branch ? [{ info, role: 'branch' }] : []
  })
  if (bound.length === 0) return { graph, bound }
  const inputs = graph.inputs.filter((info) => !bound.some((one) => one.info === info))
  const main = mainInput(inputs)
  // A model that reads nothing is refused by whoever wants to train it.
  if (!main) return { graph: { ...graph, inputs }, bound }
  const maker = makerFor(main, name)
  for (const one of bound) {
    if (one.role === 'given') maker.given(one.info, given[one.info.name] ?? 0)
    else if (one.role === 'branch') maker.given(one.info, false)
    else if (one.role === 'update') maker.initializers.set(one.info.name, zeroUpdate(one.info))
    else maker.empty(one.info)
  }
  const initializers = new Map([...graph.initializers, ...maker.initializers])
  return { graph: { ...graph, inputs, initializers, nodes: [...maker.nodes, ...graph.nodes] }, bound }
}

/** The graph as it was before {@link boundGraph} for the inputs that are let go again. */
export function withoutBound(graph: Graph, released: readonly BoundInput[]): Graph {
  const names = new Set(released.map(({ info }) => info.name))
  return {
    ...graph,
    inputs: [...graph.inputs, ...released.map(({ info }) => info)],
    initializers: new Map([...graph.initializers].filter(([name]) => !names.has(name))),
    nodes: graph.nodes.filter(({ outputs }) => !outputs.some((name) => names.has(name))),
  }
}

function checkNames(graph: Graph, given: Bindings, name: string): void {
  const known = graph.inputs.map((info) => info.name)
  for (const wanted of Object.keys(given)) {
    if (known.includes(wanted)) continue
    throw new UsageError(
      'bind-unknown',
      `${name}: a value is given for the input "${wanted}", but the model has no input of that name. Its inputs are ${known.join(', ')}.${didYouMean(wanted, known)}`,
    )
  }
}

interface Maker {
  readonly initializers: Map<string, Tensor>
  readonly nodes: Node[]
  readonly given: (info: ValueInfo, value: number | boolean | readonly number[]) => void
  readonly empty: (info: ValueInfo) => void
}

/** A size: known, or that of an axis of the main input. */
type Size = number | { readonly axis: number }

function makerFor(main: ValueInfo, name: string): Maker {
  const initializers = new Map<string, Tensor>()
  const nodes: Node[] = []
  const dimsOfMain = 'bound/main_dims'
  const put = (info: ValueInfo, sizes: readonly Size[], value: Tensor): void => {
    const known = sizes.filter((size) => typeof size === 'number')
    if (known.length === sizes.length) {
      const data = Array.from({ length: sizeOf(known) }, () => Number(value.data[0]))
      initializers.set(info.name, fromNumbers(info.type, known, data))
      return
    }
    if (!nodes.some(({ outputs }) => outputs.includes(dimsOfMain))) {
      nodes.push(plainNode('Shape', [main.name], dimsOfMain))
    }
    const parts = sizes.map((size, at): string => {
      const part = `bound/${info.name}/dim_${at}`
      if (typeof size === 'number') initializers.set(part, int64([1], [size]))
      else {
        initializers.set(`${part}/axis`, int64([1], [size.axis]))
        nodes.push(plainNode('Gather', [dimsOfMain, `${part}/axis`], part, { axis: 0 }))
      }
      return part
    })
    const dims = `bound/${info.name}/dims`
    nodes.push(
      plainNode('Concat', parts, dims, { axis: 0 }),
      plainNode('ConstantOfShape', [dims], info.name, { value: tensorAttribute(value) }),
    )
  }
  return {
    initializers,
    nodes,
    given: (info, value) => {
      checkType(info, value, name)
      const values = typeof value === 'object' ? value : [Number(value)]
      if (typeof value === 'object') initializers.set(info.name, listFor(info, value, name))
      else put(info, sizesFor(info, main, name), fromNumbers(info.type, [1], values))
    },
    empty: (info) => put(info, emptySizes(info, main, name), fromNumbers(info.type, [1], [0])),
  }
}

function checkType(info: ValueInfo, value: number | boolean | readonly number[], name: string): void {
  const { type } = info
  const whole = /^u?int/.test(type)
  const numbers = typeof value === 'object' ? value : [value]
  const fits = numbers.every((one) =>
    type === 'bool'
      ? typeof one === 'boolean' || one === 0 || one === 1
      : type !== 'string' &&
        typeof one === 'number' &&
        (whole ? Number.isSafeInteger(one) && !(type.startsWith('u') && one < 0) : !Number.isNaN(one)),
  )
  if (fits) return
  const expected =
    type === 'string'
      ? 'holds strings, which cannot be given'
      : `is ${type} and takes ${type === 'bool' ? 'true or false' : whole ? 'whole numbers' : 'numbers'}`
  throw new UsageError('bind-type', `${name}: the input "${info.name}" ${expected}, but ${value} is given.`)
}

/** A list fills an input of as many elements, or of one free dim. */
function listFor(info: ValueInfo, values: readonly number[], name: string): Tensor {
  const { dims = [''] } = info
  const free = dims.filter((dim) => typeof dim === 'string').length
  const known = sizeOf(dims.filter((dim) => typeof dim === 'number'))
  const rest = free === 1 ? values.length / known : 1
  if (free > 1 || !Number.isInteger(rest) || rest * known !== values.length) {
    throw new UsageError(
      'bind-dims',
      `${name}: the input "${info.name}" is ${info.type}[${dims}], but ${values.length} numbers are given for it. Give one number for all of its elements, or as many as it has.`,
    )
  }
  return fromNumbers(
    info.type,
    dims.map((dim) => (typeof dim === 'number' ? dim : rest)),
    values,
  )
}

/** A free dim is that of the main input that has its name; one alone is the batch. */
function sizesFor(info: ValueInfo, main: ValueInfo, name: string): readonly Size[] {
  const { dims = [] } = info
  const alone = dims.filter((dim) => typeof dim === 'string').length === 1
  return dims.map((dim): Size => {
    if (typeof dim === 'number') return dim
    const axis = axisOf(dim, main)
    if (axis !== undefined) return { axis }
    if (alone) return { axis: 0 }
    throw new UsageError(
      'bind-dims',
      `${name}: the input "${info.name}" is ${info.type}[${dims}], and how large "${dim}" is cannot be told from the input "${main.name}" [${main.dims}]. Give as many numbers as it has elements, or export it with fixed sizes.`,
    )
  })
}

function axisOf(dim: string, main: ValueInfo): number | undefined {
  const axis = dim === '' ? -1 : (main.dims ?? []).indexOf(dim)
  return axis < 0 ? undefined : axis
}

/** Known dims stay, that of the batch follows the data, and the one that is left is the length of the cache. */
function emptySizes(info: ValueInfo, main: ValueInfo, name: string): readonly Size[] {
  const { dims = [] } = info
  const batch = dims.findIndex((dim) => typeof dim === 'string' && axisOf(dim, main) === 0)
  const rows = batch >= 0 ? batch : dims.findIndex((dim) => typeof dim === 'string')
  const lengths = dims.flatMap((dim, at) => (typeof dim === 'string' && at !== rows ? [at] : []))
  // Where the batch is a number, the only free dim is the length.
  const fixed = batch < 0 && lengths.length === 0
  const length = fixed ? rows : itemAt([...lengths, -1], 0, 'axis')
  if (lengths.length > 1 || length < 0) {
    throw new ModelError(
      'cache-dims',
      `${name}: the input "${info.name}" holds keys or values of earlier calls, [${dims}], of which training has none; but which of its dims is their number cannot be told. Export the model with a free "past_sequence_length", or without a cache.`,
    )
  }
  return dims.map((dim, at): Size => (at === length ? 0 : typeof dim === 'number' ? dim : { axis: 0 }))
}
