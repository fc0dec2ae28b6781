import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parquetWriteBuffer } from 'hyparquet-writer'
import sharp, { type Sharp } from 'sharp'
import { readDataset } from '../src/data/files.ts'
import { rowCount } from '../src/data/rows.ts'
import { randomStream } from '../src/tensor/random.ts'

// How long images take to be read, beside PIL and numpy doing the same on one thread.
//
//   node scripts/run.mjs bench/reading.ts [--python /usr/bin/python3] [--rounds 3] [--only folder-32]
//
// The images are made here: smooth colours with noise. Each measurement is a process of its own, whose start does not count; ours and PIL's
// take turns. `first` decodes and fills the cache, `again` finds it there; `plain` is without a cache. From Parquet PIL is handed the
// bytes without having to read Parquet. Least of the rounds; seconds of the wall, those of the processor in brackets. On a machine that
// others use, too, compare those of the processor: the wall's are theirs divided by the cores where these are free.
const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    /** Reads one source and prints the seconds: what this script starts itself for. */
    one: { type: 'string' },
    fit: { type: 'string' },
    cache: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})

interface Seconds {
  readonly rows: number
  readonly wall: number
  readonly processor: number
}

async function readOne(path: string): Promise<Seconds> {
  const size = values.fit === undefined ? undefined : Number(values.fit)
  const resize = size === undefined ? undefined : { height: size, width: size }
  const [wall, processor] = [performance.now(), process.cpuUsage()]
  const { inputs } = await readDataset(path, { split: 'train', resize, cache: values.cache })
  const { user, system } = process.cpuUsage(processor)
  if (values.out) await writeFile(values.out, inputs.data as Uint8Array)
  return { rows: rowCount(inputs), wall: (performance.now() - wall) / 1e3, processor: (user + system) / 1e6 }
}

interface Case {
  readonly name: string
  readonly count: number
  readonly width: number
  readonly height: number
  readonly file: (image: Sharp) => Sharp
  readonly extension: string
  readonly place: 'parquet' | 'folder'
  readonly fit?: number
}
const jpeg = { file: (image: Sharp) => image.jpeg({ quality: 92 }), extension: 'jpg' }
const small = { ...jpeg, count: 5000, width: 32, height: 32 }
const photograph = { ...jpeg, count: 400, width: 500, height: 375, place: 'folder' } as const
const cases: readonly Case[] = [
  { ...small, name: 'parquet-32', place: 'parquet' },
  { ...small, name: 'folder-32', place: 'folder' },
  {
    name: 'png-64',
    count: 3000,
    width: 64,
    height: 64,
    file: (image) => image.png(),
    extension: 'png',
    place: 'folder',
  },
  { ...photograph, name: 'photographs' },
  { ...photograph, name: 'photographs-224', fit: 224 },
]

/** A picture: patches of colour run into each other, with noise as a sensor has it. */
async function picture({ width, height, file }: Case, row: number): Promise<Buffer> {
  const random = randomStream(row, 'picture')
  const bytes = (count: number, most: number) =>
    Uint8Array.from({ length: count }, () => random.uniform() * most)
  const patches = sharp(bytes(6 * 5 * 3, 256), { raw: { width: 6, height: 5, channels: 3 } })
  const smooth = await patches.resize(width, height, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer()
  const noise = bytes(smooth.length, 24)
  const pixels = smooth.map((value, at) => Math.min(255, Math.max(0, value + (noise[at] ?? 0) - 12)))
  return file(sharp(pixels, { raw: { width, height, channels: 3 } })).toBuffer()
}

/** Writes a case's images: what we read, and what PIL reads. */
async function make(root: string, test: Case): Promise<{ readonly ours: string; readonly theirs: string }> {
  const images: Buffer[] = []
  for (let row = 0; row < test.count; row++) images.push(await picture(test, row))
  const labels = images.map((_, row) => (row < test.count / 2 ? 'a' : 'b'))
  const folder = join(root, test.name)
  await mkdir(folder)
  if (test.place === 'parquet') {
    const columnData = [
      { name: 'image', data: images, type: 'BYTE_ARRAY' as const },
      { name: 'label', data: labels, type: 'STRING' as const },
    ]
    const [ours, theirs] = [join(folder, 'train.parquet'), join(folder, 'images.bin')]
    await writeFile(ours, new Uint8Array(parquetWriteBuffer({ columnData })))
    const lengths = images.map(({ length }) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(length)
      return bytes
    })
    await writeFile(
      theirs,
      Buffer.concat(images.flatMap((image, row) => [lengths[row] ?? Buffer.alloc(0), image])),
    )
    return { ours, theirs }
  }
  for (const label of ['a', 'b']) await mkdir(join(folder, label))
  for (const [row, image] of images.entries()) {
    await writeFile(
      join(folder, labels[row] ?? '', `${String(row).padStart(6, '0')}.${test.extension}`),
      image,
    )
  }
  return { ours: folder, theirs: folder }
}

function started(command: string, args: readonly string[], cache: string): Seconds {
  const env = { ...process.env, HOLDFAST_CACHE: cache }
  const { stdout, status, error } = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} ended with ${status}`)
  return JSON.parse(String(stdout)) as Seconds
}

/** How many values of two files of pixels differ, and by how much at most. */
async function difference(
  ours: string,
  theirs: string,
): Promise<{ readonly share: number; readonly most: number }> {
  const [a, b] = [await readFile(ours), await readFile(theirs)]
  let [count, most] = [0, 0]
  for (const [at, value] of a.entries()) {
    const gap = Math.abs(value - (b[at] ?? 0))
    if (gap > 0) count++
    most = Math.max(most, gap)
  }
  return { share: count / a.length, most }
}

async function measure(root: string, test: Case): Promise<void> {
  const { ours, theirs } = await make(root, test)
  const fit = test.fit === undefined ? [] : ['--fit', String(test.fit)]
  const self = [...process.execArgv, process.argv[1] ?? '', '--one', ours, ...fit]
  const script = ['bench/reference/reading.py', theirs, ...fit]
  const [mine, pil] = [join(root, 'ours.raw'), join(root, 'pil.raw')]
  const seen: Record<string, Seconds[]> = { PIL: [], plain: [], first: [], again: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    const cache = join(root, `cache-${test.name}-${round}`)
    seen.PIL?.push(started(values.python, [...script, '--out', pil], cache))
    seen.plain?.push(started(process.execPath, [...self, '--out', mine], cache))
    for (const turn of ['first', 'again'])
      seen[turn]?.push(started(process.execPath, [...self, '--cache'], cache))
    await rm(cache, { recursive: true, force: true })
  }
  const { share, most } = await difference(mine, pil)
  const least = (turn: string, of: 'wall' | 'processor') =>
    Math.min(...(seen[turn] ?? []).map((each) => each[of]))
  const cells = Object.keys(seen).map(
    (turn) => `${least(turn, 'wall').toFixed(2)} (${least(turn, 'processor').toFixed(2)})`,
  )
  const ratio = (of: 'wall' | 'processor') => (least('plain', of) / least('PIL', of)).toFixed(2)
  const same = share === 0 ? 'none' : `${(100 * share).toFixed(1)} % by up to ${most}`
  console.log(
    `| ${[test.name, test.count, ...cells, `${ratio('wall')} (${ratio('processor')})`, same].join(' | ')} |`,
  )
}

if (values.one !== undefined) {
  console.log(JSON.stringify(await readOne(values.one)))
} else {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-reading-'))
  try {
    console.log(`${availableParallelism()} cores, Node ${process.version}`)
    console.log('| images | rows | PIL | plain | first | again | plain / PIL | pixels that differ |')
    console.log('|---|---:|---:|---:|---:|---:|---:|---:|')
    for (const test of cases)
      if (values.only === undefined || values.only === test.name) await measure(root, test)
  } finally {
    await rm(root, { recursive: true })
  }
}
