import { ModelError, UnsupportedOpError } from '../../errors.ts'
import type { Attributes } from '../../onnx/graph.ts'
import {
  attributeReader,
  type Body,
  expand,
  ints,
  nodeLabel,
  type OpDefinition,
  reshape,
  type ShapeContext,
  type Value,
} from '../../ops/core/index.ts'
import { opTable } from '../../ops/table.ts'
import type { Tensor, TensorType } from '../../tensor/tensor.ts'
import type { GraphBuilder } from '../builder.ts'
import type { BlockCall, BlockValues } from './call.ts'
import { ruleFor } from './rules.ts'
import type { NodeRequest, ReplayTarget } from './target.ts'

/**
 * A value of every block. With F rows a block and n blocks, and dims [d0, d1, …] in the file: `stacked` is
 * [n, d0, d1, …], `rows` is [n d0, d1, …]. Both are the same memory; what an op wants is made when it is asked for.
 */
interface Held {
  stacked?: Value
  rows?: Value
}

/** Most nodes that ops without a rule of their own are written out into, one copy a block. */
const MOST_COPIES = 20_000

/**
 * Runs a graph whose file fixes the batch at F on n F rows: as if it ran n times on F rows each, in one go. What the graph
 * does with one block is left as the file says, with every constant that holds the batch; each op is widened by an axis that
 * goes over the blocks, as JAX's vmap does it. So it is right for any graph, and where no row of a block depends on
 * another (nearly always) the rows are independent, too.
 *
 * The values that it hands out have the dims of one block, which is what shape arithmetic in the file expects.
 */
export class Blocks implements ReplayTarget, BlockValues {
  readonly count: number
  readonly builder: GraphBuilder
  private readonly held = new Map<string, Held>()
  private copies = 0
  private made = 0

  /** @param count n */
  constructor(builder: GraphBuilder, count: number) {
    this.builder = builder
    this.count = count
  }

  /** Rows of all blocks, [n F, …], as a value of one block, [F, …]. */
  fromRows(rows: Value): Value {
    const [all = 0, ...rest] = rows.dims
    return this.hold({ type: rows.type, dims: [all / this.count, ...rest] }, { rows })
  }

  /** [n, …] as a value of one block, […]. */
  fromStacked(stacked: Value): Value {
    return this.hold({ type: stacked.type, dims: stacked.dims.slice(1) }, { stacked })
  }

  /** A value of one block for all rows, [n F, …]; one that no row decides is repeated. */
  toRows(value: Value): Value {
    if (value.dims.length === 0) return this.stacked(value)
    const held = this.held.get(value.name)
    const [first = 1, ...rest] = value.dims
    if (held?.rows) return held.rows
    const rows = reshape(this.builder, this.stacked(value), [this.count * first, ...rest])
    if (held) held.rows = rows
    return rows
  }

  /** [n, …]; a value that no row decides is repeated. */
  stacked(value: Value): Value {
    const held = this.held.get(value.name)
    const dims = [this.count, ...value.dims]
    if (!held) return expand(this.builder, value, dims)
    held.stacked ??= reshape(this.builder, held.rows ?? value, dims)
    return held.stacked
  }

  isHeld(value: Value | undefined): boolean {
    return value !== undefined && this.held.has(value.name)
  }

  add(request: NodeRequest): Value[] {
    const { op, inputs, count, attributes, name } = request
    if (!inputs.some((input) => this.isHeld(input))) return this.builder.add(request)
    const definition = opTable.get(op)
    if (!definition) throw new UnsupportedOpError('unknown-op', `${nodeLabel(request)} is not known.`)
    const context: ShapeContext = {
      op,
      name,
      inputs,
      attributes: attributeReader(attributes, nodeLabel(request)),
      outputs: count,
    }
    return this.folded(definition, context) ?? this.widened(request, context, definition.shape(context))
  }

  /** What a block's dims alone decide: `Shape` and the like. */
  private folded(definition: OpDefinition, context: ShapeContext): Value[] | undefined {
    const known = context.inputs.map((input) => input?.constant)
    return definition.fold?.(known, context)?.map((tensor) => this.builder.constant(tensor))
  }

  private widened(request: NodeRequest, context: ShapeContext, types: readonly TensorType[]): Value[] {
    const call: BlockCall = { ...request, context, types: types.slice(0, request.count), blocks: this }
    return ruleFor(request.op)?.(call) ?? this.oneByOne(call)
  }

  /** An op without a rule: a copy a block. */
  private oneByOne(call: BlockCall): Value[] {
    this.copies += this.count
    if (this.copies > MOST_COPIES) {
      throw new UnsupportedOpError(
        'op-form',
        `${nodeLabel(call)}: the file fixes its batch, and this op cannot take several at once; written out for ${this.count} it makes too many nodes. Train with smaller batches, or export the model with a free batch.`,
      )
    }
    const each = Array.from({ length: this.count }, (_, at) =>
      this.builder.add({ ...call, inputs: call.inputs.map((input) => input && this.block(input, at)) }),
    )
    return call.types.map((_, output) => {
      const parts = each.flatMap((outputs) => {
        const value = outputs[output]
        return value ? [reshape(this.builder, value, [1, ...value.dims])] : []
      })
      const whole = parts.length === 1 ? parts[0] : this.builder.op('Concat', parts, { axis: 0 })
      if (!whole) throw new ModelError('no-output', `${nodeLabel(call)} gave no output.`)
      return this.fromStacked(whole)
    })
  }

  private block(value: Value, at: number): Value {
    if (!this.isHeld(value)) return value
    const { builder } = this
    const bounds = [ints(builder, [at]), ints(builder, [at + 1]), ints(builder, [0])]
    return reshape(builder, builder.op('Slice', [this.stacked(value), ...bounds]), value.dims)
  }

  private hold(type: TensorType, held: Held): Value {
    const name = `${(held.rows ?? held.stacked)?.name ?? 'value'} of block ${this.made++}`
    this.held.set(name, held)
    return { name, ...type }
  }

  ops(
    op: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attributes: Attributes = {},
  ): Value[] {
    return this.add({ op, inputs, count, attributes, name: '' })
  }

  op(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    const [value] = this.ops(op, inputs, 1, attributes)
    if (!value) throw new ModelError('no-output', `${op} gave no output.`)
    return value
  }

  constant(tensor: Tensor): Value {
    return this.builder.constant(tensor)
  }

  body(): Body {
    return this.builder.body()
  }

  raw(
    op: string,
    inputs: readonly (Value | undefined)[],
    types: readonly TensorType[],
    attributes: Attributes,
  ): Value[] {
    if (!inputs.some((input) => this.isHeld(input))) return this.builder.raw(op, inputs, types, attributes)
    throw new UnsupportedOpError(
      'op-form',
      `${op}: the file fixes its batch, and this op cannot take several at once. Export the model with a free batch.`,
    )
  }
}
