import { stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { DataError } from '../../errors.ts'
import { readNpy } from '../../tensor/npy.ts'
import { listFolder, readBytes, reading } from '../../tensor/reads-files.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { visibleFolders } from '../images/index-files.ts'
import { sorted } from '../names/index.ts'
import { tableReader, tableStem } from '../tables/index-files.ts'
import { arrayExtensions, arraySources, readArrays } from './array-source-files.ts'
import { openIdx } from './idx-source-files.ts'
import { metadataSource } from './image-metadata-files.ts'
import { openImages } from './image-source-files.ts'
import { checkShards } from './shards.ts'
import type { Source, SourceOptions, Sources } from './source.ts'
import { splitName, splitOfFile } from './split-names.ts'
import { labelled, tableSource } from './table-source-files.ts'

/**
 * Finds the data at `path`, without reading the rows.
 *
 * @param split A split's name, where it may be another than train, validation and test.
 * @throws DataError `data-missing`, `data-unrecognised`, `idx-incomplete`, `shards-missing`, `image-folder`.
 */
export async function openSources(path: string, options: SourceOptions, split?: string): Promise<Sources> {
  const found = await reading(path, () => stat(path), { code: 'data-missing' })
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
  const names = await listFolder(folder)
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
      found.set(basename(file, '.npy'), readNpy(await readBytes(path), path))
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
  return openSplitFiles(path, await listFolder(path), options, split)
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
