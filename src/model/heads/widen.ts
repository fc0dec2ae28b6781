import { ModelError, UsageError } from '../../errors.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { initialise } from '../layers/index.ts'
import type { Model } from '../model.ts'
import { type Head, requireHead } from './head.ts'

export interface WidenOptions {
  /** Names of the classes that are added, in order. */
  readonly classes: readonly string[]
  /** Of the new rows' first values. Default 0. */
  readonly seed?: number | undefined
}

/**
 * A model whose head knows more classes. The old classes' rows stay as they are, bit for bit; new rows start as PyTorch's
 * Linear does, U(-b, b) with b = 1 / sqrt(features), new biases at the mean of the old.
 *
 * @throws UsageError `classes` for none, or names that are there already; ModelError `head-missing`, `head-tied`, `head-binary`.
 * @example
 * const wider = widenHead(model, { classes: ['zebra'] })
 */
export function widenHead(model: Model, options: WidenOptions): Model {
  const { classes, seed = 0 } = options
  const head = wideHead(model)
  const known = knownClasses(model, head)
  const twice = classes.find((name, at) => known.includes(name) || classes.indexOf(name) !== at)
  if (classes.length === 0 || twice !== undefined) {
    throw new UsageError(
      'classes',
      twice === undefined
        ? 'Classes to add were expected, but none was named.'
        : `Class "${twice}" is to be added, but the model knows it already, or it is named twice.`,
    )
  }
  return withHead(model, head, [...known, ...classes], head.classes, seed)
}

/**
 * A model with a head for other classes, which starts afresh. Everything below the head stays.
 *
 * @throws UsageError `classes` for none, or two of one name; ModelError `head-missing`, `head-tied`, `head-binary`.
 * @example
 * const other = replaceHead(model, { classes: ['cat', 'dog'] })
 */
export function replaceHead(model: Model, options: WidenOptions): Model {
  const { classes, seed = 0 } = options
  if (classes.length === 0 || new Set(classes).size !== classes.length) {
    throw new UsageError('classes', 'A head needs one or more classes of different names.')
  }
  return withHead(model, wideHead(model), classes, 0, seed)
}

/** The head where it can have more rows: one logit for two classes cannot become three. */
function wideHead(model: Model): Head {
  const head = requireHead(model)
  if (!model.binary) return head
  throw new ModelError(
    'head-binary',
    `The model gives one number, "${model.binary.answer}", for the two classes ${model.classes.join(' and ')}: there is no place in it for another class, and who reads that output expects one number. Export a model with one output a class (a softmax over two), and update that one.`,
  )
}

/** Names of the classes, or the numbers of those that have none. */
const knownClasses = (model: Model, head: Head): readonly string[] =>
  Array.from({ length: head.classes }, (_, at) => model.classes[at] ?? String(at))

function withHead(model: Model, head: Head, classes: readonly string[], kept: number, seed: number): Model {
  const parameters = new Map(model.parameters)
  const weight = parameters.get(head.weight) as Tensor<'float32'>
  parameters.set(head.weight, resized(head, weight, classes.length, kept, seed))
  const bias = head.bias === undefined ? undefined : (parameters.get(head.bias) as Tensor<'float32'>)
  if (bias && head.bias !== undefined) {
    const mean = bias.data.reduce((sum, value) => sum + value, 0) / bias.data.length
    const data = Float32Array.from({ length: classes.length }, (_, at) =>
      at < kept ? (bias.data[at] ?? 0) : kept > 0 ? mean : 0,
    )
    parameters.set(
      head.bias,
      float32(
        bias.dims.map((dim) => (dim === head.classes ? classes.length : dim)),
        data,
      ),
    )
  }
  const outputs = model.graph.outputs.map((info) => withClasses(info, head, classes.length))
  // With a class that has a name the numbers of the others are names, too.
  return { ...model, graph: { ...model.graph, outputs }, parameters, classes, unnamed: undefined }
}

/** The weight with `count` classes: the first `kept` rows (or columns) of the old, the others drawn. */
function resized(
  head: Head,
  old: Tensor<'float32'>,
  count: number,
  kept: number,
  seed: number,
): Tensor<'float32'> {
  const dims = old.dims.map((dim, axis) => (axis === head.classAxis ? count : dim))
  const fanIn = sizeOf(old.dims) / head.classes
  const fresh = initialise({ name: head.weight, dims, initialisation: 'bias-uniform', fanIn }, seed)
  const inner = sizeOf(dims.slice(head.classAxis + 1))
  const outer = sizeOf(dims.slice(0, head.classAxis))
  for (let at = 0; at < outer; at++) {
    const from = at * head.classes * inner
    fresh.data.set(old.data.subarray(from, from + kept * inner), at * count * inner)
  }
  return fresh
}

/** Dims of a value between the head and the output, for another number of classes. */
export function withClasses(info: ValueInfo, head: Head, count: number): ValueInfo {
  const dims = info.dims
  if (!dims) return info
  const axis = head.op === 'Conv' ? 1 : dims.length - 1
  if (dims[axis] !== head.classes) return info
  return { ...info, dims: dims.map((dim, at) => (at === axis ? count : dim)) }
}
