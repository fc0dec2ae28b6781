import { basename } from 'node:path'
import {
  documentRowLength,
  renamedDocument,
  type TokenDocument,
  withTestDocuments,
} from '../../data/documents/index.ts'
import { readDocuments } from '../../data/documents/index-files.ts'
import type { Reading } from '../../data/reading.ts'
import { readingFor } from '../../data/reading-files.ts'
import { fixedLength } from '../../data/ready-rows.ts'
import { sha256 } from '../../data/sha256.ts'
import { openSpill } from '../../data/spill-files.ts'
import { defaultTestShare } from '../../data/test-share.ts'
import { UsageError } from '../../errors.ts'
import { positionsOf } from '../../evaluate/generate/index.ts'
import type { Bindings } from '../../model/import/index.ts'
import { type LoadedModel, loadModel } from '../../model/import/index-files.ts'
import { present } from '../../required.ts'
import { versions } from '../../train/folders/index-files.ts'
import { namesIn } from '../document-names-files.ts'
import { refuseLabelled } from '../labelled-rows-files.ts'
import { identify } from '../pack/index-files.ts'
import { extendedLength, extendTexts, otherTokenizer } from './extend-texts.ts'
import { type KeepTextsOptions, type KeptTexts, keepTexts } from './keep-texts.ts'
import { mergeTextPacks } from './merge-texts.ts'
import type { TextPack } from './text-pack.ts'
import { readTextPack, writeTextPack } from './text-pack-files.ts'

export interface KeepTextSources
  extends Pick<
    KeepTextsOptions,
    'engine' | 'budget' | 'topTokens' | 'heldOutDocuments' | 'seed' | 'onProgress'
  > {
  /** An .onnx file of a decoder, or a folder as transformers.js lays it out. */
  readonly model: string
  /** A file or a folder of texts; exemplars come from its training part. */
  readonly data: string
  /** The pack's file. */
  readonly out: string
  /** The value that holds the logits, where the model's file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name, as `modelFromOnnx` takes them. */
  readonly bind?: Bindings | undefined
  /** Which fields hold documents, how long rows are, and so on; default: as found. */
  readonly reading?: Reading | undefined
}

/** A pack of texts that was written. */
export interface WrittenTextPack extends KeptTexts {
  readonly file: string
  readonly bytes: number
  readonly seconds: number
}

/**
 * Makes a language model's retention pack and writes it; see {@link keepTexts}. Documents are held out of the texts' test part, else of their
 * validation part, else a fifth of all, as `learn` holds them out.
 *
 * @param given The model, where it is loaded.
 * @throws UsageError `tokenizer-missing`, `keep-labelled`; DataError `data-too-few`; and what {@link keepTexts}, {@link writeTextPack}, and
 * reading model and texts throw.
 * @example
 * await keepTextFile({ engine, model: 'gpt/', data: 'kjv/', out: 'gpt.keep' })
 */
export const keepTextFile = (sources: KeepTextSources, given?: LoadedModel): Promise<WrittenTextPack> =>
  written(sources.out, async () => {
    const { options, notes, wanted } = await readTexts(sources, given)
    const { overlap } = sources.reading?.documents ?? {}
    const kept = await keepTexts({ ...sources, ...options, rowLength: wanted.length, overlap })
    return { pack: kept.pack, notes: [...notes, ...kept.notes] }
  })

/**
 * Extends a pack after an update, `model` being the updated model and `data` what it has learned; see {@link extendTexts}.
 *
 * @throws UsageError `pack-mismatch`; and what {@link extendTexts}, {@link readTextPack}, {@link writeTextPack}, and reading model and texts
 * throw.
 * @example
 * await extendTextFile('gpt.keep', { engine, model: 'better/', data: 'manual/', out: 'next.keep' })
 */
export const extendTextFile = (
  path: string,
  sources: KeepTextSources,
  given?: LoadedModel,
): Promise<WrittenTextPack> =>
  written(sources.out, async () => {
    const pack = await readTextPack(path)
    const { options, notes, wanted } = await readTexts(sources, given, pack)
    const { overlap } = sources.reading?.documents ?? {}
    if (overlap !== undefined && overlap > 0 && overlap !== pack.overlap) {
      throw new UsageError(
        'pack-mismatch',
        `${path}: the pack was made with rows that overlap by ${pack.overlap}, and what it measured is not comparable with rows that do by ${overlap}: leave that out (overlap), or make the pack anew.`,
      )
    }
    const rowLength = extendedLength(pack, wanted.length, wanted.asked)
    const kept = await extendTexts({ ...sources, ...options, pack, rowLength })
    return { pack: kept.pack, notes: [...notes, ...kept.notes] }
  })

/**
 * Merges packs of one language model; see {@link mergeTextPacks}.
 *
 * @throws UsageError `keep-merge` for fewer than two; and what {@link mergeTextPacks}, {@link readTextPack} and {@link writeTextPack} throw.
 */
export const mergeTextFiles = (paths: readonly string[], out: string): Promise<WrittenTextPack> =>
  written(out, async () => {
    const [first, ...others] = await Promise.all(paths.map(readTextPack))
    if (!first || others.length === 0) {
      throw new UsageError('keep-merge', `Two or more packs are needed to merge; ${paths.length} were given.`)
    }
    const pack = others.reduce(mergeTextPacks, first)
    const gone = !pack.answers && [first, ...others].some(({ answers }) => answers)
    return { pack, notes: gone ? [answersGone] : [] }
  })

const answersGone =
  'One of the packs has no answers of its model, so that the merged one has none: they would be those of some of the documents.'

async function written(file: string, make: () => Promise<KeptTexts>): Promise<WrittenTextPack> {
  const began = performance.now()
  const kept = await make()
  const bytes = await writeTextPack(file, kept.pack)
  return { ...kept, file, bytes, seconds: (performance.now() - began) / 1000 }
}

/** The SHA-256 of a tokenizer.json, by which a pack knows the tokenizer of its documents. */
export const tokenizerHash = (json: string): string => sha256().update(json).hex()

/** @param pack The one that is extended: its tokenizer has to be the model's. */
async function readTexts(sources: KeepTextSources, given?: LoadedModel, pack?: TextPack) {
  const { model: path, data, output, bind, engine } = sources
  const loaded = given ?? (await loadModel(path, { output, bind }))
  const { model } = loaded
  const reading = await readingFor({ path: loaded.file.path, input: model.input }, sources.reading)
  const { tokenizer } = reading.options
  const hash = reading.tokenizerJson && tokenizerHash(reading.tokenizerJson)
  if (pack && hash !== undefined && hash !== pack.tokenizer) throw otherTokenizer(pack, path)
  await refuseLabelled(data, path, reading.options, 'keep')
  const spill = openSpill(reading.options.maxBytes)
  const found = await readDocuments(data, { ...reading.options, spill })
  const share = sources.heldOutDocuments === 0 ? 0 : defaultTestShare
  const divided = withTestDocuments(found, {
    ...{ share, source: data, otherwise: 'or hold none out (--held-out 0)' },
  })
  const nameOf = await namesIn(data)
  const named = (documents: readonly TokenDocument[]) =>
    documents.map((document) => renamedDocument(document, nameOf(document.place)))
  const limits = [tokenizer?.limit, positionsOf(model)].filter((limit) => limit !== undefined)
  const asked = fixedLength(reading.options)
  const { train } = divided
  const heldOut = divided.test === train ? undefined : divided.test
  return {
    options: {
      ...{ model, identity: identify(loaded), versions: versions(engine), name: basename(data) },
      tokenizer: {
        sha256: present(hash, 'tokenizer.json'),
        filler: present(tokenizer, 'tokenizer').filler,
      },
      ...{ train: named(train), heldOut: heldOut && named(heldOut) },
    },
    wanted: {
      length: documentRowLength([...train, ...(heldOut ?? [])], {
        ...{ asked, pack: 'documents', limit: limits.length > 0 ? Math.min(...limits) : undefined },
      }),
      asked,
    },
    notes: [...loaded.notes, ...reading.notes, ...found.notes].concat(spill.note(data, 'tokens') ?? []),
  }
}
