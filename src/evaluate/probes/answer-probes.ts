import type { AnswerProbe, ChoiceProbe, ProbeSet } from '../../data/probes/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { statedLength, vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, required } from '../../required.ts'
import { checkForm, continued, openDecoder, positionsOf } from '../generate/index.ts'
import { refuseLookingAhead } from '../looks-ahead.ts'
import { rowLosses } from '../row-losses.ts'
import { choiceAnswer, type ProbeAnswer, type WrittenAnswer } from './probe-answers.ts'
import { type ProbeRowsOptions, probeRows } from './probe-rows.ts'
import { type Continuation, continuationOf, type ProbeCodec } from './probe-tokens.ts'

export interface AnswerProbesOptions {
  /** What messages call the model. Default 'the model'. */
  readonly name?: string | undefined
}

/**
 * Asks a causal language model probes. A question's choices are scored by their log-likelihood behind the prompt, as
 * lm-evaluation-harness does (Gao et al. 2024): all of them in batches of about one length, of which only sums leave the runtime. Where a
 * prompt has one exact answer the model writes greedily, as many tokens as the answer has, and that is compared to it without the
 * white space around; see {@link continuationOf} for how texts become tokens.
 *
 * @returns An answer for each probe, in their order.
 * @throws DataError `probe-too-long` for more tokens than the model reads, `token-out-of-range`, `probe-prompt`, `probe-choice-empty`, with
 * the probe's place; ModelError `generate-not-decoder`, `model-looks-ahead`, `logits-not-finite`.
 * @example
 * const answers = await answerProbes(engine, model, tokenizer, await readProbes('facts.jsonl'))
 * probeScores(answers).choices?.accuracy
 */
export async function answerProbes(
  engine: Engine,
  model: Model,
  tokenizer: ProbeCodec,
  { probes }: ProbeSet,
  { name = 'the model' }: AnswerProbesOptions = {},
): Promise<readonly ProbeAnswer[]> {
  checkForm(model, name)
  const length = statedLength(model)
  const limits = [tokenizer.limit, positionsOf(model), length].filter((limit) => limit !== undefined)
  const context = limits.length > 0 ? Math.min(...limits) : undefined
  const shared = { engine, model, name, tokenizer }
  const how = { vocabulary: vocabularyOf(model), context, length, filler: tokenizer.filler }
  const choices = probes.filter((probe) => probe.kind === 'choice')
  const exact = probes.filter((probe) => probe.kind === 'answer')
  // All are made tokens of before any is run: what is wrong with one is told at once.
  const continuations = choices.map((probe) =>
    probe.choices.map((choice) => checked(probe, continuationOf(probe, choice, tokenizer), name, how)),
  )
  const answers = exact.map((probe) =>
    checked(probe, continuationOf(probe, probe.answer, tokenizer), name, how),
  )
  const found = new Map<string, ProbeAnswer>()
  for (const answer of await scored(choices, continuations, shared, how)) found.set(answer.probe.id, answer)
  for (const answer of await written(exact, answers, shared, context)) found.set(answer.probe.id, answer)
  return probes.map(({ id }) => required(found, id, 'answer of probe'))
}

interface Shared {
  readonly engine: Engine
  readonly model: Model
  readonly name: string
  readonly tokenizer: ProbeCodec
}

/** The last token is predicted, and not read. */
function checked(
  { place }: { readonly place: string },
  continuation: Continuation,
  name: string,
  { vocabulary, context }: ProbeRowsOptions,
): Continuation {
  const { ids, from } = continuation
  const strange = ids.find((id) => id < 0 || id >= vocabulary)
  if (strange !== undefined) {
    throw new DataError(
      'token-out-of-range',
      `${place}: token ${strange} is not one of the model's ${vocabulary} (0 to ${vocabulary - 1}). Is the tokenizer that of another model?`,
    )
  }
  if (context === undefined || ids.length - 1 <= context) return continuation
  throw new DataError(
    'probe-too-long',
    `${place}: the prompt has ${from} tokens and what follows it ${ids.length - from}, of which all but the last are read, but ${name} reads ${context} at most. Shorten the prompt, or leave the probe out: it is not cut, as what is asked might be lost.`,
  )
}

async function scored(
  probes: readonly ChoiceProbe[],
  continuations: readonly (readonly Continuation[])[],
  { engine, model, name }: Shared,
  options: ProbeRowsOptions,
): Promise<readonly ProbeAnswer[]> {
  const all = continuations.flat()
  const likelihoods = new Float64Array(all.length)
  for (const [group, { dataset, of }] of probeRows(all, options).entries()) {
    if (group === 0) await refuseLookingAhead(engine, model, dataset)
    const { nats } = await rowLosses(engine, model, dataset)
    for (const [row, at] of of.entries()) likelihoods[at] = -itemAt(nats, row, 'row')
  }
  let next = 0
  return probes.map((probe) => {
    const own = [...likelihoods.subarray(next, next + probe.choices.length)]
    next += probe.choices.length
    const broken = own.findIndex((value) => !Number.isFinite(value))
    if (broken < 0) return choiceAnswer(probe, own)
    throw new ModelError(
      'logits-not-finite',
      `${probe.place}: the log-likelihood that ${name} gives choice ${broken} is ${own[broken]}: its logits are not all finite numbers.`,
    )
  })
}

async function written(
  probes: readonly AnswerProbe[],
  continuations: readonly Continuation[],
  { engine, model, name, tokenizer }: Shared,
  context: number | undefined,
): Promise<readonly WrittenAnswer[]> {
  if (probes.length === 0) return []
  const stopTokens = tokenizer.eos === undefined ? [] : [tokenizer.eos]
  const decoder = await openDecoder(engine, model, { name })
  try {
    const answers: WrittenAnswer[] = []
    for (const [at, probe] of probes.entries()) {
      const { ids, from } = itemAt(continuations, at, 'continuation')
      const prompt = ids.slice(0, from)
      const own: number[] = []
      const maxTokens = ids.length - from
      for await (const { token } of continued(decoder, prompt, { maxTokens, stopTokens, context, name }))
        own.push(token)
      const text = (tokens: readonly number[]): string => textBehind(prompt, tokens, tokenizer).trim()
      const right = text(own) === text(ids.slice(from))
      answers.push({ probe, written: right ? probe.answer : text(own), right })
    }
    return answers
  } finally {
    await decoder.dispose()
  }
}

/** What tokens say behind others: the first one's space is as in the middle of a text. */
function textBehind(prompt: readonly number[], tokens: readonly number[], { decode }: ProbeCodec): string {
  const before = prompt.slice(-4)
  return tokens.length === 0 ? '' : decode([...before, ...tokens]).slice(decode(before).length)
}
