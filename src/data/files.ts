import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DataError, HoldfastError } from '../errors.ts'
import { readNpy, readNpz } from '../tensor/npy.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { partsOfArrays } from './arrays.ts'
import { parseCsv, type TableOptions } from './csv.ts'
import { type Preprocessing, unitPixels } from './dataset.ts'
import { idxDataset, type NamedBytes } from './idx.ts'
import { type ImageOptions, readImageFolder, visibleFolders } from './images-node.ts'
import { parseJsonLines } from './jsonl.ts'
import { assemble, type LoadedData, type PartsOf, type RawPart } from './parts.ts'

export interface LoadOptions extends TableOptions, ImageOptions {
  /** The data set's name; default the file's or folder's, without extension. */
  readonly name?: string | undefined
  /** The classes' names in the order of the model's outputs; default: as found, see {@link loadDataset}. */
  readonly classes?: readonly string[] | undefined
  /** Default: pixels are scaled to [0, 1], other values are used as stored. */
  readonly preprocessing?: Preprocessing | undefined
}

const tableParts = { train: ['train'], validation: ['validation', 'val', 'valid'], test: ['test'] } as const
const tableReaders = { '.csv': parseCsv, '.jsonl': parseJsonLines, '.ndjson': parseJsonLines } as const
type TableExtension = keyof typeof tableReaders

/**
 * Loads data from a file or folder, by what is there:
 * - a folder with the four IDX files of MNIST (gzip or not): uint8 [N, 1, H, W];
 * - a folder with `train.csv|jsonl` and perhaps `test.…`, `validation.…` (or `val.…`);
 * - a folder with `x.npy`, `y.npy`, or `x_train.npy`, `y_train.npy`, `x_test.npy`, `y_test.npy`;
 * - an image folder, `{train,test}/<class>/*` or `<class>/*`: uint8 [N, C, H, W];
 * - a `.csv`, `.jsonl`, `.ndjson` or `.npz` file.
 *
 * Rows keep the order of the file; files and classes are taken in code-point order. Labels that are whole numbers are class
 * indexes; texts become classes in code-point order, over all parts together.
 *
 * @throws DataError `data-missing` when there is nothing at `path`, `data-unrecognised` when it is none of these, and what
 * the format's reader throws, always with file and row.
 * @example
 * const { train, test } = await loadDataset('data/mnist')
 * const { train: flowers } = await loadDataset('flowers/', { resize: { height: 64, width: 64 } })
 */
export async function loadDataset(path: string, options: LoadOptions = {}): Promise<LoadedData> {
  const name = options.name ?? basename(path, extname(path))
  const found = await stat(path).catch((error: unknown) => {
    throw new DataError('data-missing', `${path}: there is no such file or folder.`, { cause: error })
  })
  const settings = { ...options, name }
  if (found.isDirectory()) return loadFolder(path, settings)
  const extension = extname(path).toLowerCase()
  if (isTable(extension)) return assemble({ train: await readTable(path, extension, options) }, settings)
  if (extension === '.npz') {
    const arrays = await reading(path, async () => readNpz(await readFile(path), path))
    return assemble(partsOfArrays(arrays, path), settings)
  }
  throw new DataError(
    'data-unrecognised',
    `${path}: expected a .csv, .jsonl or .npz file, or a folder, found ${extension ? `a ${extension} file` : 'a file without extension'}.`,
  )
}

type Settings = LoadOptions & { readonly name: string }

async function loadFolder(folder: string, settings: Settings): Promise<LoadedData> {
  const names = new Set(await readdir(folder))
  const idx = await readIdxFolder(folder, names, settings)
  if (idx) return idx
  for (const extension of Object.keys(tableReaders).filter(isTable)) {
    const parts = await mapParts(
      (part) => tableParts[part].map((stem) => stem + extension).find((file) => names.has(file)),
      (file) => readTable(join(folder, file), extension, settings),
    )
    if (parts) return assemble(parts, settings)
  }
  const arrayFiles = [...names].filter((file) => /^[xy](_train|_val|_test)?\.npy$/.test(file))
  if (arrayFiles.length > 0) {
    const arrays = new Map<string, Tensor>()
    for (const file of arrayFiles) {
      const path = join(folder, file)
      arrays.set(basename(file, '.npy'), await reading(path, async () => readNpy(await readFile(path), path)))
    }
    return assemble(partsOfArrays(arrays, folder), settings)
  }
  const folders = new Set(await visibleFolders(folder))
  if (folders.size > 0) {
    const parts = (await mapParts(
      (part) => tableParts[part].find((file) => folders.has(file)),
      (file) => readImageFolder(join(folder, file), settings),
    )) ?? { train: await readImageFolder(folder, settings) }
    return assemble(parts, { ...settings, preprocessing: settings.preprocessing ?? unitPixels })
  }
  throw new DataError(
    'data-unrecognised',
    `${folder}: expected MNIST's IDX files, train.csv or train.jsonl, x.npy and y.npy, or folders of images named for their classes; found ${[...names].slice(0, 8).join(', ') || 'nothing'}.`,
  )
}

async function mapParts<S, T>(
  find: (part: keyof typeof tableParts) => S | undefined,
  read: (source: S) => Promise<T>,
): Promise<PartsOf<T> | undefined> {
  const train = find('train')
  if (train === undefined) return undefined
  const validation = find('validation')
  const test = find('test')
  return {
    train: await read(train),
    validation: validation === undefined ? undefined : await read(validation),
    test: test === undefined ? undefined : await read(test),
  }
}

function isTable(extension: string): extension is TableExtension {
  return Object.hasOwn(tableReaders, extension)
}

async function readTable(path: string, extension: TableExtension, options: TableOptions): Promise<RawPart> {
  const text = await reading(path, () => readFile(path, 'utf8'))
  return tableReaders[extension](text, path, options)
}

/** MNIST's four files; the second spelling is that of older downloads. */
const idxStems = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const

async function readIdxFolder(
  folder: string,
  names: ReadonlySet<string>,
  settings: Settings,
): Promise<LoadedData | undefined> {
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
  const load = async ([images, labels]: readonly [string, string]) => {
    const dataset = idxDataset(
      await readUnpacked(join(folder, locate(images) ?? images)),
      await readUnpacked(join(folder, locate(labels) ?? labels)),
      { name: settings.name, ...(settings.classes && { classes: settings.classes }) },
    )
    return settings.preprocessing ? { ...dataset, preprocessing: settings.preprocessing } : dataset
  }
  return { train: await load(idxStems.train), test: await load(idxStems.test) }
}

/**
 * A file's bytes, unpacked where it is gzip.
 *
 * @throws DataError `file-unreadable`, `gzip-damaged`.
 */
export async function readUnpacked(path: string): Promise<NamedBytes> {
  const bytes = await reading(path, () => readFile(path))
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { file: path, bytes }
  try {
    return { file: path, bytes: gunzipSync(bytes) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'gzip-damaged',
      `${path}: the gzip file cannot be unpacked (${reason}). Fetch it again.`,
      { cause: error },
    )
  }
}

async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError('file-unreadable', `${path}: the file cannot be read (${reason}).`, { cause: error })
  }
}
