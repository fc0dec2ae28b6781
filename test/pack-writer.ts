import { readPack, writePack } from '../src/update/pack/pack-files.ts'

// Writes the pack of the first path to the second, again and again, until it is killed.
const [from = '', to = ''] = process.argv.slice(2)
const pack = await readPack(from)
for (let time = 0; time < 10_000; time++) {
  const bytes = await writePack(to, pack)
  process.stdout.write(`${bytes}\n`)
}
