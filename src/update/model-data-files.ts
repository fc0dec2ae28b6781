import { catalogue, syntheticDigits } from '../data/catalogue/index.ts'
import { resolveDataset } from '../data/catalogue/index-files.ts'
import {
  asStored,
  type Dataset,
  mnistNormalisation,
  type Preprocessing,
  unitPixels,
  withPreprocessing,
} from '../data/dataset.ts'
import { type ReadOptions, readDataset } from '../data/files.ts'
import type { LoadedData } from '../data/parts.ts'
import { readInputFiles } from '../data/sidecar-files.ts'
import { DataError } from '../errors.ts'
import type { Model } from '../model/model.ts'

/** How data are read for a model, as the files beside it say. */
export interface ModelReading {
  readonly options: Pick<ReadOptions, 'input' | 'tokenizer'>
  /** Equal for models that read data in the same way. */
  readonly key: string
  /** What was assumed for want of a file that says it. */
  readonly notes: readonly string[]
}

/**
 * How a model wants its data.
 *
 * @param path Of the model's file.
 * @throws What {@link readInputFiles} throws.
 */
export async function readingFor(path: string, model: Model): Promise<ModelReading> {
  const { input, tokenizer } = await readInputFiles(path, model.input)
  // Of models that read plain numbers the files mostly say nothing: then pixels come in as the data set has them.
  const stated = input.kind !== 'numbers' || !isAsStored(input.preprocessing)
  return {
    options: { tokenizer, ...(stated ? { input } : {}) },
    key: JSON.stringify([stated && input, tokenizer && path]),
    notes: input.notes,
  }
}

const isAsStored = ({ scale, mean, std }: Preprocessing): boolean => scale === 1 && mean === 0 && std === 1

/** Data by the name of a known data set, `synthetic`, or from a file or folder. */
export async function readSource(source: string, options: ReadOptions): Promise<LoadedData> {
  if (source === 'synthetic') return syntheticDigits({})
  const isNamed = catalogue.some(({ name }) => name === source.toLowerCase())
  return isNamed ? resolveDataset(source) : readDataset(source, options)
}

/**
 * Data to measure on, as {@link readSource} reads them; a folder that holds a test or validation part alone will do, and is then
 * all there is.
 */
export async function readMeasured(source: string, options: ReadOptions): Promise<LoadedData> {
  try {
    return await readSource(source, options)
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'split-missing')) throw error
    for (const split of ['test', 'validation']) {
      const part = await readDataset(source, { ...options, split }).catch(() => undefined)
      if (part) return { train: part }
    }
    throw error
  }
}

const named = { unit: unitPixels, mnist: mnistNormalisation, stored: asStored } as const

/** How stored values are normalised, by name; `default` is as the data come. */
export type PreprocessingName = 'default' | keyof typeof named

export const preprocessingNames: readonly PreprocessingName[] = ['default', 'unit', 'mnist', 'stored']

/** The data with another normalisation. */
export function preprocessed(loaded: LoadedData, preprocessing: PreprocessingName = 'default'): LoadedData {
  if (preprocessing === 'default') return loaded
  const { train, validation, test } = loaded
  const change = (dataset: Dataset) => withPreprocessing(dataset, named[preprocessing])
  return {
    train: change(train),
    ...(validation && { validation: change(validation) }),
    ...(test && { test: change(test) }),
  }
}
