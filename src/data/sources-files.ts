import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { DataError } from '../errors.ts'
import { readNpy, readNpz } from '../tensor/npy.ts'
import { readSafetensors } from '../tensor/safetensors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { idxDataset, idxLength, partsOfArrays, type TableOptions } from './formats/index.ts'
import { reading, readUnpacked, unpackedLimit } from './formats/index-files.ts'
import { type ImageListing, listClassFolders, listImages, visibleFolders } from './images/index-files.ts'
import { preview, sorted } from './names/index.ts'
import type { RawPart } from './parts.ts'
import { rowCount, takeRows } from './rows.ts'
import { labelled, tableParts } from './table-source-files.ts'
import { tableReader, tableStem } from './tables/index-files.ts'

/** The rows of one split, not read yet. */
export interface Source {
  /** Parts of at most `rows` rows, in order, read as they are asked for. */
  readonly parts: (rows: number) => AsyncGenerator<RawPart>
}

/** How sources are read: what tables are told, and what is known beforehand. */
export interface SourceOptions extends TableOptions {
  readonly classes?: readonly string[] | undefined
  /** The most bytes that a packed file may unpack to; default a quarter of the machine's memory. */
  readonly maxBytes?: number | undefined
}

/** The splits that were found at a place, by name: train, validation, test, or the name asked for. */
export type Sources = ReadonlyMap<string, Source>

/** What each split may be called in a file's or folder's name. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test', 'testing'],
}

/** The name that a split goes by here: `val` is `validation`. */
export function splitName(name: string): string {
  const lower = name.toLowerCase()
  return Object.keys(spellings).find((split) => spellings[split]?.includes(lower)) ?? name
}

const arrayExtensions = ['.npz', '.safetensors']

/**
 * Finds the data at `path`, without reading the rows.
 *
 * @param split A split's name, where it may be another than train, validation and test.
 * @throws DataError `data-missing`, `data-unrecognised`, `idx-incomplete`, `shards-missing`, `image-folder`.
 */
export async function openSources(path: string, options: SourceOptions, split?: string): Promise<Sources> {
  const found = await stat(path).catch((error: unknown) => {
    throw new DataError('data-missing', `${path}: there is no such file or folder.`, { cause: error })
  })
  const extension = extname(path).toLowerCase()
  if (found.isDirectory()) return openFolder(path, options, split)
  if (tableReader(path)) return new Map([['train', tableSource([path], options)]])
  if (arrayExtensions.includes(extension)) return arraySources(await readArrays(path, options), path, options)
  throw new DataError(
    'data-unrecognised',
    `${path}: expected a .csv, .tsv, .json, .jsonl, .parquet, .npz or .safetensors file, or a folder, found ${extension ? `a ${extension} file` : 'a file without extension'}.`,
  )
}

async function openFolder(
  folder: string,
  options: SourceOptions,
  split: string | undefined,
): Promise<Sources> {
  const names = await readdir(folder)
  const idx = await openIdx(folder, new Set(names), options)
  if (idx) return idx
  const files =
    (await openSplitFiles(folder, names, options, split)) ?? (await openInside(folder, options, split))
  if (files) return files
  const arrays = names.filter((file) => /^[xy](_train|_val|_test)?\.npy$/.test(file))
  if (arrays.length > 0) {
    const found = new Map<string, Tensor>()
    for (const file of arrays) {
      const path = join(folder, file)
      found.set(basename(file, '.npy'), await reading(path, async () => readNpy(await readFile(path), path)))
    }
    return arraySources(found, folder, options)
  }
  const images = await openImages(folder, options, split)
  if (images) return images
  throw new DataError(
    'data-unrecognised',
    `${folder}: expected MNIST's IDX files, train.csv, train.jsonl or train.parquet (also in data/), metadata.csv or metadata.jsonl, x.npy and y.npy, or folders of images named for their classes; found ${names.slice(0, 8).join(', ') || 'nothing'}.`,
  )
}

/** Hugging Face's layouts keep the files one folder down: in `data`, or in the only folder there is. */
async function openInside(
  folder: string,
  options: SourceOptions,
  split: string | undefined,
): Promise<Sources | undefined> {
  const folders = await visibleFolders(folder)
  const inner = folders.includes('data') ? 'data' : folders.length === 1 ? folders[0] : undefined
  if (inner === undefined) return undefined
  const path = join(folder, inner)
  return openSplitFiles(path, await readdir(path), options, split)
}

/** Files named for their split, `train.csv` or `train-00000-of-00003.parquet`, and metadata of images. */
async function openSplitFiles(
  folder: string,
  names: readonly string[],
  options: SourceOptions,
  wanted: string | undefined,
): Promise<Sources | undefined> {
  const bySplit = new Map<string, string[]>()
  for (const name of sorted(names)) {
    const split = splitOfFile(tableStem(name), wanted)
    const known = tableReader(name) ?? arrayExtensions.includes(extname(name).toLowerCase())
    if (split === undefined || !known) continue
    bySplit.set(split, [...(bySplit.get(split) ?? []), name])
  }
  const sources = new Map<string, Source>()
  const train = pathsOf(folder, bySplit.get('train'))
  for (const [split, files] of bySplit) {
    checkShards(folder, files)
    const paths = pathsOf(folder, files)
    const [first = ''] = paths
    if (tableReader(first)) {
      const asked = wanted !== undefined && splitName(wanted) === split
      if (!asked && split !== 'train' && (await lacksLabels(paths, train, options))) continue
      sources.set(split, tableSource(paths, options))
    } else {
      const source = (await arraySources(await readArrays(first, options), first, options)).get('train')
      if (source) sources.set(split, source)
    }
  }
  if (sources.size > 0) return sources
  const metadata = metadataSource(folder, names, options)
  return metadata && new Map([['train', metadata]])
}

const pathsOf = (folder: string, files: readonly string[] = []): string[] =>
  files.map((file) => join(folder, file))

/** Whether a part has no labels though the training part has them, as competitions publish their test part. It is left out then, and that is said. */
async function lacksLabels(
  paths: readonly string[],
  train: readonly string[],
  options: SourceOptions,
): Promise<boolean> {
  const [first = ''] = train
  if (options.unlabelled || !tableReader(first)) return false
  if ((await labelled(paths, options)) || !(await labelled(train, options))) return false
  options.onNote?.(
    `${paths.join(', ')}: there is no column of labels as in ${first}, so this part is left out.`,
  )
  return true
}

/** A table that names the images beside it, as Hugging Face's image folders have it. */
function metadataSource(
  folder: string,
  names: readonly string[],
  options: SourceOptions,
): Source | undefined {
  const found = sorted(names.filter((name) => /^metadata\.((csv|tsv|jsonl)(\.gz)?|parquet)$/.test(name)))
  if (found.length === 0) return undefined
  checkShards(folder, found)
  return tableSource(
    found.map((name) => join(folder, name)),
    options,
  )
}

function splitOfFile(stem: string, wanted: string | undefined): string | undefined {
  const name = stem.replace(/-\d+-of-\d+$/, '')
  if (wanted !== undefined && name === wanted) return splitName(wanted)
  const split = splitName(name)
  return Object.hasOwn(spellings, split) ? split : undefined
}

/** A split is one file, or all of its shards `-00000-of-00003`. */
function checkShards(folder: string, files: readonly string[]): void {
  const counts = files.map((file) => /-\d+-of-(\d+)\.[^.]+$/.exec(file)?.[1])
  const [count] = counts
  if (files.length === Number(count ?? 1) && counts.every((other) => other === count)) return
  throw new DataError(
    'shards-missing',
    count === undefined
      ? `${folder}: ${files.join(', ')} could each be the same split. Leave one of them there.`
      : `${folder}: expected ${Number(count)} files of one split, found ${files.length}: ${files.slice(0, 4).join(', ')}. Fetch what is missing and remove what does not belong.`,
  )
}

const tableSource = (paths: readonly string[], options: SourceOptions): Source => ({
  parts: (rows) => tableParts(paths, rows, options),
})

async function readArrays(path: string, { maxBytes }: SourceOptions): Promise<Map<string, Tensor>> {
  const bytes = await reading(path, () => readFile(path))
  if (extname(path).toLowerCase() === '.npz')
    return readNpz(bytes, path, { maxBytes: maxBytes ?? unpackedLimit() })
  return new Map(readSafetensors(bytes, path).tensors)
}

function arraySources(arrays: ReadonlyMap<string, Tensor>, path: string, options: SourceOptions): Sources {
  const parts = partsOfArrays(arrays, path, options)
  return new Map([...parts].map(([part, raw]) => [part, tensorSource(raw)]))
}

/** Rows that are in memory already. */
function tensorSource({ inputs, labels }: RawPart): Source {
  return {
    async *parts(rows) {
      if (!('data' in inputs)) return
      const count = rowCount(inputs)
      for (let start = 0; start < count; start += rows) {
        const end = Math.min(start + rows, count)
        const indices = Int32Array.from({ length: end - start }, (_, row) => start + row)
        const part = 'kind' in labels && labels.kind === 'classification'
        yield {
          inputs: takeRows(inputs, indices),
          labels: part
            ? {
                ...labels,
                values: labels.values.slice(start, end),
                locate: (row) => labels.locate(start + row),
              }
            : 'data' in labels
              ? takeRows(labels, indices)
              : labels,
        }
      }
    },
  }
}

/** Image folders: `{train,test}/<class>/*`, `{train,test}/metadata.csv`, or `<class>/*`; without labels images in the folder itself. */
async function openImages(
  folder: string,
  options: SourceOptions,
  wanted: string | undefined,
): Promise<Sources | undefined> {
  const folders = await visibleFolders(folder)
  const sources = new Map<string, Source>()
  for (const name of folders) {
    const split = splitOfFile(name, wanted)
    if (split === undefined) continue
    const inner = join(folder, name)
    const metadata = metadataSource(inner, await readdir(inner), options)
    // Pictures of trains may lie in a folder of that name: a split has folders of its own.
    const divided = (await visibleFolders(inner)).length > 0
    if (metadata) sources.set(split, metadata)
    else if (divided || options.unlabelled)
      sources.set(split, imageSource(await listing(inner, options), options))
  }
  const others = folders.filter((name) => splitOfFile(name, wanted) === undefined)
  if (sources.size > 0 && others.length > 0) {
    options.onNote?.(
      `${folder}: folders that are not named for a part (train, validation, test) are not read: ${preview(others)}.`,
    )
  }
  if (sources.size > 0) return sources
  if (folders.length === 0 && !options.unlabelled) return undefined
  return new Map([['train', imageSource(await listing(folder, options), options)]])
}

async function listing(folder: string, options: SourceOptions): Promise<ImageListing> {
  if (!options.unlabelled || (await visibleFolders(folder)).length > 0) {
    const found = await listClassFolders(folder)
    return options.unlabelled ? { ...found, classes: [] } : found
  }
  return { images: await listImages(folder), classes: [], notes: [] }
}

function imageSource({ images, classes, notes }: ImageListing, { onNote }: SourceOptions): Source {
  return {
    async *parts(rows) {
      for (const note of notes) onNote?.(note)
      for (let start = 0; start < images.length; start += rows) {
        const slice = images.slice(start, start + rows)
        yield {
          inputs: { images: slice },
          labels:
            classes.length === 0
              ? { type: 'float32', dims: [slice.length, 0], data: new Float32Array() }
              : {
                  kind: 'classification',
                  values: classes.slice(start, start + rows),
                  locate: (row) => slice[row]?.place ?? '',
                },
        }
      }
    },
  }
}

/** MNIST's four files; the second spelling is that of older downloads. */
const idxStems = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const

async function openIdx(
  folder: string,
  names: ReadonlySet<string>,
  options: SourceOptions,
): Promise<Sources | undefined> {
  const locate = (stem: string): string | undefined =>
    [stem, `${stem}.gz`, stem.replace('-idx', '.idx'), `${stem.replace('-idx', '.idx')}.gz`].find((file) =>
      names.has(file),
    )
  const stems = [...idxStems.train, ...idxStems.test]
  const missing = stems.filter((stem) => locate(stem) === undefined)
  if (missing.length === stems.length) return undefined
  if (missing.length > 0) {
    throw new DataError(
      'idx-incomplete',
      `${folder}: MNIST's IDX files come as four, but ${missing.join(', ')} is not there.`,
    )
  }
  const source = ([images, labels]: readonly [string, string]): Source => ({
    async *parts(rows) {
      const dataset = idxDataset(
        await readIdx(join(folder, locate(images) ?? images), options),
        await readIdx(join(folder, locate(labels) ?? labels), options),
      )
      yield* tensorSource({
        inputs: dataset.inputs,
        labels: options.unlabelled
          ? { type: 'float32', dims: [rowCount(dataset.inputs), 0], data: new Float32Array() }
          : {
              kind: 'classification',
              values: Array.from(dataset.labels.data),
              locate: (row) => `${folder}/${labels}, row ${row}`,
              names: dataset.classes,
            },
      }).parts(rows)
    },
  })
  return new Map([
    ['train', source(idxStems.train)],
    ['test', source(idxStems.test)],
  ])
}

/** An IDX file, unpacked to no more than its own header says. */
const readIdx = (path: string, { maxBytes }: SourceOptions) =>
  readUnpacked(path, { maxBytes, length: (head) => idxLength(head) })
