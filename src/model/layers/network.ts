import { UsageError } from '../../errors.ts'
import type { Attributes, Node, ValueInfo } from '../../onnx/graph.ts'
import { CANONICAL_OPSET } from '../../ops/core/index.ts'
import type { DType, Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import { type Initialisation, initialise } from './initialise.ts'

/** A value on its way through a network: dims are known but for the batch, 'N'. */
export interface Signal {
  readonly name: string
  readonly dims: readonly (number | string)[]
}

/** Where layers put their nodes and parameters. Names inside it are below its path. */
export interface NetworkWriter {
  /** Where in the network this is: 'layers.0', '' at the top. */
  readonly path: string
  /** The writer of a part: its parameters are called `<path>.<name>.…`. */
  at(name: string): NetworkWriter
  /** Declares a trainable tensor. Returns its name. `fanIn` is for biases, which have none of their own. */
  parameter(name: string, dims: readonly number[], start: Initialisation, fanIn?: number): string
  /** Declares a tensor that training keeps account of without a gradient. Returns its name. */
  buffer(name: string, dims: readonly number[], start: Initialisation): string
  constant(tensor: Tensor): string
  /** Adds a node. Returns the name of its output, whose dims the caller knows. */
  node(op: string, inputs: readonly string[], attributes?: Attributes): string
}

/** A part of a network: adds its nodes to the graph and says what comes out. */
export type Layer = (writer: NetworkWriter, x: Signal) => Signal

export interface NetworkOptions {
  /** Name of the graph. */
  readonly name: string
  /** Dims of one sample, without the batch. */
  readonly inputDims: readonly number[]
  /** Default float32; int64 for tokens. */
  readonly inputType?: DType
  readonly layer: Layer
  /** Labels of the logits, or how many there are; a number n names them '0' to 'n - 1'. */
  readonly classes: number | readonly string[]
  /** Of the initialisation. Default 0. */
  readonly seed?: number
}

/**
 * A model from a layer. The batch is symbolic ('N'), parameters start as their layers say.
 *
 * @throws UsageError `logits-dims` when the layer does not end in [N, classes]; `parameter-name` for two parameters of
 * one name.
 * @example
 * const model = network({ name: 'linear', inputDims: [784], layer: sequential({ fc: linear(784, 10) }), classes: 10 })
 */
export function network(options: NetworkOptions): Model {
  const { name, inputDims, inputType = 'float32', layer, seed = 0 } = options
  const classes = classNames(options.classes)
  const input: ValueInfo = { name: 'x', type: inputType, dims: ['N', ...inputDims] }
  const state: State = {
    seed,
    nodes: [],
    parameters: new Map(),
    buffers: new Map(),
    constants: new Map(),
    names: new Set([input.name]),
  }
  const logits = layer(writerAt(state, ''), { name: input.name, dims: ['N', ...inputDims] })
  if (logits.dims.length !== 2 || logits.dims[1] !== classes.length) {
    throw new UsageError(
      'logits-dims',
      `Network "${name}" should end in [N,${classes.length}], a logit for each class, but ends in [${logits.dims}].`,
    )
  }
  const output: ValueInfo = { name: 'logits', type: 'float32', dims: ['N', classes.length] }
  return {
    graph: {
      name,
      inputs: [input],
      outputs: [output],
      initializers: state.constants,
      nodes: renameOutput(state.nodes, logits.name, output.name),
    },
    opsets: { '': CANONICAL_OPSET },
    parameters: state.parameters,
    buffers: state.buffers,
    input,
    output: output.name,
    classes,
  }
}

/** @throws UsageError `classes` when there are none or two of one name. */
export function classNames(classes: number | readonly string[]): readonly string[] {
  const names = typeof classes === 'number' ? Array.from({ length: classes }, (_, n) => String(n)) : classes
  if (names.length === 0 || new Set(names).size !== names.length) {
    throw new UsageError(
      'classes',
      `A model needs one or more classes of different names, but got ${names.length === 0 ? 'none' : names.join(', ')}.`,
    )
  }
  return names
}

const renameOutput = (nodes: readonly Node[], from: string, to: string): Node[] => {
  const rename = (name: string): string => (name === from ? to : name)
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }))
}

interface State {
  readonly seed: number
  readonly nodes: Node[]
  readonly parameters: Map<string, Tensor>
  readonly buffers: Map<string, Tensor>
  readonly constants: Map<string, Tensor>
  readonly names: Set<string>
}

function writerAt(state: State, path: string): NetworkWriter {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const fresh = (wish: string): string => {
    let name = wish
    for (let count = 1; state.names.has(name); count++) name = `${wish}_${count}`
    state.names.add(name)
    return name
  }
  const declare = (
    into: Map<string, Tensor>,
    plan: { name: string; dims: readonly number[]; initialisation: Initialisation; fanIn?: number },
  ): string => {
    if (state.names.has(plan.name)) {
      throw new UsageError(
        'parameter-name',
        `Two parameters are called "${plan.name}". Give their layers different names.`,
      )
    }
    state.names.add(plan.name)
    into.set(plan.name, initialise(plan, state.seed))
    return plan.name
  }
  return {
    path,
    at: (name) => writerAt(state, below(name)),
    parameter: (name, dims, initialisation, fanIn) =>
      declare(state.parameters, {
        name: below(name),
        dims,
        initialisation,
        ...(fanIn === undefined ? {} : { fanIn }),
      }),
    buffer: (name, dims, initialisation) =>
      declare(state.buffers, { name: below(name), dims, initialisation }),
    constant: (tensor) => {
      const name = fresh(`/${below('constant')}`)
      state.constants.set(name, tensor)
      return name
    },
    node: (op, inputs, attributes = {}) => {
      const name = fresh(`/${below(op)}`)
      const output = fresh(`${name}:0`)
      state.nodes.push({ op, domain: '', name, inputs, outputs: [output], attributes })
      return output
    },
  }
}
