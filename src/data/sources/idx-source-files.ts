import { join } from 'node:path'
import { DataError } from '../../errors.ts'
import { idxDataset, idxLength } from '../formats/index.ts'
import { readUnpacked } from '../formats/index-files.ts'
import { rowCount } from '../rows.ts'
import { tensorSource } from './array-source-files.ts'
import type { Source, SourceOptions, Sources } from './source.ts'

/** MNIST's four files; the second spelling is that of older downloads. */
const idxStems = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const

export async function openIdx(
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
