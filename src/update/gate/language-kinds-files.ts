import { readText } from '../../data/formats/index-files.ts'
import { UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import { itemAt } from '../../required.ts'
import { foundAt } from '../../tensor/reads-files.ts'
import { type GateSources, gatePaths, type LoadedSides } from './gate-files.ts'
import { lineKind } from './text-losses.ts'

/** What a file says of a language model, as JSON Lines; lines of the other kind are empty, so that places stay. */
interface LanguageFile {
  readonly losses: string
  readonly answers: string
}

/** The sides that are files, by their paths. */
export type LanguageFiles = ReadonlyMap<string, LanguageFile>

/** What of language models a gate compares. */
export interface LanguageKinds {
  readonly texts: boolean
  readonly probes: boolean
  readonly files: LanguageFiles
  /** What of the files is not compared. */
  readonly notes: readonly string[]
}

/**
 * What a gate compares of language models: their losses on documents, their answers to probes, or both; undefined where its sides are
 * classifiers. Sides are decoders, or files of losses and answers.
 *
 * @throws UsageError `gate-kinds` where sides are of several kinds, or have nothing in common that was asked for.
 */
export async function languageKinds(
  sources: GateSources,
  models: LoadedSides,
): Promise<LanguageKinds | undefined> {
  const paths = gatePaths(sources)
  const files = new Map<string, LanguageFile>()
  const kinds: boolean[] = []
  for (const path of paths) {
    const side = models.get(path)
    const file = side ? undefined : await languageFile(path)
    if (file) files.set(path, file)
    kinds.push(side ? answersTokens(side.model) : file !== undefined)
  }
  if (kinds.every((language) => !language)) return undefined
  if (kinds.includes(false)) throw otherKinds(paths, kinds)
  const { data, probes } = sources
  const all = (what: keyof LanguageFile) => [...files.values()].every((file) => holds(file, what))
  const texts = models.size > 0 ? data !== undefined : all('losses')
  const asked = models.size > 0 ? probes !== undefined : all('answers')
  if (!texts && !asked) throw nothingShared(files)
  for (const [path, file] of files) {
    if (texts && !holds(file, 'losses')) throw lacking(path, 'losses')
    if (asked && !holds(file, 'answers')) throw lacking(path, 'answers')
  }
  const left = (what: keyof LanguageFile, compared: boolean, flag: string) =>
    [...files].flatMap(([path, file]) =>
      compared || !holds(file, what)
        ? []
        : [
            `${path} holds ${words[what]}, too; they are not compared${models.size > 0 ? `: ${flag} is not given` : ', as another file has none'}.`,
          ],
    )
  return {
    ...{ texts, probes: asked, files },
    notes: [...left('losses', texts, '--data'), ...left('answers', asked, '--probes')],
  }
}

const words = { losses: 'losses on documents', answers: 'answers to probes' } as const

const holds = (file: LanguageFile, what: keyof LanguageFile): boolean => file[what].trim() !== ''

async function languageFile(path: string): Promise<LanguageFile | undefined> {
  // A file that is not there is told by whoever reads it, with the way out.
  if (!/\.(jsonl|ndjson)$/i.test(path) || !(await foundAt(path))?.isFile()) return undefined
  const lines = (await readText(path)).replace(/^\uFEFF/, '').split('\n')
  if (lineKind(lines.find((line) => line.trim() !== '') ?? '') === undefined) return undefined
  // What is neither is in both: who reads it says what is wrong with it.
  const without = (kind: 'loss' | 'answer') =>
    lines.map((line) => (lineKind(line) === kind ? '' : line)).join('\n')
  const [losses, answers] = [without('answer'), without('loss')]
  return { losses, answers }
}

function otherKinds(paths: readonly string[], kinds: readonly boolean[]): UsageError {
  const one = itemAt(paths, kinds.indexOf(true), 'side')
  const other = itemAt(paths, kinds.indexOf(false), 'side')
  return new UsageError(
    'gate-kinds',
    `${one} is of a language model, whose losses on texts and answers to probes are compared, and ${other} is of a classifier, or of a model that predicts no next token. Give both sides of one kind.`,
  )
}

function nothingShared(files: LanguageFiles): UsageError {
  const said = [...files].map(
    ([path, file]) => `${path} holds ${words[holds(file, 'losses') ? 'losses' : 'answers']}`,
  )
  return new UsageError(
    'gate-kinds',
    `There is nothing to compare: ${said.join(', ')}. Give files of the same, or a model with --data or --probes.`,
  )
}

const lacking = (path: string, what: keyof LanguageFile): UsageError =>
  new UsageError(
    'gate-kinds',
    `${path} holds no ${words[what]}, which ${what === 'losses' ? '--data' : '--probes'} asks for. Write it anew with --save-predictions of a gate with both flags, or leave the flag out.`,
  )
