import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readDataset } from '../src/data/files.ts'
import { writeNpy } from '../src/tensor/npy.ts'

// CIFAR-10 as .npy files, for programs that read no Parquet: FOLDER/{train,test}-{images,labels}.npy, uint8 [N, 3, 32, 32] and int32 [N].
//
//   HOLDFAST_DATA=... node scripts/run.mjs bench/cifar-arrays.ts FOLDER
const root = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'cifar10')
const [folder] = process.argv.slice(2)
if (!folder) throw new Error('usage: node scripts/run.mjs bench/cifar-arrays.ts FOLDER')
await mkdir(folder, { recursive: true })
for (const split of ['train', 'test'] as const) {
  const { inputs, labels } = await readDataset(root, { split })
  await writeFile(join(folder, `${split}-images.npy`), writeNpy(inputs))
  await writeFile(join(folder, `${split}-labels.npy`), writeNpy(labels))
}
