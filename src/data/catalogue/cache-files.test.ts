import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { getDataset, listDatasets, mnistOrSynthetic, resolveDataset, verifyDataset } from './cache-files.ts'
import type { CatalogueEntry } from './catalogue.ts'
import type { DownloadProgress } from './download-files.ts'

const content = Buffer.from('x,label\n1,a\n2,b\n')
const packed = gzipSync(content)
type Handler = (request: IncomingMessage, response: ServerResponse) => void
const whole: Handler = (_, response) => response.end(packed)

let server: Server
let folder = ''
let asked: string[] = []
let answers: { [path: string]: Handler } = {}
const base = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const entry = (...paths: string[]): CatalogueEntry => ({
  name: 'tiny',
  title: 'Tiny',
  description: '',
  home: '',
  files: [
    {
      name: 'train.csv.gz',
      urls: paths.map((path) => base() + path),
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    },
  ],
})
const places = () => ({ dataFolder: join(folder, 'data'), cacheFolder: join(folder, 'cache') })
const cached = () => readdir(join(folder, 'cache/tiny')).catch(() => [])

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cache-'))
  asked = []
  answers = {}
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const answer = answers[request.url ?? '']
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

test('fetches, reports progress, and does not fetch again', async () => {
  answers = { '/a': whole }
  const seen: DownloadProgress[] = []
  const where = await getDataset(entry('/a'), { ...places(), onProgress: (progress) => seen.push(progress) })
  expect(where).toBe(join(folder, 'cache/tiny'))
  expect(await readFile(join(where, 'train.csv.gz'))).toEqual(packed)
  expect(seen.at(-1)?.received).toBe(packed.length)
  await getDataset(entry('/a'), places())
  expect(asked).toEqual(['/a'])
  expect(await verifyDataset(entry('/a'), places())).toMatchObject([{ state: 'whole' }])
})

test('goes on to the next server after 404, after a broken body, and after a wrong content', async () => {
  answers = {
    '/broken': (_, response) => {
      response.writeHead(200, { 'content-length': packed.length })
      response.write(packed.subarray(0, 5), () => response.destroy())
    },
    '/wrong': (_, response) => response.end(gzipSync('something else')),
    '/good': whole,
  }
  await getDataset(entry('/missing', '/broken', '/wrong', '/good'), places())
  expect(asked).toEqual(['/missing', '/broken', '/wrong', '/good'])
  expect(await cached()).toEqual(['train.csv.gz'])
})

test('a mirror that packs otherwise is as good', async () => {
  answers = { '/plain': (_, response) => response.end(content) }
  await getDataset(entry('/plain'), places())
  expect(await verifyDataset(entry('/plain'), places())).toMatchObject([{ state: 'whole' }])
})

test('nothing is written when all content is wrong, and the message says what was expected', async () => {
  answers = { '/wrong': (_, response) => response.end('something else') }
  const failed = getDataset(entry('/wrong'), places())
  await expect(failed).rejects.toMatchObject({ code: 'download-checksum' })
  await expect(failed).rejects.toThrow(/expected content of 16 bytes with SHA-256 .* found 14 bytes/)
  expect(await cached()).toEqual([])
})

test('a body cut short, a silent server and no server at all are told apart', async () => {
  answers = {
    '/broken': (_, response) => {
      response.writeHead(200, { 'content-length': packed.length })
      response.write(packed.subarray(0, 5), () => response.destroy())
    },
    '/silent': () => {},
  }
  const nowhere: CatalogueEntry = {
    ...entry(),
    files: [{ ...entry().files[0], urls: ['http://127.0.0.1:1/x'] }] as never,
  }
  const get = (from: CatalogueEntry) => getDataset(from, { ...places(), timeoutMilliseconds: 100, rounds: 1 })
  await expect(get(entry('/broken'))).rejects.toThrow('terminated')
  await expect(get(entry('/silent'))).rejects.toThrow('nothing came for 0.1 s')
  await expect(get(entry('/missing'))).rejects.toThrow('the server answered 404')
  await expect(get(nowhere)).rejects.toMatchObject({ code: 'download-failed' })
  expect(await cached()).toEqual([])
})

test('stops when told to', async () => {
  const controller = new AbortController()
  answers = { '/silent': () => controller.abort(new Error('enough')) }
  await expect(getDataset(entry('/silent'), { ...places(), signal: controller.signal })).rejects.toThrow(
    'enough',
  )
  expect(asked).toEqual(['/silent'])
})

test('loads only what is on this machine unless asked to fetch, and refuses what is damaged', async () => {
  answers = { '/a': (_, response) => response.end(content) }
  const plain: CatalogueEntry = {
    ...entry('/a'),
    files: entry('/a').files.map((file) => ({ ...file, name: 'train.csv' })),
  }
  await expect(resolveDataset(plain, places())).rejects.toMatchObject({ code: 'dataset-absent' })
  expect(asked).toEqual([])
  expect(await verifyDataset(plain, places())).toMatchObject([{ state: 'missing' }])
  const { train } = await resolveDataset(plain, { ...places(), download: true })
  expect(train).toMatchObject({ name: 'Tiny', classes: ['a', 'b'] })
  await writeFile(join(folder, 'cache/tiny/train.csv'), 'x,label\n1,a\n2,a\n')
  await expect(resolveDataset(plain, places())).rejects.toThrow(
    /Tiny is damaged: .*train.csv: expected content of 16 bytes/,
  )
  expect(await verifyDataset(plain, places())).toMatchObject([{ state: 'damaged' }])
})

test('names that are not known, and data sets that have to be brought', async () => {
  await expect(getDataset('mnits', places())).rejects.toThrow('known are mnist, clinc150')
  await expect(getDataset('clinc150', places())).rejects.toMatchObject({ code: 'dataset-not-public' })
  expect(await listDatasets(places())).toMatchObject([
    { name: 'mnist', folder: undefined, downloadable: true, bytes: 54_950_048 },
    { name: 'clinc150', folder: undefined, downloadable: false },
    { name: 'cifar10', folder: undefined, downloadable: false },
  ])
})

test('without MNIST there are synthetic digits, and the reason', async () => {
  const { train, test, instead } = await mnistOrSynthetic({ ...places(), train: 20, test: 10 })
  expect(train).toMatchObject({
    name: 'synthetic digits',
    synthetic: true,
    inputs: { dims: [20, 1, 28, 28] },
  })
  expect(test.synthetic).toBe(true)
  expect(instead).toContain('MNIST is not on this machine')
})

test('what is called MNIST is MNIST', async ({ skip }) => {
  const { train, test, instead } = await mnistOrSynthetic({
    cacheFolder: join(folder, 'cache'),
    train: 20,
    test: 10,
  })
  if (instead !== undefined) skip('MNIST is not on this machine')
  expect(train).toMatchObject({
    name: 'MNIST',
    synthetic: false,
    inputs: { type: 'uint8', dims: [60000, 1, 28, 28] },
  })
  expect(test.inputs.dims).toEqual([10000, 1, 28, 28])
  expect(Array.from(train.labels.data.slice(0, 5))).toEqual([5, 0, 4, 1, 9])
})
