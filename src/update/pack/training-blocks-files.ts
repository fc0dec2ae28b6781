import type { Dataset } from '../../data/dataset.ts'
import { readDataset, streamRows } from '../../data/files.ts'
import type { LoadedData } from '../../data/parts.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { DataError } from '../../errors.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import { isNamed, readSource } from '../model-data-files.ts'
import type { RowBlocks } from './training-rows.ts'

/** What a pack is made of. */
export interface TrainingData {
  readonly train: Dataset | RowBlocks
  /** The test part, else the validation part. */
  readonly heldOut: Dataset | undefined
  readonly columns: LoadedData['columns']
  /** Of images in blocks some are known only when these have been gone through. */
  readonly notes: () => readonly string[]
}

/** What one block of images takes in memory. */
const BLOCK_BYTES = 128 * 2 ** 20

/**
 * Reads data to make a pack of: into memory, or where images do not fit there, to be gone through in blocks.
 *
 * @param normalised Says of data how stored values become inputs.
 * @throws What reading throws; DataError `data-too-large` for other data than images, and for a test or validation part.
 */
export async function readTraining(
  source: string,
  options: ReadOptions,
  normalised: (data: LoadedData) => LoadedData,
): Promise<TrainingData> {
  try {
    const { train, validation, test, columns, notes } = normalised(await readSource(source, options))
    return { train, heldOut: test ?? validation, columns, notes: () => notes }
  } catch (error) {
    const large = error instanceof DataError && error.code === 'data-too-large'
    if (!large || isNamed(source) || options.input?.kind !== 'image') throw error
    return readBlocks(source, options, normalised)
  }
}

async function readBlocks(
  source: string,
  asked: ReadOptions,
  normalised: (data: LoadedData) => LoadedData,
): Promise<TrainingData> {
  // Each time that the data are gone through they say the same.
  const notes = new Set<string>()
  const options = { ...asked, onNote: (note: string) => void notes.add(note) }
  const change = (dataset: Dataset): Dataset => normalised({ train: dataset, notes: [] }).train
  const heldOut = await measuredPart(source, options)
  const chunk = await rowsOfBlock(source, options)
  notes.add(
    `${source} does not fit into memory: its training part is gone through in blocks of ${chunk.toLocaleString('en-US')} images, twice.`,
  )
  return {
    train: {
      blocks: async function* () {
        for await (const block of streamRows(source, { ...options, split: 'train', chunk }))
          yield change(block)
      },
    },
    heldOut: heldOut && change(heldOut),
    columns: undefined,
    notes: () => [...notes],
  }
}

async function measuredPart(source: string, options: ReadOptions): Promise<Dataset | undefined> {
  for (const split of ['test', 'validation']) {
    try {
      return await readDataset(source, { ...options, split })
    } catch (error) {
      if (!(error instanceof DataError && error.code === 'split-missing')) throw error
    }
  }
  return undefined
}

async function rowsOfBlock(source: string, options: ReadOptions): Promise<number> {
  const most = Math.min(BLOCK_BYTES, (options.maxBytes ?? Number.POSITIVE_INFINITY) / 4)
  for await (const { inputs } of streamRows(source, { ...options, split: 'train', chunk: 1 })) {
    return Math.max(1, Math.floor(most / sizeOf(inputs.dims)))
  }
  throw new DataError('data-empty', `${source}: there are no rows to train on.`)
}
