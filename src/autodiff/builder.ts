import { ModelError } from '../errors.ts'
import type { Attributes, Graph, Node, ValueInfo } from '../onnx/graph.ts'
import { nodesBehind } from '../onnx/walk.ts'
import {
  attributeReader,
  type Emitter,
  type Formed,
  nodeLabel,
  type OpDefinition,
  type ShapeContext,
  unknownOp,
  type Value,
} from '../ops/core/index.ts'
import { opTable } from '../ops/table.ts'
import { int64, sameDims, type Tensor, type TensorType } from '../tensor/tensor.ts'
import { keptBlocked, withActivations } from './layouts/index.ts'
import { NameSource } from './names.ts'
import { constantKey, nodeKey } from './sharing.ts'
import { checkSize } from './sizes.ts'
import { writeOutputs } from './write-outputs.ts'

/** A node as it was emitted, with everything a rule needs to know of it. */
export interface Step {
  readonly definition: OpDefinition
  readonly name: string
  readonly attributes: Attributes
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  /** What the op's form kept for its gradient. */
  readonly kept?: readonly Value[]
}

export interface BuilderOptions {
  /** How many channels the runtime's blocked layout takes together; default none: all nodes are of standard ops. */
  readonly channelBlock?: number | undefined
  /** For devices without a `Scan`: loops are written out. Default false. */
  readonly flat?: boolean | undefined
}

/** One for all: a step has thousands of nodes without. */
const noAttributes: Attributes = {}

/**
 * Builds a graph with concrete dims: every op that goes in comes out shaped, folded where it is constant, and shared
 * where the same node is already there. Ops are those of the table; a builder made by {@link GraphBuilder.body} may
 * read values of the graph around it.
 *
 * @example
 * const builder = new GraphBuilder()
 * const x = builder.input('x', { type: 'float32', dims: [2, 3] })
 * builder.output(builder.op('Relu', [x]), 'y')
 * const graph = builder.finish('relu')
 */
export class GraphBuilder implements Emitter {
  /** What this builder itself emitted, in execution order. */
  readonly steps: Step[] = []
  private readonly nodes: Node[] = []
  private readonly inputs: ValueInfo[] = []
  private readonly outputs: ValueInfo[] = []
  private readonly initializers = new Map<string, Tensor>()
  private readonly shared = new Map<string, Value[]>()
  private readonly constants = new Map<string, Value>()
  /** Those that are not compared by value, by their memory; all lie in the outermost graph, so that none is there twice. */
  private readonly large = new Map<Tensor['data'], Value>()
  private readonly names: NameSource
  private forming = false
  /** The graph this one is the body of: constants and nodes already there are shared. */
  private readonly outer: GraphBuilder | undefined

  readonly channelBlock: number | undefined
  readonly flat: boolean
  /** Dims by name, for {@link keptBlocked}; only where something may be blocked. */
  private readonly dims: Map<string, readonly number[]>

  constructor(outer?: GraphBuilder, { channelBlock, flat = false }: BuilderOptions = {}) {
    this.outer = outer
    this.channelBlock = outer ? outer.channelBlock : channelBlock
    this.flat = outer ? outer.flat : flat
    this.dims = outer ? outer.dims : new Map()
    this.names = outer ? outer.names : new NameSource()
  }

  /**
   * What this builder and those around it emitted, in execution order. A body shares nodes that the graph around it already
   * has, so a walk over the body's own steps would lose whatever depends on parameters alone.
   */
  get tape(): readonly Step[] {
    return this.outer ? [...this.outer.tape, ...this.steps] : this.steps
  }

  /** A builder for a subgraph (of `Scan`, say) that may use this builder's values. */
  body(): GraphBuilder {
    return new GraphBuilder(this)
  }

  /** A name not used before in this graph or any of its bodies, as near to `wish` as can be. */
  name(wish: string): string {
    return this.names.fresh(wish)
  }

  /**
   * A graph input. `declared` is what the file says of its dims, where a symbolic size there lets one graph serve
   * several (rows of a table, iterations of a `Scan`): no rule may then depend on that size.
   */
  input(name: string, type: TensorType, declared: readonly (number | string)[] = type.dims): Value {
    const value: Value = { name: this.names.fresh(name), type: type.type, dims: type.dims }
    this.inputs.push({ name: value.name, type: value.type, dims: [...declared] })
    return value
  }

  /** A named initialiser that is not folded or shared: a parameter. */
  parameter(name: string, tensor: Tensor): Value {
    const value: Value = { name: this.names.fresh(name), type: tensor.type, dims: tensor.dims }
    this.initializers.set(value.name, tensor)
    return value
  }

  laidIn(input: Value, dims: readonly number[]): void {
    const at = this.inputs.findIndex(({ name }) => name === input.name)
    const laid: Value = { name: this.names.fresh(`${input.name}/laid`), type: input.type, dims }
    this.inputs.splice(at, 1, { name: laid.name, type: laid.type, dims: [...dims] })
    this.push('Reshape', [laid, this.constant(int64([input.dims.length], input.dims))], [input], {})
    const [view] = this.nodes.splice(-1)
    if (view) this.nodes.unshift(view)
  }

  constant(tensor: Tensor): Value {
    const key = constantKey(tensor)
    if (key === undefined && this.outer) return this.outer.constant(tensor)
    const found = key === undefined ? this.large.get(tensor.data) : this.findConstant(key)
    if (found && sameDims(found.dims, tensor.dims)) return found
    const value: Value = {
      name: this.names.fresh('constant'),
      type: tensor.type,
      dims: tensor.dims,
      constant: tensor,
    }
    this.initializers.set(value.name, tensor)
    if (key === undefined) this.large.set(tensor.data, value)
    else this.constants.set(key, value)
    return value
  }

  private constantNamed(name: string): Tensor | undefined {
    return this.initializers.get(name) ?? this.outer?.constantNamed(name)
  }

  private findConstant(key: string): Value | undefined {
    return this.constants.get(key) ?? this.outer?.findConstant(key)
  }

  op(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = noAttributes): Value {
    const [value] = this.ops(op, inputs, 1, attributes)
    if (!value) throw new ModelError('no-output', `${op} gave no output.`)
    return value
  }

  ops(
    op: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attributes: Attributes = noAttributes,
  ): Value[] {
    return this.add({ op, inputs, count, attributes, name: '' })
  }

  /** Adds a node of the table; `name` is that of the model's own node, for messages. */
  add(request: {
    readonly op: string
    readonly inputs: readonly (Value | undefined)[]
    readonly count: number
    readonly attributes: Attributes
    readonly name: string
  }): Value[] {
    const { op, inputs, count, attributes, name } = request
    const definition = opTable.get(op)
    if (!definition) throw unknownOp({ op, name })
    const plainKey = definition.impure ? undefined : nodeKey(op, inputs, count, attributes)
    const key = plainKey !== undefined && this.forming ? `form|${plainKey}` : plainKey
    const known = key === undefined ? undefined : this.findShared(key)
    if (known) return known
    const context: ShapeContext = {
      op,
      name,
      inputs,
      attributes: attributeReader(attributes, nodeLabel({ op, name })),
      outputs: count,
    }
    const values =
      this.fold(definition, context) ?? this.emit(definition, context, definition.shape(context), attributes)
    if (key !== undefined) this.shared.set(key, values)
    return values
  }

  private findShared(key: string): Value[] | undefined {
    return this.shared.get(key) ?? this.outer?.findShared(key)
  }

  private fold(definition: OpDefinition, context: ShapeContext): Value[] | undefined {
    const folded = definition.fold?.(
      context.inputs.map((input) => input?.constant),
      context,
    )
    return folded?.map((tensor) => this.constant(tensor))
  }

  private emit(
    definition: OpDefinition,
    context: ShapeContext,
    types: readonly TensorType[],
    attributes: Attributes,
  ): Value[] {
    for (const type of types) checkSize(context, type)
    const formed = this.formed(definition, context)
    const outputs = formed
      ? formed.outputs.slice(0, context.outputs)
      : types.slice(0, context.outputs).map(
          ({ type, dims }, index): Value => ({
            name: this.names.fresh(index === 0 ? definition.op : `${definition.op}:${index}`),
            type,
            dims,
          }),
        )
    if (!formed) this.push(definition.op, context.inputs, outputs, attributes)
    const kept = formed?.kept ? { kept: formed.kept } : {}
    this.steps.push({ definition, name: context.name, attributes, inputs: context.inputs, outputs, ...kept })
    return outputs
  }

  /** The nodes that stand for an op are no steps of their own, and no op of the model may share one, which would lose its step. */
  private formed(definition: OpDefinition, context: ShapeContext): Formed | undefined {
    if (!definition.form || this.forming) return undefined
    const before = this.steps.length
    this.forming = true
    const formed = definition.form(this, context)
    this.forming = false
    this.steps.length = before
    return formed
  }

  /**
   * Takes what `emit` emits for one op with a gradient of its own: a closed form that is cheaper than what the nodes one by
   * one would give.
   *
   * @param gradient From dL/d(output) to those of the inputs that need one.
   */
  asOne(
    name: string,
    inputs: readonly Value[],
    emit: () => Value,
    gradient: (emit: Emitter, arriving: Value, needs: readonly boolean[]) => readonly (Value | undefined)[],
  ): Value {
    const before = this.steps.length
    const around = this.forming
    this.forming = true
    const output = emit()
    this.forming = around
    this.steps.length = before
    const definition: OpDefinition = {
      op: name,
      shape: () => [output],
      gradient: ({ emit: into, gradients: [arriving], needs }) =>
        arriving ? gradient(into, arriving, needs) : [],
      cases: [],
    }
    this.steps.push({ definition, name, attributes: noAttributes, inputs, outputs: [output] })
    return output
  }

  /**
   * Adds a node whose output types the caller knows and whose gradient is never asked for: `Scan` and the like, whose
   * subgraphs the table cannot shape.
   */
  raw(
    op: string,
    inputs: readonly (Value | undefined)[],
    types: readonly TensorType[],
    attributes: Attributes,
    domain = '',
  ): Value[] {
    const key = domain === '' ? undefined : nodeKey(`${domain}.${op}`, inputs, types.length, attributes)
    const known = key === undefined ? undefined : this.findShared(key)
    if (known) return known
    const outputs = types.map(({ type, dims }): Value => ({ name: this.names.fresh(op), type, dims }))
    this.push(op, inputs, outputs, attributes, domain)
    if (key !== undefined) this.shared.set(key, outputs)
    return outputs
  }

  private push(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly Value[],
    attributes: Attributes,
    domain = '',
  ): void {
    if (this.channelBlock !== undefined) {
      for (const value of [...inputs, ...outputs]) if (value) this.dims.set(value.name, value.dims)
    }
    const names = inputs.map((input) => input?.name ?? '')
    while (names.at(-1) === '') names.pop()
    this.nodes.push({
      op,
      domain,
      name: this.names.fresh(`/${op}`),
      inputs: names,
      outputs: outputs.map((output) => output.name),
      attributes,
    })
  }

  /** Makes `value` an output called `name`. An input or constant is passed on through an Identity. */
  output(value: Value, name: string, declared: readonly (number | string)[] = value.dims): Value {
    const out: Value = { name: this.names.fresh(name), type: value.type, dims: value.dims }
    this.push('Identity', [value], [out], {})
    this.outputs.push({ name: out.name, type: out.type, dims: [...declared] })
    return out
  }

  /** The graph, without the nodes that no output needs; inputs without use go too, unless it is a body, which needs all. */
  finish(name: string): Graph {
    const outputs = this.outputs.map((output) => output.name)
    const nodes =
      this.channelBlock === undefined
        ? this.nodes
        : keptBlocked(this.nodes, {
            block: this.channelBlock,
            dims: this.dims,
            constant: (name) => this.constantNamed(name),
            addConstant: (tensor) => this.constant(tensor).name,
            fresh: (wish) => this.names.fresh(wish),
          })
    const behind = nodesBehind(nodes, outputs)
    const live = this.channelBlock === undefined ? behind.nodes : withActivations(behind.nodes)
    const needed = behind.read
    return {
      name,
      inputs: this.outer ? this.inputs : this.inputs.filter((input) => needed.has(input.name)),
      outputs: this.outputs,
      initializers: new Map([...this.initializers].filter(([key]) => needed.has(key))),
      nodes: writeOutputs(live, this.outputs),
    }
  }
}
