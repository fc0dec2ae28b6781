import { readingFor } from '../../data/reading-files.ts'
import type { Model } from '../../model/model.ts'
import { present, required } from '../../required.ts'
import { copiedDocuments } from '../copied-documents.ts'
import { namesIn } from '../document-names-files.ts'
import { measuredTexts } from '../measured-texts-files.ts'
import { tokenizerHash } from '../text-pack/index-files.ts'
import { type GateSources, gatePaths, type LoadedSides } from './gate-files.ts'
import type { LanguageFiles } from './language-kinds-files.ts'
import { otherTokenizers } from './text-comparison.ts'
import { parseTextScores, type TextScores, textScores } from './text-losses.ts'

/** The losses to be compared. */
export interface TextGateInputs {
  readonly baseline: TextScores
  readonly candidate: TextScores
  readonly golden: TextScores | undefined
  /** What was recognised, altered or left out while models and texts were read. */
  readonly notes: readonly string[]
}

/**
 * Reads files of losses, and measures language models on the documents.
 *
 * @throws ModelError `model-looks-ahead`, `logits-not-finite`; UsageError `tokenizer-missing`; and what reading documents throws.
 */
export async function loadTextGate(
  sources: GateSources,
  models: LoadedSides,
  files: LanguageFiles,
): Promise<TextGateInputs> {
  const { baseline, candidate, golden } = sources
  const notes = new Set<string>()
  const sets = new Map<string, TextScores>()
  for (const path of gatePaths(sources)) {
    const file = files.get(path)
    if (file) {
      sets.set(path, parseTextScores(file.losses, path))
      continue
    }
    const side = required(models, path, 'model')
    for (const note of side.notes) notes.add(note)
    const measured = await measure(path, side.model, sources)
    for (const note of measured.notes) notes.add(note)
    sets.set(path, measured.scores)
  }
  const of = (path: string) => required(sets, path, 'losses of')
  const found = [of(baseline), of(candidate), ...(golden === undefined ? [] : [of(golden)])]
  if (tokensDiffer(found)) {
    notes.add(
      'the sides cut the documents to other tokens: bits per byte compare, as bytes are the same, and perplexities do not.',
    )
  }
  return {
    baseline: of(baseline),
    candidate: of(candidate),
    golden: golden === undefined ? undefined : of(golden),
    notes: [...notes],
  }
}

function tokensDiffer([first, ...others]: readonly TextScores[]): boolean {
  const known = new Map(first?.documents.map(({ id, tokens }) => [id, tokens]))
  return others.some(
    (set) =>
      (first && otherTokenizers(first, set)) ||
      set.documents.some(({ id, tokens }) => known.has(id) && known.get(id) !== tokens),
  )
}

/** What a tokenizer makes of a text: how long texts may be, which tools write in with them, is no part of that. */
const tokensOf = (json: string): string =>
  tokenizerHash(JSON.stringify({ ...JSON.parse(json), truncation: null, padding: null }))

/** A model's losses on the documents of the data, each in rows of its own. */
async function measure(
  path: string,
  model: Model,
  sources: GateSources,
): Promise<{ readonly scores: TextScores; readonly notes: readonly string[] }> {
  const { engine } = sources
  const data = present(sources.data, 'the data of the gate')
  const { options, notes, tokenizerJson } = await readingFor({ path, input: model.input }, sources.reading)
  const measured = await measuredTexts(engine, { name: path, model }, data, options)
  return {
    scores: {
      ...textScores(path, measured.figures.documents, {
        ...{ nameOf: await namesIn(data), copies: copiedDocuments(measured.dataset) },
      }),
      tokenizer: tokenizerJson === undefined ? undefined : tokensOf(tokenizerJson),
    },
    notes: [...notes, ...measured.notes],
  }
}
