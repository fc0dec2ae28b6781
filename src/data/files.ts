import { basename } from 'node:path'
import { DataError, UsageError } from '../errors.ts'
import { spanned } from '../spans.ts'
import { type AssembleOptions, assemble } from './assemble.ts'
import type { Dataset } from './dataset.ts'
import type { TableOptions } from './formats/index.ts'
import { imageCache } from './image-cache-files.ts'
import { imageFindings } from './images/index.ts'
import { memoryLimit } from './memory-limit-node.ts'
import { collectClasses } from './names/index.ts'
import type { LoadedData, ReadyPart } from './parts.ts'
import type { ReadOptions } from './read-options.ts'
import { fixedLength, prepared } from './ready-rows.ts'
import type { Source, Sources } from './sources/index.ts'
import { openSources, splitName } from './sources/index-files.ts'
import { padRows, rowLength } from './text/index.ts'

/** Rows read at a time when all are wanted. */
const rowsAtOnce = 2048

/**
 * Reads data from a file or folder, by what is there:
 * - a `.csv`, `.jsonl`, `.ndjson` or `.parquet` file: texts, images, numbers or words with labels, see {@link TableOptions};
 * - a folder with such files named for their split: `train.csv`, `test.jsonl`, `validation-00000-of-00002.parquet`, there or in `data/`;
 * - an image folder, `{train,test}/<class>/*` or `<class>/*`, or one with `metadata.csv|jsonl|parquet` and its column `file_name`;
 * - the four IDX files of MNIST (gzip or not);
 * - `.npz` or `.safetensors` (also named for their split) with x and y, or x_train, y_train, x_test, y_test; the same as `.npy` files.
 *
 * Splits are recognised by name (`val`, `valid` and `dev` are validation); what is not divided is `train`. With `split` only that
 * one is read: one of these, or any name that a file or folder bears. Rows keep the order of the file; files and classes are taken in
 * code-point order. Labels that are whole numbers are class indexes; texts become classes in code-point order, over all splits
 * together; Parquet files of the datasets library bring their classes' names and order.
 *
 * Images are uint8, [N, C, H, W] unless `input` says otherwise; texts string [N], or with a tokenizer int64 [N, T];
 * numbers float32 [N, columns].
 *
 * @returns All splits; with `split` that one alone.
 * @throws DataError `data-missing` when there is nothing at `path`, `data-unrecognised` when it is none of these, `split-missing`,
 * `data-too-large` when it would not fit `maxBytes` (see {@link streamRows}), and what the format's reader throws, always
 * with file and row. UsageError `tokenizer-missing` for lists of words without a tokenizer.
 * @example
 * const { train, test } = await readDataset('data/mnist')
 * const flowers = await readDataset('flowers/', { split: 'test', input: spec })
 */
export async function readDataset(
  path: string,
  options: ReadOptions & { readonly split: string },
): Promise<Dataset>
export async function readDataset(path: string, options?: ReadOptions): Promise<LoadedData>
export async function readDataset(
  path: string,
  asked: ReadOptions & { readonly split?: string } = {},
): Promise<Dataset | LoadedData> {
  return spanned('read data', () => readParts(path, asked), { file: basename(path) })
}

async function readParts(
  path: string,
  asked: ReadOptions & { readonly split?: string },
): Promise<Dataset | LoadedData> {
  const notes = new Set<string>()
  const options = { ...asked, onNote: onceEach(notes, asked.onNote) }
  const sources = await openSources(path, options, options.split)
  const wanted = new Map([['train', sourceOf(sources, options.split ?? 'train', path)]])
  if (options.split === undefined) for (const [split, source] of sources) wanted.set(split, source)
  const collector = collectClasses(options.classes)
  const splits = new Map<string, ReadyPart[]>()
  const room = memoryLimit(options.maxBytes, path, options.spill)
  const findings = imageFindings(options.skipBad)
  const cache = imageCache(options)
  const images = { findings, cache: cache.open, expect: room.expect }
  try {
    for (const [split, source] of wanted) {
      const parts: ReadyPart[] = []
      for await (const part of prepared(source, rowsAtOnce, options, `${path}, ${split} part`, images)) {
        if (!('data' in part.labels)) collector.add(part.labels)
        parts.push(room.hold(options.spill ? inRows(part, options) : part))
      }
      splits.set(split, parts)
    }
  } finally {
    await cache.close()
  }
  for (const note of findings.notes()) options.onNote(note)
  // Classes are those of all splits, also where one is asked for: which index a class has does not depend on that.
  if (options.split !== undefined) await collectFrom(without(sources, options.split), collector)
  const classes = collector.classes()
  for (const note of collector.notes()) options.onNote(`${path}: ${note}`)
  const tokens = [...splits.values()]
    .flat()
    .flatMap(({ inputs }) => ('tokens' in inputs ? inputs.tokens : []))
  const length = fixedLength(options) ?? rowLength(tokens, options.tokenizer?.limit)
  room.take(tokens.length * length * BigInt64Array.BYTES_PER_ELEMENT)
  const settings: AssembleOptions = {
    ...options,
    name: options.name ?? nameOf(path),
    length,
  }
  const loaded = [...splits].map(([split, parts]) => [split, assemble(parts, classes, settings)] as const)
  const { train, ...others } = Object.fromEntries(loaded)
  if (train === undefined) throw new DataError('data-empty', `${path}: there are no rows.`)
  const columns = splits.get('train')?.[0]?.columns
  return options.split === undefined ? { ...others, train, columns, notes: [...notes] } : train
}

/** Tokens as rows, where their length is settled: these can lie on disk. */
function inRows(part: ReadyPart, options: ReadOptions): ReadyPart {
  const { inputs } = part
  const length = fixedLength(options)
  if (!('tokens' in inputs) || length === undefined) return part
  return { ...part, inputs: padRows(inputs.tokens, length, options.tokenizer?.pad ?? 0) }
}

/** Hands each note on once: a file is gone through more than once. */
function onceEach(notes: Set<string>, onNote: ReadOptions['onNote']): (note: string) => void {
  return (note) => {
    if (notes.has(note)) return
    notes.add(note)
    onNote?.(note)
  }
}

/**
 * Reads one split as data sets of at most `chunk` rows, in order and in bounded memory: for data larger than that. The chunks together are
 * what {@link readDataset} gives, except that rows of tokens are as long as `maxLength`, or the model's limit, says.
 *
 * Where `classes` is not given, the labels are gone through once before.
 *
 * @param options.chunk Default 256.
 * @param options.split Default train.
 * @throws What {@link readDataset} throws; UsageError `chunk`, and `length-missing` when nothing says how long texts may get.
 * @example
 * for await (const rows of streamRows('photos/', { split: 'test', chunk: 128, input: spec })) await predict(rows)
 */
export async function* streamRows(
  path: string,
  asked: ReadOptions & { readonly split?: string | undefined; readonly chunk?: number | undefined } = {},
): AsyncGenerator<Dataset> {
  const options = { ...asked, onNote: onceEach(new Set(), asked.onNote) }
  const { chunk = 256, split = 'train' } = options
  if (!Number.isInteger(chunk) || chunk < 1) {
    throw new UsageError('chunk', `A chunk has a whole number of rows from 1 on, but it is ${chunk}.`)
  }
  const length = fixedLength(options) ?? options.tokenizer?.limit
  if (options.tokenizer && length === undefined) {
    throw new UsageError(
      'length-missing',
      `${path}: to stream texts, say how many tokens a row has (maxLength): neither the tokenizer nor the model limits them.`,
    )
  }
  const sources = await openSources(path, options, split)
  const source = sourceOf(sources, split, path)
  const collector = collectClasses(options.classes)
  await collectFrom([source, ...without(sources, split)], collector)
  const classes = collector.classes()
  const findings = imageFindings(options.skipBad)
  const settings = { ...options, length, name: options.name ?? nameOf(path) }
  const cache = imageCache(options)
  const images = { findings, cache: cache.open }
  try {
    for await (const part of prepared(source, chunk, options, `${path}, ${split} part`, images)) {
      if (options.classes && !('data' in part.labels)) collector.add(part.labels)
      yield assemble([part], classes, settings)
    }
  } finally {
    await cache.close()
  }
  for (const note of findings.notes()) options.onNote(note)
}

/** What a data set is called where nothing says. */
const nameOf = (path: string): string => basename(path.replace(/\.gz$/i, '')).replace(/(.)\.[^.]*$/, '$1')

function sourceOf(sources: Sources, split: string, path: string): Source {
  const source = sources.get(splitName(split)) ?? sources.get(split)
  if (source) return source
  throw new DataError(
    'split-missing',
    `${path}: there is no split '${split}'; there are ${[...sources.keys()].join(', ')}. Bring a part of that name, or give data that have one.`,
  )
}

const without = (sources: Sources, split: string): Source[] =>
  [...sources].flatMap(([name, source]) => (name === splitName(split) ? [] : [source]))

/** Goes through labels until the classes are settled: to the end, unless the caller or the first file names them. */
async function collectFrom(
  sources: readonly Source[],
  collector: ReturnType<typeof collectClasses>,
): Promise<void> {
  if (collector.named()) return
  for (const source of sources) {
    for await (const { labels } of source.parts(rowsAtOnce)) {
      if ('data' in labels) return
      collector.add(labels)
      if (collector.named()) return
    }
  }
}
