import type { Attributes, Graph } from '../../onnx/graph.ts'
import type { DType, Tensor, TensorType } from '../../tensor/tensor.ts'

/** A value in a graph under construction: its dims are concrete, and `constant` holds it where it is known. */
export interface Value extends TensorType {
  readonly name: string
  readonly constant?: Tensor
  /** What each of its rows along the last axis adds up to, where that is known and the same for all. */
  readonly rowSum?: number
  /** Where it is zeros but for a few rows: those rows, from which it need not be put together. */
  readonly rows?: SparseRows | undefined
  /** Where it is a view: what it is a view of, the same numbers in other dims. */
  readonly laid?: Value | undefined
}

/** Rows along axis 0 that are added to zeros. */
export interface SparseRows {
  /** int64 [n, 1], negative ones counted from the end; a row may come twice, and both are added. */
  readonly places: Value
  /** [n, ...] */
  readonly values: Value
}

/** Where rules put the nodes they emit. The builder implements it; every value that comes back is already shaped. */
export interface Emitter {
  /** Adds a node with one output. `undefined` among the inputs leaves an optional input out. */
  op(op: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value
  /** Adds a node with `count` outputs. */
  ops(op: string, inputs: readonly (Value | undefined)[], count: number, attributes?: Attributes): Value[]
  /** A constant; equal small constants share one initialiser. */
  constant(tensor: Tensor): Value
  /** A subgraph that may read what is here. */
  body(): Body
  /**
   * Adds a node that the table cannot shape, because it has a subgraph (`Scan`) or is of another `domain` than the
   * standard one (default ''). No gradient passes through it.
   */
  raw(
    op: string,
    inputs: readonly (Value | undefined)[],
    types: readonly TensorType[],
    attributes: Attributes,
    domain?: string,
  ): Value[]
  /** How many channels the runtime's blocked layout takes together; undefined where the graph is to be of plain ops only. */
  readonly channelBlock?: number | undefined
  /** For a device with fewer kernels, WebGPU: loops are written out turn by turn, as there is no `Scan`, and little is of int64. */
  readonly flat?: boolean | undefined
}

/** The body of a `Scan` under construction. */
export interface Body extends Emitter {
  input(name: string, type: TensorType): Value
  output(value: Value, name: string): Value
  /** Has an input come in other dims, of as many numbers; what read it reads a view of them. */
  laidIn(input: Value, dims: readonly number[]): void
  finish(name: string): Graph
}

/** Typed look into a node's attributes, with the defaults of the specification given by the caller. */
export interface AttributeReader {
  int(name: string, fallback: number): number
  /** As `int`, where the attribute may be missing. */
  optionalInt(name: string): number | undefined
  ints(name: string): readonly number[] | undefined
  float(name: string, fallback: number): number
  floats(name: string): readonly number[] | undefined
  string(name: string, fallback: string): string
  strings(name: string): readonly string[] | undefined
  tensor(name: string): Tensor | undefined
}

export interface ShapeContext {
  /** op and node name, for messages. */
  readonly op: string
  readonly name: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: AttributeReader
  /** How many outputs the node has. */
  readonly outputs: number
}

export interface GradientContext {
  readonly emit: Emitter
  readonly op: string
  readonly name: string
  readonly attributes: AttributeReader
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  /** dL/d(output), one an output; undefined where nothing downstream needs that output. */
  readonly gradients: readonly (Value | undefined)[]
  /** Which inputs need a gradient; the rule may leave the others undefined. */
  readonly needs: readonly boolean[]
  /** What the op's form kept for the gradient. */
  readonly kept?: readonly Value[]
}

/**
 * A per-sample square: `accumulate` may be summed over several backward passes (one a class, for the exact Fisher)
 * before `finish` turns the sum into something of the parameter's dims. A linear layer accumulates D^2 and finishes
 * with (X^2)^T: one matrix product however many classes there are.
 */
export interface SquareTerm {
  readonly accumulate: Value
  readonly finish: (emit: Emitter, sum: Value) => Value
}

export interface SquaresContext extends GradientContext {
  /** N: samples lie along axis 0 of the activations, sample-major (rows of one sample are adjacent). */
  readonly samples: number
  /** Which inputs carry samples along axis 0. */
  readonly carries: readonly boolean[]
}

export interface RowsContext {
  readonly attributes: AttributeReader
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  /** Which inputs carry samples along axis 0, sample-major. */
  readonly carries: readonly boolean[]
  readonly samples: number
}

/** One input of a test case. Values are drawn from a seeded stream unless given. */
export interface CaseInput {
  readonly dims: readonly number[]
  /** Default float32. */
  readonly type?: DType
  /** Bounds of the uniform draw, default [-1, 1]; integers are drawn from the same, upper bound excluded. */
  readonly range?: readonly [number, number]
  /** Exact values, row-major, instead of drawn ones. */
  readonly values?: readonly number[]
  /** Draws distinct, well separated values, so that a kink (Max, MaxPool, Abs) is never within the step of a difference. */
  readonly distinct?: boolean
  /** Fed as an initialiser, so that shape rules can read it. Integer inputs are constants by default; floats are not. */
  readonly constant?: boolean
  /** This input is the parameter whose per-sample squares are checked against N batches of one. */
  readonly parameter?: boolean
}

export interface OpCase {
  readonly name: string
  readonly inputs: readonly (CaseInput | undefined)[]
  readonly attributes?: Attributes
  /** Default 1. */
  readonly outputs?: number
  /** Inputs for which no difference quotient is taken although they are floats (e.g. running statistics). */
  readonly skip?: readonly number[]
  /** Only outputs listed here enter the loss; default all float outputs. */
  readonly through?: readonly number[]
  /** Opset the case is written in; default the canonical one. Needs `upgrade`. */
  readonly opset?: number
  /** The runtime has no kernel for this form on the CPU: the values are not compared with its own. */
  readonly withoutKernel?: true
  /** Relative tolerance of the difference quotient; default 2e-3. Say why where it is larger. */
  readonly tolerance?: number
}

/** A node whose form belongs to an older opset, and its inputs as values. */
export interface UpgradeContext {
  readonly attributes: Attributes
  readonly inputs: readonly (Value | undefined)[]
  readonly opset: number
  readonly emit: Emitter
  /** How many outputs the node has. */
  readonly outputs?: number
}

/** A node in the canonical form. */
export interface Upgraded {
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: Attributes
  /** The old node's outputs from those of the new one, where they differ. */
  readonly outputs?: (outputs: readonly Value[]) => readonly Value[]
}

/** What other nodes computed in an op's place. */
export interface Formed {
  /** All outputs of the op. */
  readonly outputs: readonly Value[]
  /** Values on the way to them that the gradient reads again. */
  readonly kept?: readonly Value[]
}

/** Everything Holdfast knows of one op, in the form it has in {@link CANONICAL_OPSET}. */
export interface OpDefinition {
  readonly op: string
  readonly shape: (context: ShapeContext) => readonly TensorType[]
  /**
   * dL/d(inputs) from dL/d(outputs). A gradient may still have the dims of the broadcast output: the walker sums it
   * down to the input's. `null` says: not differentiable here, and said so loudly when a gradient has to pass.
   */
  readonly gradient: null | ((context: GradientContext) => readonly (Value | undefined)[])
  /** Sum over samples of the squared per-sample gradient, per input; undefined where there is no closed form. */
  readonly squares?: (context: SquaresContext) => readonly (SquareTerm | undefined)[]
  /** Whether the outputs still carry the samples along axis 0, sample-major. Left out: they do not. */
  readonly rows?: (context: RowsContext) => boolean
  /**
   * The outputs' values where they are known while the graph is built (shape arithmetic): from constant inputs, or
   * from dims alone (`Shape`). undefined where they are not.
   */
  readonly fold?: (
    inputs: readonly (Tensor | undefined)[],
    context: ShapeContext,
  ) => readonly Tensor[] | undefined
  /** The op only moves elements (Transpose, Reshape): squares pass through it by the gradient's own rule. */
  readonly rearranges?: boolean
  /** Two nodes with the same inputs and attributes are not the same value (random ops). */
  readonly impure?: boolean
  /** Brings a node of an older opset into the canonical form. */
  readonly upgrade?: (context: UpgradeContext) => Upgraded
  /** `upgrade` is for nodes of the newest opsets, too: today's form is wider than what the runtime computes. */
  readonly upgradesAll?: true
  /**
   * Other nodes that compute the same: faster, where there are some for these dims, or at all, on a device ({@link Emitter.flat}).
   * Gradients and squares still go by this op's own rules.
   */
  readonly form?: (emit: Emitter, context: ShapeContext) => Formed | undefined
  readonly cases: readonly OpCase[]
}

/** The opset that steps are emitted in. Nodes from other opsets are brought to it by `upgrade`. */
export const CANONICAL_OPSET = 21

export function defineOp(op: string, definition: Omit<OpDefinition, 'op'>): OpDefinition {
  return { op, ...definition }
}
