import { ModelError } from '../../errors.ts'
import { type Graph, inputName, type Node, type ValueInfo } from '../../onnx/graph.ts'

/** Where a model's logits are found, and what answers from them. */
export interface FoundLogits {
  /** The value that holds the logits. */
  readonly logits: string
  /** The output of the file that they are the logits of. */
  readonly answer: ValueInfo | undefined
  /** Whether a sigmoid was taken of them: then one number a row stands for two classes. */
  readonly sigmoid: boolean
}

/**
 * The value before the last softmax or sigmoid: both keep the order of the logits, but a loss wants what they were taken of.
 *
 * @param asked The value that a caller names; a softmax of it is not looked behind.
 * @throws ModelError `model-output` when the logits cannot be told, or are not there.
 */
export function findLogits(graph: Graph, name: string, asked: string | undefined): FoundLogits {
  const produced = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node])))
  const answer = asked === undefined ? chosenOutput(graph, name) : namedOutput(graph, name, asked, produced)
  const one = answer !== undefined && isOneNumber(answer)
  const logits = one ? behindSigmoid(produced, answer.name) : undefined
  if (logits !== undefined) return { logits, answer, sigmoid: true }
  const output = asked ?? answer?.name ?? ''
  return { logits: asked === undefined ? beforeLast(produced, answer) : output, answer, sigmoid: false }
}

function chosenOutput({ outputs }: Graph, name: string): ValueInfo {
  const chosen =
    outputs.length === 1
      ? outputs[0]
      : outputs.find((output) => output.name === 'logits' || output.name.endsWith('_logits'))
  if (chosen) return chosen
  throw new ModelError(
    'model-output',
    `${name}: which of its outputs holds the logits? They are ${listed(outputs)}. Name one.`,
  )
}

/** A value inside the graph has no description. */
function namedOutput(
  { outputs }: Graph,
  name: string,
  asked: string,
  produced: ReadonlyMap<string, Node>,
): ValueInfo | undefined {
  if (!produced.has(asked)) {
    throw new ModelError(
      'model-output',
      `${name}: no node computes "${asked}". Its outputs are ${listed(outputs)}.`,
    )
  }
  return outputs.find((output) => output.name === asked)
}

const listed = (outputs: readonly ValueInfo[]): string =>
  outputs.map((output) => `"${output.name}"`).join(', ') || 'none'

/** One number a row: [N] or [N, 1]. */
export const isOneNumber = ({ dims }: ValueInfo): boolean =>
  dims !== undefined && (dims.length === 1 || (dims.length === 2 && dims[1] === 1))

/** Ops that change the dims of one number a row, and nothing of it. */
const moving: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

function behindSigmoid(produced: ReadonlyMap<string, Node>, output: string): string | undefined {
  let node = produced.get(output)
  while (node && moving.has(node.op)) node = produced.get(inputName(node, 0))
  return node?.op === 'Sigmoid' ? node.inputs[0] : undefined
}

function beforeLast(produced: ReadonlyMap<string, Node>, answer: ValueInfo | undefined): string {
  const output = answer?.name ?? ''
  const node = produced.get(output)
  const [from] = node?.inputs ?? []
  const softmax = node?.op === 'Softmax' || node?.op === 'LogSoftmax'
  // One answer a class, each by itself; dense maps are left as they are.
  const sigmoids = node?.op === 'Sigmoid' && answer?.dims?.length === 2
  return from !== undefined && (softmax || sigmoids) ? from : output
}
