import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { packVersion } from '../src/update/pack/pack.ts'
import { readPack } from '../src/update/pack/pack-files.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { bundling } from './bundled.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const classes = blobNames.slice(0, 3)

const run = (line: string) => cli.run(line.split(' ').filter(Boolean), { cwd: folder })
const json = async (line: string) => JSON.parse((await run(`${line} --json`)).stdout)

/** Points as a folder with train.csv and test.csv. */
function points(name: string, names: readonly string[], perClass: number, seed: number): void {
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'train.csv'), blobCsv(blobs({ classes: names, perClass, seed })))
  writeFileSync(join(folder, name, 'test.csv'), blobCsv(blobs({ classes: names, perClass, seed: seed + 1 })))
}

/** Grey squares, dark and light, as {train,test}/<class>/n.png. */
async function images(name: string): Promise<void> {
  for (const part of ['train', 'test']) {
    for (const [label, level] of [
      ['dark', 20],
      ['light', 220],
    ] as const) {
      mkdirSync(join(folder, name, part, label), { recursive: true })
      for (let n = 0; n < 6; n++) {
        const background = { r: level + n, g: level, b: level - (part === 'test' ? 1 : 0) }
        const create = { width: 4, height: 4, channels: 3 as const, background }
        await sharp({ create })
          .png()
          .toFile(join(folder, name, part, label, `${n}.png`))
      }
    }
  }
}

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-keep-'))
  points('old', classes, 40, 1)
  points('more', classes, 20, 3)
  points('new', ['denim'], 30, 5)
  await images('photos')
  const engine = ortNode()
  const save = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes)
  save('model.onnx', modelToOnnx(await blobModel(engine, classes)))
  save('better.onnx', modelToOnnx(await blobModel(engine, blobNames.slice(0, 4), 2)))
  save('eye.onnx', modelToOnnx(mlp({ widths: [48, 8, 2], classes: ['light', 'dark'], seed: 1 })))
})
afterAll(async () => {
  cli.remove()
  await rm(folder, { recursive: true })
})

describe('holdfast keep', () => {
  test('makes a pack of a table, shows it, merges it with another and extends it after an update', async () => {
    const made = await json('keep model.onnx --data old --budget 12 -o model.keep')
    expect(made).toMatchObject({
      schema: 'holdfast.keep/1',
      file: 'model.keep',
      private: false,
      exemplars: { rows: 12, dims: [2], perClass: [4, 4, 4] },
      heldOut: { rows: 120 },
      data: [{ name: 'old', rows: 120, synthetic: false }],
    })
    const shown = await json('keep --show model.keep')
    expect(shown.bytes).toBe(made.bytes)
    expect(shown.heldOut.accuracy).toBe(made.heldOut.accuracy)
    const { stdout } = await run('keep --show model.keep')
    expect(
      stdout.replace(/SHA-256 .*?…/, 'SHA-256 …').replace(/(created|size) .*/g, '$1 …'),
    ).toMatchInlineSnapshot(`
      "model      model.onnx, SHA-256 …, 3 classes
      data       old (120 rows)
      exemplars  12 by herding, 4 of each class, inputs [2]
      held out   120 rows, 100.00 % right
      traffic    counted: amber 33.33 %, blue 33.33 %, coral 33.33 %
      sums       of 120 rows, 32 features
      fisher     none
      private    no: inputs are stored
      created …
      size …
      "
    `)

    await run('keep model.onnx --data more --per-class 2 --held-out 9 -o more.keep')
    const both = await json('keep --merge model.keep more.keep -o both.keep')
    expect(both).toMatchObject({ exemplars: { rows: 18 }, heldOut: { rows: 129 }, fisher: null })

    const next = await json('keep --extend model.keep --model better.onnx --data new -o next.keep')
    expect(next).toMatchObject({
      classes: blobNames.slice(0, 4),
      exemplars: { rows: 12, perClass: [3, 3, 3, 3] },
      history: [{ model: { name: 'model.onnx' }, heldOut: { rows: 120 } }, { heldOut: { rows: 150 } }],
    })
    expect((await run('keep --show next.keep')).stdout).toContain('Releases\n  1  model.onnx')
  })

  test('extends a pack by rows that memory has no room for, and says where they lie', async () => {
    await run('keep model.onnx --data old --budget 12 -o small.keep')
    const extend = 'keep --extend small.keep --model better.onnx --data new'
    const whole = await json(`${extend} -o memory.keep`)
    const { code, stdout, stderr } = await run(`${extend} -o disk.keep --max-bytes 100 --json`)
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ exemplars: whole.exemplars, heldOut: whole.heldOut })
    expect(stderr).toMatch(
      /new: \d+ bytes of rows have no room in the 100 bytes of memory .* and lie in .*spill/,
    )
  })

  test('keeps held-out rows as activations, which prove an update, and goes on with them', async () => {
    const made = await json(
      'keep model.onnx --data old --budget 60 --held-out 20 --held-out-activations 80 -o acts.keep',
    )
    expect(made).toMatchObject({
      heldOut: { rows: 20 },
      activations: { rows: 80, dims: [32], stored: 'float16' },
    })
    expect((await run('keep --show acts.keep')).stdout).toMatch(
      /above cut {2}80 more rows held out as activations at \S+, float16 \[32\], \d+\.\d\d % right/,
    )
    const updated = await json(
      'update model.onnx --new new --keep acts.keep --max-drop 10% --epochs 5 -o up.onnx --keep-out up.keep --force',
    )
    expect(updated.old).toMatchObject({ n: 100, activations: 80 })
    expect(updated.preflight.notes.join()).toContain('nothing below it trains')
    expect(await json('keep --show up.keep')).toMatchObject({
      activations: { rows: 80, uses: [{ releases: 1, rows: 80 }] },
    })
    const whole = await json(
      'update model.onnx --new new --keep acts.keep --rungs whole --epochs 2 -o all.onnx --keep-out all.keep --force',
    )
    expect(whole.old).toMatchObject({ n: 20, activations: 0 })
    expect((await json('keep --show all.keep')).activations).toBeNull()
  })

  test('makes a private pack of images, in which no pixel is', async () => {
    expect(await json('keep eye.onnx --data photos --budget 4 -o open.keep')).toMatchObject({
      exemplars: { rows: 4, dims: [3, 4, 4], perClass: [2, 2] },
    })
    await run('keep eye.onnx --data photos --budget 4 --private -o private.keep')
    const pack = await readPack(join(folder, 'private.keep'))
    expect(pack.exemplars?.inputs).toMatchObject({ type: 'float32', dims: [4, 8] })
    expect(pack.heldOut?.dataset.inputs.dims).toEqual([12, 8])
  })

  test.each([
    ['keep model.onnx -o x.keep', 'argument-missing', 'needs the data that model.onnx was trained on'],
    ['keep model.onnx --data nowhere -o x.keep', 'data-missing', 'nowhere'],
    ['keep model.onnx --data old --budget 9 --per-class 3', 'flag-value', 'take one'],
    ['keep model.onnx --data photos -o x.keep', 'data-dims', 'a row is [3, 4, 4]'],
    ['keep model.onnx --data old -o old/train.csv/x.keep', 'out-unwritable', 'old/train.csv'],
    [
      'keep model.onnx --data old --held-out-activations 9 --activations-at x -o x.keep',
      'keep-cut',
      'It can at',
    ],
    ['keep model.onnx --data old --activations-at x -o x.keep', 'flag-value', 'needs --held-out-activations'],
    [
      'keep model.onnx --data old --private --held-out-activations 9 -o x.keep',
      'flag-value',
      'features already',
    ],
    ['keep --show old/train.csv', 'argument-kind', 'a retention pack should stand here'],
    ['keep --merge model.keep -o x.keep', 'keep-merge', 'Two or more packs'],
    [
      'keep --extend model.keep --model eye.onnx --data photos -o x.keep',
      'pack-mismatch',
      'does not know amber',
    ],
  ])('%s is an error with a way out, and writes nothing', async (line, code, message) => {
    const { code: exit, stderr } = await run(line)
    expect(exit).toBe(1)
    expect(stderr).toContain(`error (${code})`)
    expect(stderr).toContain(message)
    expect(readdirSync(folder)).not.toContain('x.keep')
  })

  test('takes the place of no pack that it reads, and of none that nobody named', async () => {
    await run('keep model.onnx --data old --budget 12')
    await run('keep model.onnx --data more --budget 12 -o second.keep')
    const before = readFileSync(join(folder, 'model.keep'))
    for (const [line, code] of [
      ['keep model.onnx --data more', 'out-exists'],
      ['keep --extend model.keep --model better.onnx --data new -o model.keep', 'out-is-input'],
      ['keep --merge second.keep model.keep -o ./model.keep', 'out-is-input'],
      ['update model.onnx --new new --keep model.keep -o b.onnx --keep-out model.keep', 'out-is-input'],
    ] as const) {
      const { code: exit, stderr } = await run(line)
      expect(stderr).toContain(`error (${code})`)
      expect(exit).toBe(1)
      expect(readFileSync(join(folder, 'model.keep'))).toEqual(before)
    }
    const { stderr } = await run('keep model.onnx --data more')
    expect(stderr).toContain('-o model.keep replaces this one')
    expect((await run('keep model.onnx --data more --budget 12 -o model.keep')).code).toBe(0)
    expect(readFileSync(join(folder, 'model.keep'))).not.toEqual(before)
    // A pack of an update that is not shown to keep its budget has a name that may be that of a pack.
    copyFileSync(join(folder, 'model.keep'), join(folder, 'go.unproven.keep'))
    const beside = 'update model.onnx --new new --keep go.unproven.keep -o b.onnx --keep-out go.keep'
    expect((await run(beside)).stderr).toContain('error (out-is-input)')
  })

  test('killed while it writes, leaves a whole pack', async () => {
    const file = join(folder, 'kept.keep')
    const from = 'test/fixtures/pack/version-2.keep'
    const outfile = join(dirname(cli.file), 'pack-writer.mjs')
    await build({ ...bundling, entryPoints: ['test/pack-writer.ts'], outfile })
    const writer = spawn(process.execPath, [outfile, from, file])
    await once(writer.stdout, 'data')
    const ended = once(writer, 'close')
    writer.kill('SIGKILL')
    await ended
    // It is written in the format of today.
    expect(await readPack(file)).toEqual({ ...(await readPack(from)), version: packVersion })
  })
})
