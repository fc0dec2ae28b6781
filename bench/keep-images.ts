import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { ortNode } from '../src/engine/ort-node.ts'
import { loadModel } from '../src/model/import/files.ts'
import { summarisePack } from '../src/update/pack/index.ts'
import { keepFile } from '../src/update/pack/index-files.ts'

// How long `holdfast keep` takes for all images of CIFAR-10 that a model knows the classes of: reading, features, herding, answers, writing.
//
//   HOLDFAST_DATA=... node scripts/run.mjs bench/keep-images.ts --model MODEL.onnx [--threads 1] [--rounds 3]
//
// The images lie in Parquet files as JPEG; each round is a process of its own and decodes them anew (`first`), or finds them in the cache
// (`again`). Seconds of the wall without the start of the process, and of the processor with it.
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    threads: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    /** Makes one pack of the data in a folder and prints what it took: what this script starts itself for. */
    one: { type: 'string' },
  },
})
const engine = ortNode(values.threads === undefined ? {} : { threads: Number(values.threads) })

async function makeOne(folder: string): Promise<void> {
  const out = join(folder, 'model.keep')
  const { pack, bytes, seconds } = await keepFile({
    ...{ engine, model: values.model, out },
    data: join(folder, 'data'),
    reading: { cache: true },
  })
  const { exemplars, heldOut, data } = summarisePack(pack)
  const { user, system } = process.cpuUsage()
  const rows = [data[0]?.rows, exemplars.rows, heldOut?.rows, `${(bytes / 1e6).toFixed(1)} MB`]
  const memory = `${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(1)} GiB`
  console.log([...rows, seconds.toFixed(1), ((user + system) / 1e6).toFixed(1), memory].join(' | '))
}

/** The images of these classes, as they are, in one Parquet file a split. */
async function select(from: string, to: string, classes: readonly string[]): Promise<void> {
  const names = (await readdir(from)).filter((name) => name.endsWith('.parquet')).sort()
  for (const split of ['train', 'test']) {
    const images: Uint8Array[] = []
    const labels: string[] = []
    for (const name of names.filter((each) => each.startsWith(split))) {
      const file = await asyncBufferFromFile(join(from, name))
      for (const { image, label } of await parquetReadObjects({ file, compressors, utf8: false })) {
        if (!classes.includes(String(label))) continue
        images.push(image.bytes ?? image)
        labels.push(String(label))
      }
    }
    const columnData = [
      { name: 'image', data: images, type: 'BYTE_ARRAY' as const },
      { name: 'label', data: labels, type: 'STRING' as const },
    ]
    await writeFile(join(to, `${split}.parquet`), new Uint8Array(parquetWriteBuffer({ columnData })))
  }
}

function started(folder: string, cache: string): string {
  const args = [
    '--one',
    folder,
    '--model',
    values.model,
    ...(values.threads ? ['--threads', values.threads] : []),
  ]
  const env = { ...process.env, HOLDFAST_CACHE: cache }
  const command = [...process.execArgv, process.argv[1] ?? '', ...args]
  const { stdout, status } = spawnSync(process.execPath, command, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  })
  if (status !== 0) throw new Error(`keep ended with ${status}`)
  return String(stdout).trim()
}

async function measure(): Promise<void> {
  const { model } = await loadModel(values.model)
  const root = await mkdtemp(join(tmpdir(), 'holdfast-keep-'))
  try {
    await mkdir(join(root, 'data'))
    const from = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'cifar10', 'data')
    await select(from, join(root, 'data'), model.classes)
    console.log(
      `${availableParallelism()} cores, ${values.threads ?? 'as many'} threads, Node ${process.version}`,
    )
    console.log('| | rows | exemplars | held out | size | seconds | CPU s | memory |')
    console.log('|---|---:|---:|---:|---:|---:|---:|---:|')
    for (let round = 0; round < Number(values.rounds); round++) {
      const cache = join(root, `cache-${round}`)
      for (const turn of ['first', 'again']) console.log(`| ${turn} | ${started(root, cache)} |`)
    }
  } finally {
    await rm(root, { recursive: true })
  }
}

await (values.one === undefined ? measure() : makeOne(values.one))
