import { stat } from 'node:fs/promises'
import { dirname, relative, sep } from 'node:path'
import { isPredictionFile, readText } from '../../data/formats/index-files.ts'
import { readingFor } from '../../data/reading-files.ts'
import { UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, present, required } from '../../required.ts'
import { foundAt } from '../../tensor/reads-files.ts'
import { measuredTexts } from '../measured-texts-files.ts'
import type { GateSources, LoadedSides } from './gate-files.ts'
import { isTextScore, parseTextScores, type TextScores } from './text-losses.ts'

/** The losses to be compared. */
export interface TextGateInputs {
  readonly baseline: TextScores
  readonly candidate: TextScores
  readonly golden: TextScores | undefined
  /** What was recognised, altered or left out while models and texts were read. */
  readonly notes: readonly string[]
}

/**
 * Whether a gate compares language models: its sides are decoders, or files of losses of documents.
 *
 * @throws UsageError `gate-kinds` where some are and some are not.
 */
export async function comparesTexts(sources: GateSources, models: LoadedSides): Promise<boolean> {
  const { baseline, candidate, golden } = sources
  const paths = [baseline, candidate, ...(golden === undefined ? [] : [golden])]
  const kinds = await Promise.all(
    paths.map(async (path) => {
      const side = models.get(path)
      return side ? answersTokens(side.model) : await holdsScores(path)
    }),
  )
  if (kinds.every((texts) => texts === kinds[0])) return kinds[0] === true
  const one = itemAt(paths, kinds.indexOf(true), 'side')
  const other = itemAt(paths, kinds.indexOf(false), 'side')
  throw new UsageError(
    'gate-kinds',
    `${one} is of a language model, whose losses on texts are compared, and ${other} is of a classifier, or of a model that predicts no next token. Give both sides of one kind.`,
  )
}

async function holdsScores(path: string): Promise<boolean> {
  // A file that is not there is told by whoever reads it, with the way out.
  if (!/\.(jsonl|ndjson)$/i.test(path) || !(await foundAt(path))?.isFile()) return false
  const text = await readText(path)
  return isTextScore(text.split('\n').find((line) => line.trim() !== '') ?? '')
}

/**
 * Reads files of losses, and measures language models on the documents.
 *
 * @throws ModelError `model-looks-ahead`, `logits-not-finite`; UsageError `tokenizer-missing`; and what reading documents throws.
 */
export async function loadTextGate(sources: GateSources, models: LoadedSides): Promise<TextGateInputs> {
  const { baseline, candidate, golden } = sources
  const notes = new Set<string>()
  const sets = new Map<string, TextScores>()
  for (const path of [baseline, candidate, ...(golden === undefined ? [] : [golden])]) {
    if (sets.has(path)) continue
    if (isPredictionFile(path)) {
      sets.set(path, parseTextScores(await readText(path), path))
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
  return others.some(({ documents }) =>
    documents.some(({ id, tokens }) => known.has(id) && known.get(id) !== tokens),
  )
}

/** A model's losses on the documents of the data, each in rows of its own. */
async function measure(
  path: string,
  model: Model,
  sources: GateSources,
): Promise<{ readonly scores: TextScores; readonly notes: readonly string[] }> {
  const { engine } = sources
  const data = present(sources.data, 'the data of the gate')
  const { options, notes } = await readingFor({ path, input: model.input }, sources.reading)
  const measured = await measuredTexts(engine, { name: path, model }, data, options)
  const folder = (await stat(data)).isDirectory() ? data : dirname(data)
  return {
    scores: {
      name: path,
      documents: measured.figures.documents.map(({ document, bytes, tokens, nats }) => ({
        id: nameIn(folder, document),
        ...{ bytes, tokens, bits: nats / Math.LN2 },
      })),
    },
    notes: [...notes, ...measured.notes],
  }
}

/** A document's place in the data, so that files of losses may be written in one place and read in another. */
const nameIn = (folder: string, place: string): string => relative(folder, place).replaceAll(sep, '/')
