import { stat } from 'node:fs/promises'
import {
  documentRowLength,
  type LoadedDocuments,
  renamedDocument,
  type TokenDocument,
  withTestDocuments,
} from '../../data/documents/index.ts'
import { readDocuments } from '../../data/documents/index-files.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import type { Reading } from '../../data/reading.ts'
import { readingFor } from '../../data/reading-files.ts'
import { fixedLength } from '../../data/ready-rows.ts'
import { openSpill } from '../../data/spill-files.ts'
import { defaultTestShare } from '../../data/test-share.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { positionsOf } from '../../evaluate/generate/index.ts'
import { readWanted, textsFor } from '../../evaluate/other-kind-files.ts'
import { withOpenUpdates } from '../../model/adapters/index-files.ts'
import { type Bindings, readBackOf } from '../../model/import/index.ts'
import type { LoadedModel } from '../../model/import/index-files.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { present } from '../../required.ts'
import { namesIn } from '../document-names-files.ts'
import { refuseLabelled } from '../labelled-rows-files.ts'
import { identify } from '../pack/index-files.ts'
import { readTextPack, tokenizerHash } from '../text-pack/index-files.ts'
import { type PackTexts, packTexts } from './pack-texts.ts'
import { separateDocuments } from './separate-documents.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import type { TextRows, TextUpdateData, TextUpdateOptions } from './text-update-types.ts'
import {
  type TextTrainingAsked,
  type WriteOldOptions,
  type Writing,
  type WrittenOld,
  writeOldTexts,
} from './write-old-texts.ts'

export interface TextUpdateSources {
  /** What the model writes its own texts with, where there are no old ones. */
  readonly engine: Engine
  /** An .onnx file of a decoder, or a folder as transformers.js lays it out. */
  readonly model: string
  /** New texts: a file or a folder. */
  readonly fresh: string
  /** Texts that the model knows already; `self`: those that it writes itself. */
  readonly old?: string | undefined
  /** A retention pack, instead of old texts. */
  readonly keep?: string | undefined
  /** Which fields hold documents, how long rows are, and so on; default: as found. */
  readonly reading?: Reading | undefined
  /**
   * Texts that the model writes itself where there are no old ones, 0 for none; default as many as are rehearsed. Where a number or `self` is
   * asked for, a model that cannot write is an error; else a note.
   */
  readonly selfWritten?: number | undefined
  readonly replayShare?: number | undefined
  /**
   * Seconds that the update is allowed: where no number of texts is asked for, the model writes as many as a third of them has room for, 20
   * at least. Default as many as are rehearsed.
   */
  readonly time?: number | undefined
  /** Whether the model writes a few texts only, to time it. Default false. */
  readonly sample?: boolean | undefined
  /** What `updateTexts` will be asked for: it says how many texts are rehearsed. Default: as it is by itself. */
  readonly training?: TextTrainingAsked | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /** Of low-rank updates that are added to layers of few bits. Default 16. */
  readonly rank?: number | undefined
  /** As the model was loaded. */
  readonly output?: string | undefined
  readonly bind?: Bindings | undefined
  readonly signal?: AbortSignal | undefined
  /** While the model writes. */
  readonly onWriting?: WriteOldOptions['onProgress']
}

/** All that an update of a language model needs, read. */
export interface LoadedTextUpdate extends LoadedModel {
  /** Whether the model came as a folder, and is to be written as one. */
  readonly folder: boolean
  readonly widened: Model
  /** The file as it was given: `file` may have room for updates beside layers of few bits. */
  readonly given: ModelFile
  /** For `updateTexts`. */
  readonly learner: Pick<TextUpdateOptions, 'model' | 'data' | 'rows' | 'stored' | 'updates'>
  /** Whether the texts to rehearse are written by the model itself. */
  readonly selfWritten: boolean
  /** What these take; where they are not, undefined. */
  readonly writing: Writing | undefined
  readonly notes: readonly string[]
}

/** What stands for texts that the model writes itself. */
export const SELF = 'self'

/** Of old texts without a test or validation part, the share that proves. */
const OLD_HELD_OUT = 0.5

/**
 * Reads the texts of an update. New documents are held out as `learn` does it: the test part, else the validation part, else a fifth. Old
 * ones prove by the test part, else the validation part, else a half; where there are both, validation orders candidates, and of new texts
 * it is what they are compared on.
 *
 * A model with layers of few bits gets low-rank updates beside them, at zero, which train in their place.
 *
 * @param deployed The model, which is loaded already.
 * @throws UsageError `tokenizer-missing`, `update-labelled`, `update-sources` for both old texts and a pack, `pack-mismatch`; DataError
 * `data-too-few`, `data-kind`; CheckpointError `pack-missing`; and what reading throws.
 * @example
 * const loaded = await loadModel('gpt/')
 * const { learner } = await loadTextUpdate({ engine, model: 'gpt/', fresh: 'manual/', old: 'texts/' }, loaded)
 * const result = await updateTexts({ engine, ...learner, budget: { unit: 'relative', maxChange: 0.02 } })
 */
export async function loadTextUpdate(
  sources: TextUpdateSources,
  deployed: LoadedModel,
): Promise<LoadedTextUpdate> {
  const { model: path, fresh, old, keep } = sources
  if (old !== undefined && keep !== undefined) {
    throw new UsageError('update-sources', 'Old data and a pack both say what is old: give one of them.')
  }
  const { rank = textUpdateDefaults.rank, seed = 0, output, bind } = sources
  const opened = await withOpenUpdates(deployed, { rank, seed, output, bind })
  const loaded = opened?.loaded ?? deployed
  const { model, file } = loaded
  const reading = await readingFor({ path: file.path, input: model.input }, sources.reading)
  const { tokenizerJson } = reading
  const spill = openSpill(reading.options.maxBytes)
  const options = { ...reading.options, spill }
  const added = await readParts(fresh, path, options)
  const known = old === undefined || old === SELF ? undefined : await readParts(old, path, options)
  const pack =
    keep === undefined
      ? undefined
      : packTexts(await readTextPack(keep), {
          ...{ place: keep, identity: identify(deployed), vocabulary: vocabularyOf(model) },
          tokenizer: tokenizerJson === undefined ? undefined : tokenizerHash(tokenizerJson),
        })
  const given: TextUpdateData = {
    ...newTexts(added, fresh),
    ...(known && oldTexts(known, present(old, 'old texts'))),
    ...pack?.data,
  }
  const rows = rowsFor(given, options, model, pack)
  const { data: found, notes: apart } = separateDocuments(given, rows.length)
  const written =
    known || pack
      ? undefined
      : await writtenTexts(sources, found, {
          ...{ model, rows, tokenizer: options.tokenizer },
          training: { ...sources.training, updates: opened?.updates },
        })
  const data = { ...found, ...written?.data }
  const laid = spill.note(known ? `${fresh}, ${old}` : fresh, 'tokens')
  return {
    ...loaded,
    folder: (await stat(path)).isDirectory(),
    widened: model,
    given: deployed.file,
    learner: {
      ...{ model, data, rows, updates: opened?.updates },
      stored: readBackOf(
        file.model,
        [...model.parameters.keys(), ...model.buffers.keys()],
        file.externalData,
      ),
    },
    selfWritten: data.exemplars !== undefined && written !== undefined,
    writing: written?.writing,
    notes: [
      ...[...loaded.notes, ...reading.notes, ...added.notes, ...(known?.notes ?? [])],
      ...[...(laid === undefined ? [] : [laid]), ...(pack?.notes ?? []), ...apart, ...(written?.notes ?? [])],
    ],
  }
}

/** Texts that the model writes itself, unless nobody wants any. */
async function writtenTexts(
  { engine, old, selfWritten, replayShare, time, sample, seed = 0, signal, onWriting }: TextUpdateSources,
  { train }: TextUpdateData,
  {
    tokenizer,
    ...known
  }: Pick<WriteOldOptions, 'model' | 'rows' | 'training'> & {
    readonly tokenizer: TextTokenizer | undefined
  },
): Promise<WrittenOld | undefined> {
  const unasked = old !== SELF && selfWritten === undefined
  if (selfWritten === 0 || replayShare === 0) return undefined
  return writeOldTexts(train, {
    ...{ engine, ...known, tokenizer: present(tokenizer, 'tokenizer'), documents: selfWritten },
    ...{ replayShare, time, sample, seed, signal, onProgress: onWriting, lenient: unasked },
  })
}

/** Documents by what they are called in the data. */
async function readParts(source: string, model: string, options: ReadOptions): Promise<LoadedDocuments> {
  await refuseLabelled(source, model, options, 'update')
  const { train, validation, test, notes } = await readWanted(source, textsFor(model), options, () =>
    readDocuments(source, options),
  )
  const nameOf = await namesIn(source)
  const named = (documents: readonly TokenDocument[]) =>
    documents.map((document) => renamedDocument(document, nameOf(document.place)))
  return {
    train: named(train),
    validation: validation && named(validation),
    test: test && named(test),
    notes,
  }
}

function newTexts(
  parts: LoadedDocuments,
  source: string,
): Pick<TextUpdateData, 'train' | 'check' | 'choose'> {
  const { train, test } = withTestDocuments(parts, {
    ...{ share: defaultTestShare, source },
    otherwise: 'or give more documents',
  })
  return { train, check: test, ...(parts.test && parts.validation && { choose: parts.validation }) }
}

function oldTexts(
  parts: LoadedDocuments,
  source: string,
): Pick<TextUpdateData, 'exemplars' | 'order' | 'heldOut'> {
  const { train, test } = withTestDocuments(parts, {
    ...{ share: OLD_HELD_OUT, source },
    otherwise: 'or give more documents',
  })
  return {
    exemplars: train,
    heldOut: test,
    ...(parts.test && parts.validation && { order: parts.validation }),
  }
}

/** With a pack rows are as its losses were measured. */
function rowsFor(
  { train, check, choose, exemplars, order, heldOut }: TextUpdateData,
  options: ReadOptions,
  model: Model,
  pack: PackTexts | undefined,
): TextRows {
  const tokenizer = present(options.tokenizer, 'tokenizer')
  const all = [train, check, choose, exemplars, order, heldOut].flatMap((documents) => documents ?? [])
  const limits = [tokenizer.limit, positionsOf(model)].filter((limit) => limit !== undefined)
  return {
    length: documentRowLength(all, {
      asked: pack?.rowLength ?? fixedLength(options),
      limit: limits.length > 0 ? Math.min(...limits) : undefined,
      pack: 'documents',
    }),
    ...{ tokenizer, pack: options.pack, overlap: pack?.overlap ?? options.overlap },
  }
}
