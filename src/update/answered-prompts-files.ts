import type { Prompt } from '../data/probes/index-files.ts'
import type { Engine } from '../engine/engine.ts'
import { openLoadedWriter } from '../evaluate/generate/index-files.ts'
import type { LoadedModel } from '../model/import/index-files.ts'
import { itemAt } from '../required.ts'
import type { AnsweredPrompt } from './gate/index.ts'

/** How long answers are where nobody says, in tokens. */
export const promptTokens = 64

export interface AnswerPromptsOptions {
  /** A folder with tokenizer.json; default the model's. */
  readonly tokenizer?: string | undefined
  /** Tokens that an answer has at most; default 64. */
  readonly maxTokens?: number | undefined
}

/**
 * What a language model writes behind prompts, the likeliest token each time, as `generate` does without flags.
 *
 * @returns An answer for each, in their order.
 * @throws What `openWriterFile` and writing throw: `generate-not-decoder`, `tokenizer-missing`, `prompt-too-long`, `chat-template-missing`, …
 */
export async function answeredPrompts(
  engine: Engine,
  model: Pick<LoadedModel, 'model' | 'file'>,
  prompts: readonly Prompt[],
  { tokenizer, maxTokens = promptTokens }: AnswerPromptsOptions = {},
): Promise<readonly string[]> {
  const writer = await openLoadedWriter(engine, model, { tokenizer })
  try {
    const answers: string[] = []
    for (const { text } of prompts) {
      let answer = ''
      for await (const piece of writer.write(text, { maxTokens })) answer += piece
      answers.push(answer)
    }
    return answers
  } finally {
    await writer.dispose()
  }
}

/** What two models answered to the same prompts, side by side; both in the prompts' order. */
export const pairedAnswers = (
  prompts: readonly Prompt[],
  before: readonly string[],
  after: readonly string[],
): readonly AnsweredPrompt[] =>
  prompts.map((prompt, at) => ({
    prompt: shownPrompt(prompt),
    before: itemAt(before, at, 'answer'),
    after: itemAt(after, at, 'answer'),
  }))

/** A prompt as people read it: of a conversation each turn with who says it. */
export const shownPrompt = ({ text }: Prompt): string =>
  typeof text === 'string'
    ? text
    : text.map(({ role, content }) => `${role}: ${spokenBy(content)}`).join('\n')

const spokenBy = (content: unknown): string =>
  typeof content === 'string' ? content : (JSON.stringify(content) ?? '')
