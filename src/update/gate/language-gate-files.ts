import { type PredictionSet, parsePredictionLines } from '../../data/formats/index.ts'
import { type Prompt, readProbes, readPrompts } from '../../data/probes/index-files.ts'
import { readOptionsOf } from '../../data/reading.ts'
import { readingFor } from '../../data/reading-files.ts'
import { UsageError } from '../../errors.ts'
import { present, required } from '../../required.ts'
import { answeredProbes } from '../answered-probes-files.ts'
import { answeredPrompts, pairedAnswers } from '../answered-prompts-files.ts'
import { type GateSources, gatePaths, type LoadedSides } from './gate-files.ts'
import type { AnsweredPrompt } from './language-gate.ts'
import type { LanguageFiles, LanguageKinds } from './language-kinds-files.ts'
import { loadTextGate, type TextGateInputs } from './text-gate-files.ts'

/** Answers to probes to be compared. */
export interface ProbeGateInputs {
  readonly baseline: PredictionSet
  readonly candidate: PredictionSet
  readonly golden: PredictionSet | undefined
}

/** What of language models is to be compared. */
export interface LanguageGateInputs {
  readonly texts: TextGateInputs | undefined
  readonly probes: ProbeGateInputs | undefined
  readonly prompts: readonly AnsweredPrompt[]
  /** What was recognised, altered or left out while models, texts and probes were read. */
  readonly notes: readonly string[]
}

/**
 * Reads what files say of language models, measures models on documents, and asks them probes.
 *
 * @throws ModelError `model-looks-ahead`, `logits-not-finite`; UsageError `tokenizer-missing`; and what reading documents and probes throws.
 */
export async function loadLanguageGate(
  sources: GateSources,
  models: LoadedSides,
  kinds: LanguageKinds,
): Promise<LanguageGateInputs> {
  // Probes are read first: what is wrong with them is said before anything is computed.
  const probes = kinds.probes ? await loadProbeGate(sources, models, kinds.files) : undefined
  const asked = sources.prompts === undefined ? undefined : await readPrompts(sources.prompts)
  const texts = kinds.texts ? await loadTextGate(sources, models, kinds.files) : undefined
  const prompts = asked ? await loadPrompts(asked, sources, models) : []
  const notes = [...kinds.notes, ...(probes?.notes ?? []), ...(texts?.notes ?? [])]
  return { texts, probes, prompts, notes: [...new Set(notes)] }
}

async function loadPrompts(
  prompts: readonly Prompt[],
  { engine, baseline, candidate, reading, promptTokens: maxTokens }: GateSources,
  models: LoadedSides,
): Promise<readonly AnsweredPrompt[]> {
  const written = async (path: string) => {
    const model = models.get(path)
    if (model) return answeredPrompts(engine, model, prompts, { tokenizer: reading?.tokenizer, maxTokens })
    throw new UsageError(
      'gate-prompts',
      `${path} holds what a model was found to answer, and new prompts need the model itself. Give models on both sides, or no prompts.`,
    )
  }
  const [before, after] = [await written(baseline), await written(candidate)]
  return pairedAnswers(prompts, before, after)
}

async function loadProbeGate(
  sources: GateSources,
  models: LoadedSides,
  files: LanguageFiles,
): Promise<ProbeGateInputs & { readonly notes: readonly string[] }> {
  const { engine, baseline, candidate, golden } = sources
  const notes = new Set<string>()
  const onNote = (note: string) => void notes.add(note)
  const asked =
    models.size === 0
      ? undefined
      : await readProbes(present(sources.probes, 'the probes of the gate'), {
          ...readOptionsOf(sources.reading ?? {}),
          onNote,
        })
  const sets = new Map<string, PredictionSet>()
  for (const path of gatePaths(sources)) {
    const file = files.get(path)
    if (file) {
      sets.set(path, parsePredictionLines(file.answers, path))
      continue
    }
    const { model, notes: found } = required(models, path, 'model')
    const how = await readingFor({ path, input: model.input }, sources.reading)
    for (const note of [...found, ...how.notes]) notes.add(note)
    const named = { name: path, model }
    const answered = await answeredProbes(engine, named, present(asked, 'probes'), how.options)
    sets.set(path, answered.predictions)
  }
  const of = (path: string) => required(sets, path, 'answers of')
  return {
    baseline: of(baseline),
    candidate: of(candidate),
    golden: golden === undefined ? undefined : of(golden),
    notes: [...notes],
  }
}
