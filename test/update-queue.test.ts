import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'
import { hasRedis, openTestRedis, type TestRedis } from './redis.ts'
import { begin, type Running, untilSaid } from './running.ts'

// Updates that workers do.

let cli: Cli
let folder: string
let redis: TestRedis
const old = blobNames.slice(0, 4)
const rows = (classes: readonly string[], perClass: number, seed: number) =>
  blobCsv(blobs({ classes, perClass, seed }))
const write = (name: string, text: string) => {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const words = (out: string, ...more: string[]) => [
  ...['update', 'model.onnx', '--new', 'new', '--old', 'old', '--max-drop', '20%', '--seed', '3'],
  // No rung is left out for want of time, so that a busy machine chooses the same.
  ...['--rungs', 'head', '--epochs', '5', '-o', `${out}/better.onnx`, '--markdown', `${out}/update.md`],
  ...['--json', ...more],
]
const queued = (out: string, store: string, ...more: string[]): Running =>
  begin(cli, words(out, '--queue', redis.url, '--store', store, ...more), folder)
const worker = (store: string, ...more: string[]): Running =>
  begin(cli, ['worker', redis.url, '--store', store, '--jobs', '1', '--lease', '4s', ...more], folder)
const bytes = (file: string) => readFileSync(join(folder, file)).toString('hex')

describe.skipIf(!hasRedis())('updates over a queue', () => {
  beforeAll(async () => {
    cli = await buildCli()
    redis = await openTestRedis()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-update-queue-'))
    writeFileSync(join(folder, 'model.onnx'), modelToOnnx(await blobModel(ortNode({ threads: 1 }), old)))
    write('old/train.csv', rows(old, 60, 21))
    write('old/test.csv', rows(old, 100, 22))
    write('new/train.csv', rows(['ebony'], 60, 23))
    write('new/test.csv', rows(['ebony'], 60, 24))
    for (const name of ['store', 'failing', 'here', 'there', 'again']) mkdirSync(join(folder, name))
  })
  afterAll(async () => {
    cli.remove()
    await redis.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test('are asked for, are given to another worker where one dies, and come to the files of one machine', async () => {
    const asked = await queued('there', 'store', '--detach').ended
    expect([asked.code, JSON.parse(asked.stdout).status]).toEqual([0, 'asked'])
    const first = worker('store')
    await untilSaid(first, ': begins')
    first.child.kill('SIGKILL')
    await first.ended
    const second = worker('store')
    const { code, stdout, stderr } = await queued('there', 'store').ended
    second.child.kill('SIGTERM')
    expect((await second.ended).stdout).toContain('1 update done')
    const here = await begin(cli, words('here', '--threads', '1'), folder).ended
    expect([here.code, code, stderr]).toEqual([0, 0, expect.any(String)])
    expect(bytes('there/better.onnx')).toBe(bytes('here/better.onnx'))
    expect(existsSync(join(folder, 'there/update.md'))).toBe(true)
    const said = JSON.parse(stdout)
    expect(said.written).toEqual({ model: 'there/better.onnx', files: ['there/update.md'] })
    expect(said.status).toBe(JSON.parse(here.stdout).status)
    // Asked for once more, with the same names elsewhere, it is taken from the store: nobody is there to do it.
    const again = await queued('again', 'store').ended
    expect([again.code, bytes('again/better.onnx')]).toEqual([0, bytes('here/better.onnx')])
  }, 300_000)

  test('that fail say why, as they do on one machine', async () => {
    write('wide/train.csv', 'x,y,z,label\n0.5,1.5,1,ebony\n0.5,1.5,2,ebony\n')
    const serving = worker('failing')
    const wide = words('there', '--queue', redis.url, '--store', 'failing').map((word) =>
      word === 'new' ? 'wide' : word,
    )
    const failed = await begin(cli, wide, folder).ended
    serving.child.kill('SIGTERM')
    // Its inputs are what they are, so it is tried once.
    expect((await serving.ended).stderr.match(/: begins/g)).toHaveLength(1)
    const here = await begin(
      cli,
      words('here').map((word) => (word === 'new' ? 'wide' : word)),
      folder,
    ).ended
    const said = JSON.parse(failed.stdout.replaceAll(`${folder}/`, '')).error
    expect([failed.code, said]).toEqual([1, JSON.parse(here.stdout).error])
  }, 300_000)

  test.each([
    [['--dry-run'], '--dry-run says what an update would do, and does it here'],
    [['--tensorboard', 'board'], '--tensorboard and --mlflow follow an update of this process'],
  ])('refuse %j, which only this process could do', async (more, why) => {
    expect((await queued('there', 'store', ...more).ended).stderr).toContain(why)
  })
})
