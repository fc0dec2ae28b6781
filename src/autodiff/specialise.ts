import { HoldfastError, ModelError } from '../errors.ts'
import type { Graph, ValueInfo } from '../onnx/graph.ts'
import type { Value } from '../ops/core/index.ts'
import { sizeOf } from '../tensor/tensor.ts'
import type { GraphBuilder } from './builder.ts'
import { blocksOf, type FixedBatch, rowsFrom } from './fixed-batch.ts'
import { standardOpset } from './opsets.ts'
import { type Replay, replayGraph } from './replay.ts'
import { WrittenGelu } from './written-gelu.ts'

export interface SpecialiseOptions {
  /** Whether Dropout drops. Default false: as at inference, whatever mode the model was exported in. */
  readonly training?: boolean
  /**
   * Whether batch normalisation takes the batch's own statistics (`batch`) or the running ones (`fixed`). Default
   * `batch` in training, else `fixed`, whatever mode the model was exported in.
   */
  readonly batchNorm?: 'batch' | 'fixed'
  /** One int64 that differs from step to step. Needed when a Dropout node is to drop. */
  readonly dropoutSeed?: Value
  /** Values of the graph to compute, by name; default its outputs. Any value inside the graph will do. */
  readonly outputs?: readonly string[]
}

export interface Specialised {
  /** By the name they have in the graph. */
  readonly outputs: ReadonlyMap<string, Value>
  /** In training: running statistics after this batch, by the name of the buffer they replace. */
  readonly buffers: ReadonlyMap<string, Value>
}

/**
 * Replays a graph in `builder` for concrete dims: what is constant is folded, every value is shaped, nodes of older
 * opsets are brought to the canonical one, fused ops are expanded, branches and loops whose course is known are inlined,
 * and only what the outputs need is emitted. Initialisers become constants; one that is bound by name becomes that value
 * instead, so a parameter may come from anywhere. A graph whose first dim is a number is run on blocks of so many rows, as
 * many at once as are bound: what it holds of that batch in constants stays right.
 *
 * @param bindings The graph's inputs, and its parameters and buffers, by name.
 * @throws ModelError `binding-missing`, `binding-mismatch`, `opset-range`; and what the shape rules throw.
 * @throws UnsupportedOpError `unknown-op`, `foreign-domain`, `op-form`, `control-flow`, `output-missing`, naming the node.
 * @example
 * const x = builder.input('x', { type: 'float32', dims: [64, 784] })
 * const { outputs } = specialise(builder, model.graph, model.opsets, new Map([['x', x], ...parameters]))
 */
export function specialise(
  builder: GraphBuilder,
  graph: Graph,
  opsets: Readonly<Record<string, number>>,
  bindings: ReadonlyMap<string, Value>,
  options: SpecialiseOptions = {},
): Specialised {
  const wanted = options.outputs ?? graph.outputs.map((output) => output.name)
  for (const input of graph.inputs) checkInput(graph, input, bindings)
  const work = (fixed?: FixedBatch): Specialised =>
    replayed({ builder, graph, opsets, bindings, options, wanted, fixed })
  const fixed = blocksOf(builder, graph, bindings)
  if (fixed) return work(fixed)
  try {
    return work()
  } catch (problem) {
    // An exporter may call a batch free and still write its own, of one, into constants: rows are then run one by one.
    const single = isMismatch(problem) ? blocksOf(builder, graph, bindings, 1) : undefined
    const found = single && attempt(() => work(single))
    if (found) return found
    throw problem
  }
}

const isMismatch = (problem: unknown): boolean =>
  problem instanceof ModelError && problem.code === 'shape-mismatch'

function attempt(work: () => Specialised): Specialised | undefined {
  try {
    return work()
  } catch (problem) {
    if (problem instanceof HoldfastError) return undefined
    throw problem
  }
}

interface Replayed {
  readonly builder: GraphBuilder
  readonly graph: Graph
  readonly opsets: Readonly<Record<string, number>>
  readonly bindings: ReadonlyMap<string, Value>
  readonly options: SpecialiseOptions
  readonly wanted: readonly string[]
  readonly fixed: FixedBatch | undefined
}

function replayed({ builder, graph, opsets, bindings, options, wanted, fixed }: Replayed): Specialised {
  const training = options.training ?? false
  const replay: Replay = {
    builder: fixed?.blocks ?? builder,
    blocks: fixed?.blocks,
    opset: standardOpset(opsets),
    batchNorm: options.batchNorm ?? (training ? 'batch' : 'fixed'),
    dropout: { training, seed: options.dropoutSeed },
    buffers: new Map(),
    inlined: 0,
    written: new WrittenGelu(),
  }
  const outside = (name: string, reader: string): never => {
    throw missing(graph, name, reader, bindings)
  }
  const values = new Map(fixed?.bindings ?? bindings)
  const read = replayGraph(replay, graph, { values, outside }, wanted)
  const output = (name: string): Value => {
    const value = read(name, 'an output of the graph')
    return fixed ? rowsFrom(builder, fixed, value, name) : value
  }
  return {
    outputs: new Map(wanted.map((name) => [name, output(name)])),
    buffers: replay.buffers,
  }
}

/**
 * A batch may have another size than the model was exported with, and a flat batch may come as images; but a sample
 * has the number of elements that the model says.
 */
function checkInput(graph: Graph, input: ValueInfo, bindings: ReadonlyMap<string, Value>): void {
  const bound = bindings.get(input.name)
  // One that is read all the same is missed then.
  if (!bound) return
  const sample = input.dims?.slice(1)
  const known = sample?.every((dim) => typeof dim === 'number')
  const sizesDiffer = known && sizeOf(sample?.map(Number) ?? []) !== sizeOf(bound.dims.slice(1))
  if (bound.type !== input.type || sizesDiffer) {
    throw new ModelError(
      'binding-mismatch',
      `Input "${input.name}" of graph "${graph.name}" is ${input.type}[${input.dims ?? 'any'}], but was bound to ${bound.type}[${bound.dims}]. Samples lie along the first axis; check how the data was prepared.`,
    )
  }
}

function missing(
  graph: Graph,
  name: string,
  reader: string,
  bindings: ReadonlyMap<string, Value>,
): ModelError {
  const have = [...bindings.keys()].slice(0, 12).map((key) => `"${key}"`)
  const more = bindings.size > have.length ? ', …' : ''
  return new ModelError(
    'binding-missing',
    `Graph "${graph.name}" needs a value for "${name}" (read by ${reader}), but it is no initialiser, no node computes it before, and it was not bound. Bound are: ${have.join(', ') || 'none'}${more}.`,
  )
}
