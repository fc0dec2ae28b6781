import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { companionsOf, loadModel, writeCompanions } from '../src/model/import/index-files.ts'
import { writeWhole } from '../src/tensor/whole-files.ts'
import { type Storage, storages, storedAs } from '../test/stored-models.ts'

// A model with its matrices kept in few bits, read by DequantizeLinear, for `holdfast gate` to compare with the model itself:
//
//   node scripts/run.mjs bench/quantise-weights.ts MODEL OUT.onnx ['int8 by channel']
//
// What lies beside the model (tokenizer, labels) is copied beside the new one.
const [from, out, storage = 'int8 by channel'] = process.argv.slice(2)
const known = storages.find((name) => name === storage) satisfies Storage | undefined
if (!from || !out || !known)
  throw new Error(`usage: quantise-weights MODEL OUT.onnx [${storages.join(' | ')}]`)
const { model, file } = await loadModel(from)
await mkdir(dirname(out), { recursive: true })
await writeCompanions(await companionsOf(out, file, model))
const bytes = storedAs(model, known)
await writeWhole(out, bytes)
console.log(
  `${file.bytes.length.toLocaleString('en-US')} bytes, now ${bytes.length.toLocaleString('en-US')}: ${out}`,
)
