import { tokenInput } from '../../model/inputs.ts'
import { knownTokens } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { inputName } from '../../onnx/graph.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { formProblem, notDecoder } from './decoding-graph.ts'

/**
 * Holds a model to what a decoder is: it gives a number for each token that it knows, and what it says at a position does
 * not depend on the tokens behind. Two short rows show that.
 *
 * @param first The logits of the first position of a row of tokens.
 * @returns How many tokens it gives logits for.
 * @throws ModelError `generate-not-decoder`.
 */
export async function checkDecoder(
  model: Model,
  name: string,
  first: (tokens: readonly number[]) => Promise<Tensor<'float32'>>,
): Promise<number> {
  const one = await first([0, 1])
  if (one.dims.length !== 2) {
    throw notDecoder(name, `"${model.output}" gives [${one.dims}] where one position is taken out of it`)
  }
  const [, width = 0] = one.dims
  const known = tableRows(model, model.input.name)
  if (known !== undefined && width < known) {
    throw notDecoder(
      name,
      `"${model.output}" gives ${width} numbers for a token, and the model knows ${known} tokens`,
    )
  }
  if (width < 3) return width
  const other = await first([0, 2])
  const size = Math.hypot(...few(one.data))
  const change = Math.hypot(...few(one.data.map((value, at) => value - (other.data[at] ?? Number.NaN))))
  if (change <= 1e-3 * size) return width
  throw notDecoder(name, 'what it says of a token changes with the tokens behind it, as in an encoder')
}

/** Enough of the numbers, and no more than can be handed over at once. */
const few = (values: Float32Array): Float32Array => values.subarray(0, 4096)

/** How many tokens a decoder reads at most: the rows of the table of positions, where these are an input. */
export function positionsOf(model: Model): number | undefined {
  const input = model.graph.inputs.find(({ name }) => tokenInput(name) === 'positions')
  return input && tableRows(model, input.name)
}

/**
 * Whether a model answers with tokens, by what its file says: it gives numbers for each token of a text, as many as the table
 * of tokens that it reads has rows. Where there is no such table, one without names for its classes does. A masked language
 * model does, too.
 */
export function answersTokens(model: Model): boolean {
  if (formProblem(model) !== undefined) return false
  // Only what writes token by token keeps what it has read; in a merged file the table of tokens lies in the branches.
  if (model.bound?.some(({ role }) => role === 'cache')) return true
  const [answers, known] = [knownTokens(model), tableRows(model, model.input.name)]
  return answers === undefined || known === undefined ? model.classes.length === 0 : answers >= known
}

/** Rows of the table that the numbers of an input are looked up in: tokens, positions. Undefined where none is found. */
function tableRows({ graph, parameters }: Model, input: string): number | undefined {
  const tokens = new Set([input])
  for (const node of graph.nodes) {
    const { op, outputs } = node
    const [first, second] = [inputName(node, 0), inputName(node, 1)]
    if (handsOn.has(op) && tokens.has(first)) for (const output of outputs) tokens.add(output)
    const table =
      op === 'Gather' && tokens.has(second)
        ? (parameters.get(first) ?? graph.initializers.get(first))
        : undefined
    if (table) return table.dims[0]
  }
  return undefined
}

/** Ops whose output holds the same numbers. */
const handsOn: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])
