import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { none } from '../src/methods/none.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { fineTune } from '../src/update/recipes/index.ts'
import { blobCsv, blobNames, blobs } from './blobs.ts'
import { encoderFile } from './packed-encoder.ts'
import { engine } from './toy-learning.ts'

// What an update of the encoder of packed-encoder.ts begins with: classes that it knows, and a new one.

export const oldBlobs = blobNames.slice(0, 4)

export const blobPoints = (classes: readonly string[], perClass: number, seed: number) =>
  blobs({ classes, perClass, seed, turn: 0, spread: 0.4 })

/** Parameters of the encoder once it knows the old classes. */
export async function taughtEncoder(): Promise<ReadonlyMap<string, Tensor>> {
  const start = modelFromOnnx(encoderFile(4), { classes: oldBlobs })
  const { parameters } = await fineTune({
    ...{ engine, model: start, method: none(), settings: { optimiser: adam() } },
    ...{ train: blobPoints(oldBlobs, 60, 1), batchSize: 32, iterations: 150, learningRate: 0.01, seed: 1 },
  })
  return parameters
}

/** Writes the names of the old classes, and `old` and `new`, each with both parts. */
export function writeBlobUpdate(folder: string): void {
  writeFileSync(join(folder, 'labels.txt'), `${oldBlobs.join('\n')}\n`)
  const write = (name: string, classes: readonly string[], perClass: number, seed: number) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), blobCsv(blobPoints(classes, perClass, seed)))
  }
  write('old/train.csv', oldBlobs, 40, 2)
  write('old/test.csv', oldBlobs, 60, 3)
  write('new/train.csv', ['ebony'], 60, 4)
  write('new/test.csv', ['ebony'], 40, 5)
}
