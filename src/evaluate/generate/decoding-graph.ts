import { type Loadable, loadable } from '../../engine/loadable.ts'
import { ModelError } from '../../errors.ts'
import { withoutBound } from '../../model/import/index.ts'
import { unfedInputs } from '../../model/inputs.ts'
import type { BoundInput, Model } from '../../model/model.ts'
import { plainNode, type ValueInfo } from '../../onnx/graph.ts'

/** A decoder as it is run token by token: with its cache, where its file has one. */
export interface DecodingGraph {
  readonly source: Loadable
  /** The tokens, and what is said of them. */
  readonly inputs: readonly ValueInfo[]
  readonly main: ValueInfo
  readonly caches: readonly Required<BoundInput>[]
  readonly branch: BoundInput | undefined
}

/** The input that says at which position the logits are wanted, and the output that holds them, [rows, tokens]. */
export const AT = 'decoding/at'
export const LOGITS = 'decoding/logits'

/**
 * The model's graph with its weights, the inputs of its cache, and the logits of one position.
 *
 * @throws ModelError `generate-not-decoder`, `model-inputs`.
 */
export function decodingGraph(model: Model, name: string): DecodingGraph {
  const { graph, input, output, bound = [] } = model
  checkForm(model, name)
  const released = bound.filter(({ role }) => role === 'cache' || role === 'branch')
  const fed = graph.inputs
  const whole = withoutBound(graph, released)
  const caches = released.flatMap((one) =>
    one.present === undefined ? [] : [{ ...one, present: one.present }],
  )
  const at: ValueInfo = { name: AT, type: 'int64', dims: [] }
  const outputs = whole.outputs.filter((info) => caches.some(({ present }) => present === info.name))
  const source = loadable(
    {
      ...whole,
      inputs: [...whole.inputs, at],
      outputs: [{ name: LOGITS, type: 'float32', dims: undefined }, ...outputs],
      initializers: new Map([...whole.initializers, ...model.parameters, ...model.buffers]),
      nodes: [...whole.nodes, plainNode('Gather', [output, AT], LOGITS, { axis: 1 })],
    },
    undefined,
    { opsets: model.opsets },
  )
  return {
    source,
    inputs: fed,
    main: input,
    caches,
    branch: released.find(({ role }) => role === 'branch'),
  }
}

/**
 * Holds what a file says of a model to what a decoder is.
 *
 * @throws ModelError `generate-not-decoder`, `model-inputs`.
 */
export function checkForm(model: Model, name: string): void {
  const problem = formProblem(model)
  if (problem !== undefined) throw notDecoder(name, problem)
  const [unfed] = unfedInputs(model)
  if (unfed) {
    throw new ModelError(
      'model-inputs',
      `${name}: the model reads "${unfed.name}" beside "${model.input.name}", and there is nothing to feed it with. Give that input a value (--bind), or export a decoder that needs no other model.`,
    )
  }
}

/** What in a model's input or answer is not as a decoder has it; undefined where nothing is. */
export function formProblem({ graph, input, output, binary }: Model): string | undefined {
  const answer = graph.outputs.find((info) => info.name === output)
  const rank = answer?.dims?.length
  if (!input.type.startsWith('int') || (input.dims !== undefined && input.dims.length !== 2)) {
    return `it reads "${input.name}" ${input.type}[${input.dims ?? 'any'}], and no token ids [rows, tokens]`
  }
  if (!binary && (rank === undefined || rank === 3)) return undefined
  return `"${answer?.name ?? output}" is [${answer?.dims ?? 'one number'}], one answer for a whole text`
}

/** A model that is none of those that continue a text. */
export const notDecoder = (name: string, found: string): ModelError =>
  new ModelError(
    'generate-not-decoder',
    `${name}: text can be continued by a decoder only, which gives logits of the next token at each position, [rows, tokens, vocabulary]; but ${found}. Classifiers and encoders cannot write; give the export of a causal language model.`,
  )
