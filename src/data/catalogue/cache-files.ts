import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DataError, EnvironmentError, UsageError } from '../../errors.ts'
import { cacheFolder as defaultCache } from '../cache/index-files.ts'
import { readDataset } from '../files.ts'
import { readUnpacked } from '../formats/index-files.ts'
import type { LoadedData } from '../parts.ts'
import type { ReadOptions } from '../read-options.ts'
import { type CatalogueEntry, type CatalogueFile, catalogue } from './catalogue.ts'
import { type DownloadOptions, downloadFile } from './download-files.ts'
import { type SyntheticDigitOptions, syntheticDigits } from './synthetic.ts'

/** Where data sets are looked for. */
export interface Places {
  /** Looked at first, never written to; default the environment's HOLDFAST_DATA. */
  readonly dataFolder?: string | undefined
  /** Default HOLDFAST_CACHE, else `holdfast` in XDG_CACHE_HOME, else `~/.cache/holdfast`. */
  readonly cacheFolder?: string | undefined
}

export interface DatasetInfo {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly home: string
  /** The folder where all its files are, or undefined where they are not on this machine. */
  readonly folder: string | undefined
  /** Whether `getDataset` can fetch it. */
  readonly downloadable: boolean
  /** Size unpacked. */
  readonly bytes: number
}

/** The data sets known by name, and where they are on this machine. */
export async function listDatasets(places: Places = {}): Promise<DatasetInfo[]> {
  return Promise.all(
    catalogue.map(async (entry) => ({
      name: entry.name,
      title: entry.title,
      description: entry.description,
      home: entry.home,
      folder: await findFolder(entry, places),
      downloadable: entry.files.length > 0,
      bytes: entry.files.reduce((sum, file) => sum + file.bytes, 0),
    })),
  )
}

/**
 * Fetches a data set into the cache unless this machine has it already, and gives its folder. Files that are there and whole are
 * kept, so an interrupted call goes on with the first file that is missing.
 *
 * @throws UsageError `dataset-unknown`; EnvironmentError `download-failed`, `dataset-not-public`; DataError `download-checksum`.
 * @example
 * const folder = await getDataset('mnist', { onProgress: ({ file, received }) => console.error(file, received) })
 */
export async function getDataset(
  name: string | CatalogueEntry,
  options: Places & DownloadOptions = {},
): Promise<string> {
  const entry = entryOf(name)
  const found = await findFolder(entry, options)
  if (found !== undefined) return found
  const folder = join(cacheFolder(options), entry.name)
  if (entry.files.length === 0) {
    throw new EnvironmentError(
      'dataset-not-public',
      `${entry.title} cannot be fetched automatically. Get it from ${entry.home} and place it in ${folder}, or point HOLDFAST_DATA to the folder that holds ${entry.name}/.`,
    )
  }
  for (const file of entry.files) {
    const path = join(folder, file.name)
    if ((await locate(folder, file)) !== undefined) continue
    await downloadFile(
      file.urls,
      path,
      (bytes) => checkContent(unpack(bytes, file, path), file, path),
      options,
    )
  }
  return folder
}

/** What became of one file of a data set. */
export interface VerifiedFile {
  readonly name: string
  /** Undefined when the file is missing. */
  readonly path: string | undefined
  readonly state: 'whole' | 'missing' | 'damaged'
  /** What is wrong with it, for people. */
  readonly problem: string | undefined
}

/**
 * Checks the content of all files of a data set, wherever it is on this machine.
 *
 * @throws UsageError `dataset-unknown`.
 */
export async function verifyDataset(
  name: string | CatalogueEntry,
  places: Places = {},
): Promise<VerifiedFile[]> {
  const entry = entryOf(name)
  const folder = (await findFolder(entry, places)) ?? join(cacheFolder(places), entry.name)
  return Promise.all(
    entry.files.map(async (file): Promise<VerifiedFile> => {
      const path = await locate(folder, file)
      if (path === undefined) {
        return { name: file.name, path, state: 'missing', problem: `${join(folder, file.name)} is not there` }
      }
      try {
        checkContent((await readUnpacked(path)).bytes, file, path)
        return { name: file.name, path, state: 'whole', problem: undefined }
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        return { name: file.name, path, state: 'damaged', problem: error.message }
      }
    }),
  )
}

/**
 * Loads a data set by name: from HOLDFAST_DATA, else from the cache, else, only with `download: true`, from its public home. The content
 * is checked each time, so that what calls itself MNIST is MNIST.
 *
 * @throws UsageError `dataset-unknown`; EnvironmentError `dataset-absent` when it is not on this machine; DataError
 * `dataset-damaged`; and what {@link getDataset} throws.
 * @example
 * const { train, test } = await resolveDataset('mnist', { download: true })
 */
export async function resolveDataset(
  name: string | CatalogueEntry,
  options: Places &
    DownloadOptions & {
      readonly download?: boolean | undefined
      /** How its files are read; default as found. */
      readonly reading?: ReadOptions | undefined
    } = {},
): Promise<LoadedData> {
  const entry = entryOf(name)
  const folder = options.download ? await getDataset(entry, options) : await findFolder(entry, options)
  if (folder === undefined) {
    const places = [dataFolder(options), cacheFolder(options)].filter((place) => place !== undefined)
    throw new EnvironmentError(
      'dataset-absent',
      `${entry.title} is not on this machine: there is no ${places.map((place) => join(place, entry.name)).join(' and no ')} with all its files. Fetch it with: holdfast data get ${entry.name}`,
    )
  }
  const problems = (await verifyDataset(entry, options)).flatMap(({ problem }) => problem ?? [])
  if (problems.length > 0) {
    throw new DataError(
      'dataset-damaged',
      `${entry.title} is damaged: ${problems.join('; ')}. Remove the file and fetch it again.`,
    )
  }
  return readDataset(folder, { ...options.reading, name: entry.title })
}

/**
 * MNIST where it is at hand (or may be fetched, with `download: true`), else synthetic digits, which say so in their name and in
 * `synthetic`. A damaged MNIST is an error, not a reason to take other data.
 *
 * @returns `instead`: why it is not MNIST; undefined when it is.
 */
export async function mnistOrSynthetic(
  options: Places &
    DownloadOptions &
    SyntheticDigitOptions & { readonly download?: boolean | undefined } = {},
): Promise<Required<Pick<LoadedData, 'train' | 'test'>> & { readonly instead: string | undefined }> {
  try {
    const { train, test } = await resolveDataset('mnist', options)
    if (test) return { train, test, instead: undefined }
    throw new DataError('dataset-damaged', 'MNIST has no test images.')
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    return { ...syntheticDigits(options), instead: error.message }
  }
}

function entryOf(name: string | CatalogueEntry): CatalogueEntry {
  if (typeof name !== 'string') return name
  const entry = catalogue.find((candidate) => candidate.name === name.toLowerCase())
  if (entry) return entry
  throw new UsageError(
    'dataset-unknown',
    `There is no data set called '${name}'; known are ${catalogue.map((known) => known.name).join(', ')}. Files and folders are loaded by their path.`,
  )
}

function dataFolder(places: Places): string | undefined {
  return places.dataFolder ?? (process.env.HOLDFAST_DATA || undefined)
}

const cacheFolder = (places: Places): string => places.cacheFolder ?? defaultCache()

async function findFolder(entry: CatalogueEntry, places: Places): Promise<string | undefined> {
  for (const place of [dataFolder(places), cacheFolder(places)]) {
    if (place === undefined) continue
    const folder = join(place, entry.name)
    const found = await Promise.all(entry.files.map((file) => locate(folder, file)))
    if ((await exists(folder)) && found.every((path) => path !== undefined)) return folder
  }
  return undefined
}

/** Where a file lies, as named or unpacked. */
async function locate(folder: string, file: CatalogueFile): Promise<string | undefined> {
  for (const name of [file.name.replace(/\.gz$/, ''), file.name]) {
    if (await exists(join(folder, name))) return join(folder, name)
  }
  return undefined
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function unpack(bytes: Uint8Array, file: CatalogueFile, path: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    // One byte more than expected is allowed, so that a larger content is refused for its checksum and not unpacked further.
    return gunzipSync(bytes, { maxOutputLength: file.bytes + 1 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError('gzip-damaged', `${path}: what came cannot be unpacked (${reason})`, { cause: error })
  }
}

function checkContent(content: Uint8Array, file: CatalogueFile, path: string): void {
  const found = createHash('sha256').update(content).digest('hex')
  if (found !== file.sha256) {
    throw new DataError(
      'checksum',
      `${path}: expected content of ${file.bytes} bytes with SHA-256 ${file.sha256}, found ${content.length} bytes with ${found}`,
    )
  }
}
