import { didYouMean, UsageError } from '../../errors.ts'
import type { Node } from '../../onnx/graph.ts'
import { required } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import { requireHead } from '../heads/index.ts'
import type { Model } from '../model.ts'

/** Which parameters training changes. */
export type Selection =
  | { readonly kind: 'all' }
  /** Those whose name fits one of the patterns (`*` any characters, `?` one) and none of `except`. */
  | { readonly kind: 'names'; readonly patterns: readonly string[]; readonly except?: readonly string[] }
  /** The last so many layers with weights, their biases and norms included. */
  | { readonly kind: 'last'; readonly layers: number }
  | { readonly kind: 'head' }
  /** Vectors: biases, and the scales and shifts of norms. */
  | { readonly kind: 'biases-and-norms' }

/**
 * Names of the chosen parameters, in the model's order.
 *
 * @throws UsageError `selection-empty` when nothing fits, naming the pattern; `selection-layers` for a number below 1.
 * @throws ModelError `head-missing` for `head` where none is found.
 * @example
 * const names = selectParameters(model, { kind: 'names', patterns: ['encoder.layer.11.*', 'classifier.*'] })
 */
export function selectParameters(model: Model, selection: Selection): ReadonlySet<string> {
  const names = [...model.parameters.keys()]
  switch (selection.kind) {
    case 'all':
      return new Set(names)
    case 'names':
      return namesFitting(names, selection.patterns, selection.except)
    case 'last':
      return new Set(lastLayers(model, selection.layers))
    case 'head': {
      const { weight, bias } = requireHead(model)
      return new Set(names.filter((name) => name === weight || name === bias))
    }
    case 'biases-and-norms':
      return new Set(names.filter((name) => isVector(model, name)))
  }
}

/**
 * The model with the chosen parameters only; the others become constants of its graph, and stay as they are.
 *
 * @example
 * const headOnly = trainOnly(model, selectParameters(model, { kind: 'head' }))
 */
export function trainOnly(model: Model, chosen: ReadonlySet<string>): Model {
  const split = (wanted: boolean) =>
    new Map([...model.parameters].filter(([name]) => chosen.has(name) === wanted))
  const initializers = new Map([...model.graph.initializers, ...split(false)])
  return { ...model, graph: { ...model.graph, initializers }, parameters: split(true) }
}

/**
 * A selection as it is written on the command line: `all`, `head`, `last:2`, `biases-norms`, or patterns of names with
 * commas between, those to leave out behind `!`.
 *
 * @throws UsageError `selection-layers`.
 */
export function parseSelection(text: string): Selection {
  if (text === 'all' || text === 'head') return { kind: text }
  if (text === 'biases-norms') return { kind: 'biases-and-norms' }
  const last = /^last:(.*)$/.exec(text)
  if (last) return { kind: 'last', layers: Number(last[1]) }
  const parts = text.split(',').map((part) => part.trim())
  const patterns = parts.filter((part) => !part.startsWith('!'))
  const except = parts.filter((part) => part.startsWith('!')).map((part) => part.slice(1))
  return { kind: 'names', patterns: patterns.length === 0 ? ['*'] : patterns, except }
}

/**
 * Names that fit one of the patterns and none of `except`.
 *
 * @throws UsageError `selection-empty` when nothing fits, naming the pattern.
 */
export function namesFitting(
  names: readonly string[],
  patterns: readonly string[],
  except: readonly string[] = [],
): ReadonlySet<string> {
  const fits = (name: string, pattern: string): boolean => patternToRegExp(pattern).test(name)
  for (const pattern of [...patterns, ...except]) {
    if (names.some((name) => fits(name, pattern))) continue
    throw new UsageError(
      'selection-empty',
      `No parameter's name fits "${pattern}". Parameters are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}.${didYouMean(pattern, names)}`,
    )
  }
  const chosen = names.filter(
    (name) =>
      patterns.some((pattern) => fits(name, pattern)) && !except.some((pattern) => fits(name, pattern)),
  )
  if (chosen.length > 0) return new Set(chosen)
  throw new UsageError(
    'selection-empty',
    `The patterns ${[...patterns, ...except].join(', ')} leave no parameter.`,
  )
}

const patternToRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
    's',
  )

/** One dim at most is more than 1. */
function isVector(model: Model, name: string): boolean {
  const { dims } = required(model.parameters, name, 'parameter')
  return Math.max(1, ...dims) === sizeOf(dims)
}

function lastLayers(model: Model, count: number): readonly string[] {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new UsageError(
      'selection-layers',
      `How many of the last layers train? A whole number from 1 on was expected, but it is ${count}.`,
    )
  }
  return weightLayers(model).slice(-count).flat()
}

/**
 * Names of the parameters by layer, from the input to the head. A layer begins where a weight of two dims or more is first
 * read; vectors belong to the layer that began before.
 */
export function weightLayers(model: Model): readonly (readonly string[])[] {
  const layers: string[][] = [[]]
  for (const name of parametersInOrder(model)) {
    if (!isVector(model, name) && layers.at(-1)?.length !== 0) layers.push([])
    layers.at(-1)?.push(name)
  }
  return layers
}

/** Ops that hand a weight on to the op that works with it. */
const handsOn: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Transpose', 'Unsqueeze'])

/** Parameters in the order in which nodes work with them. */
function parametersInOrder(model: Model): readonly string[] {
  const behind = new Map<string, string>([...model.parameters.keys()].map((name) => [name, name]))
  const order = new Set<string>()
  for (const node of model.graph.nodes) for (const name of readBy(node, behind)) order.add(name)
  return [...order]
}

function readBy(node: Node, behind: Map<string, string>): readonly string[] {
  const [first = '', ...others] = node.inputs
  const parameter = behind.get(first)
  if (handsOn.has(node.op) && parameter !== undefined) {
    for (const output of node.outputs) behind.set(output, parameter)
    return []
  }
  return [first, ...others].flatMap((name) => behind.get(name) ?? [])
}
