import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { tokenInput } from '../../model/inputs.ts'
import type { Model } from '../../model/model.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import { fromNumbers } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { checkDecoder, positionsOf } from './check-decoder.ts'
import { AT, type DecodingGraph, decodingGraph, LOGITS } from './decoding-graph.ts'

/** A decoder that is ready to run. */
export interface Decoder {
  /** Whether what was read stays in a cache; else every step reads all tokens anew. */
  readonly cached: boolean
  /** The most tokens that the file takes, where it tells: by its input's dims, or by its table of positions. */
  readonly context: number | undefined
  /** How many sequences the file takes at a time, where it fixes that. */
  readonly rows: number | undefined
  /** How many tokens it gives logits for. */
  readonly vocabulary: number
  /** Begins with nothing read. Several decodings may go on at a time. */
  begin(): Decoding
  dispose(): Promise<void>
}

/** Sequences that are read bit by bit, all of one length. */
export interface Decoding {
  /**
   * Reads on, and gives the logits of the next token of each sequence, float32 [rows, vocabulary].
   *
   * @param tokens Of each sequence, as many for one as for the other; at least one.
   * @throws UsageError `generate-context` where the file's positions end; TrainingError `run-failed`.
   */
  read(tokens: readonly (readonly number[])[]): Promise<Tensor<'float32'>>
}

export interface DecoderOptions {
  /** What messages call the model. Default 'the model'. */
  readonly name?: string | undefined
  /** Whether a cache that the file has is used. Default true. */
  readonly cache?: boolean | undefined
}

/**
 * Opens a causal language model. Where its file has inputs for keys and values of earlier calls, each step reads the new tokens
 * only; else it reads all of them again.
 *
 * @throws ModelError `generate-not-decoder` for a classifier, an encoder, or what else does not continue texts; `model-inputs`.
 * @example
 * const decoder = await openDecoder(engine, model)
 * const logits = await decoder.begin().read([[464, 318]])
 */
export async function openDecoder(
  engine: Engine,
  model: Model,
  options: DecoderOptions = {},
): Promise<Decoder> {
  const { name = 'the model', cache = true } = options
  const graph = decodingGraph(model, name)
  const executable = await engine.load(graph.source)
  const run = async (rows: Rows, at: number, past: Past | undefined) => {
    const outputs = await executable.run(feedsFor(graph, rows, at, past))
    return {
      logits: required(outputs, LOGITS, 'output') as Tensor<'float32'>,
      past: new Map(
        graph.caches.map(({ info, present }) => [info.name, required(outputs, present, 'output')]),
      ),
    }
  }
  const [rows, length] = (graph.main.dims ?? []).map((dim) => (typeof dim === 'number' ? dim : undefined))
  const cached = cache && graph.caches.length > 0 && length === undefined
  const context = length ?? positionsOf(model)
  const forms: Forms = { rows, length }
  const begin = (): Decoding => {
    let before: readonly (readonly number[])[] = []
    let past: Past | undefined
    return {
      read: async (tokens) => {
        const all = tokens.map((row, at) => [...(before[at] ?? []), ...row])
        const length = itemAt(all, 0, 'sequence').length
        if (context !== undefined && length > context) throw tooLong(name, length, context)
        const fresh = cached && past ? tokens : all
        const known = cached && past ? length - itemAt(tokens, 0, 'sequence').length : 0
        const rows = { tokens: filledUp(fresh, forms), known, count: length }
        const found = await run(rows, itemAt(fresh, 0, 'sequence').length - 1, past)
        before = all
        if (cached) past = found.past
        return firstRows(found.logits, tokens.length)
      },
    }
  }
  try {
    const vocabulary = await checkDecoder(model, name, async (tokens) => {
      const rows = { tokens: filledUp([tokens], forms), known: 0, count: tokens.length }
      return firstRows((await run(rows, 0, undefined)).logits, 1)
    })
    return { cached, context, rows, vocabulary, begin, dispose: () => executable.dispose() }
  } catch (problem) {
    await executable.dispose()
    throw problem
  }
}

const tooLong = (name: string, length: number, context: number): UsageError =>
  new UsageError(
    'generate-context',
    `${name}: the model reads ${context} tokens at most, and ${length} were given. Shorten the text, or export the model with a longer context.`,
  )

interface Rows {
  /** [rows][tokens], filled up to what the file wants. */
  readonly tokens: readonly (readonly number[])[]
  /** Tokens that the cache holds. */
  readonly known: number
  /** Tokens that count, those of the cache among them. */
  readonly count: number
}

type Past = ReadonlyMap<string, Tensor>

/** Sizes that the file fixes. */
interface Forms {
  readonly rows: number | undefined
  readonly length: number | undefined
}

/** A file of a fixed length gets the rest of it behind the tokens, where a causal model does not look. */
function filledUp(
  tokens: readonly (readonly number[])[],
  { rows, length }: Forms,
): readonly (readonly number[])[] {
  const long = tokens.map((row) =>
    length === undefined ? row : [...row, ...new Array<number>(length - row.length).fill(0)],
  )
  if (rows === undefined || rows === tokens.length) return long
  if (tokens.length > rows) {
    throw new UsageError(
      'generate-context',
      `The model's file fixes the number of rows at ${rows}, and ${tokens.length} sequences were given.`,
    )
  }
  return Array.from({ length: rows }, (_, at) => long[at] ?? itemAt(long, 0, 'sequence'))
}

function feedsFor(graph: DecodingGraph, rows: Rows, at: number, past: Past | undefined): Map<string, Tensor> {
  const { tokens, known } = rows
  const length = itemAt(tokens, 0, 'sequence').length
  const each = (width: number, value: (row: number, place: number) => number, info: ValueInfo): Tensor =>
    fromNumbers(
      info.type,
      [tokens.length, width],
      tokens.flatMap((_, row) => Array.from({ length: width }, (__, place) => value(row, place))),
    )
  const feeds = new Map<string, Tensor>([[AT, fromNumbers('int64', [], [at])]])
  for (const info of graph.inputs) {
    const is = info.name === graph.main.name ? 'tokens' : tokenInput(info.name)
    const made = {
      tokens: () =>
        each(length, (row, place) => itemAt(itemAt(tokens, row, 'sequence'), place, 'token'), info),
      mask: () => each(known + length, (_, place) => (place < rows.count ? 1 : 0), info),
      types: () => each(length, () => 0, info),
      positions: () => each(length, (_, place) => known + place, info),
    }
    if (is) feeds.set(info.name, made[is]())
  }
  for (const { info } of graph.caches) {
    feeds.set(info.name, past?.get(info.name) ?? emptyCache(info, tokens.length))
  }
  if (graph.branch) feeds.set(graph.branch.info.name, fromNumbers('bool', [1], [past ? 1 : 0]))
  return feeds
}

/** Dims as `boundGraph` takes them: known ones stay, the first free one is the rows, the other the length. */
function emptyCache({ type, dims = [] }: ValueInfo, rows: number): Tensor {
  const free = dims.flatMap((dim, axis) => (typeof dim === 'string' ? [axis] : []))
  const length = free.at(-1)
  return fromNumbers(
    type,
    dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === length ? 0 : rows)),
    [],
  )
}

function firstRows(logits: Tensor<'float32'>, count: number): Tensor<'float32'> {
  const [rows = 0, width = 0] = logits.dims
  return rows === count
    ? logits
    : { ...logits, dims: [count, width], data: logits.data.subarray(0, count * width) }
}
