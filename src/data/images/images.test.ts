import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readDataset } from '../files.ts'
import { inputSpec } from './input-spec.ts'

let root: string
const at = (path: string) => join(root, path)
const put = async (path: string, bytes: Uint8Array | string) => {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), bytes)
}
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-images-'))
})
afterEach(() => rm(root, { recursive: true }))

/** Two by three pixels of different colours, red first. */
const pixels = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 200, 100, 50, 255, 255, 255)
const raw = { width: 2, height: 3, channels: 3 } as const
const png = () => sharp(pixels, { raw }).png().toBuffer()
const jpeg = () => sharp(pixels, { raw }).resize(40, 40).jpeg().toBuffer()

/** Rows from the bottom, blue first, filled up to four bytes. */
function bmp(bits: 24 | 32): Buffer {
  const stride = Math.ceil((2 * bits) / 32) * 4
  const file = Buffer.alloc(54 + 3 * stride)
  file.write('BM')
  file.writeUInt32LE(54, 10)
  file.writeUInt32LE(40, 14)
  file.writeInt32LE(2, 18)
  file.writeInt32LE(3, 22)
  file.writeUInt16LE(bits, 28)
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 2; column++) {
      const [r = 0, g = 0, b = 0] = pixels.subarray(3 * (row * 2 + column))
      file.set([b, g, r], 54 + stride * (2 - row) + (column * bits) / 8)
    }
  }
  return file
}
const stored = async (options = {}) => {
  const { train, notes = [] } = await readDataset(root, options)
  return { train, notes: notes.map((note) => note.replaceAll(`${root}/`, '')) }
}
/** Channels one after another. */
const planes = (channels: number) =>
  Array.from({ length: channels }, (_, channel) =>
    Array.from({ length: 6 }, (_, n) => pixels[3 * n + channel] ?? 0),
  ).flat()

describe('formats', () => {
  it.each([
    ['a.bmp', () => bmp(24)],
    ['a.BMP', () => bmp(32)],
    ['a.ppm', () => Buffer.concat([Buffer.from('P6\n# by hand\n2 3\n255\n'), pixels])],
    ['a.pnm', () => Buffer.from(`P3 2 3 255\n${pixels.join(' ')}\n`)],
    ['a.png', png],
    ['a.tiff', () => sharp(pixels, { raw }).tiff({ compression: 'none' }).toBuffer()],
    ['a.webp', () => sharp(pixels, { raw }).webp({ lossless: true }).toBuffer()],
    ['a.gif', () => sharp(pixels, { raw }).gif().toBuffer()],
  ])('%s has its pixels', async (name, make) => {
    await put(`red/${name}`, await make())
    const { train, notes } = await stored()
    expect([...(train.inputs.data as Uint8Array)]).toEqual(planes(3))
    expect(notes).toEqual([])
  })

  it('pgm and pbm are grey, black and white', async () => {
    await put('a/1.pgm', Buffer.from('P2 3 1 100 0 50 100'))
    await put('b/2.pbm', Buffer.concat([Buffer.from('P4\n3 1\n'), Buffer.of(0b01000000)]))
    const { train } = await stored({ channels: 1 })
    expect([...(train.inputs.data as Uint8Array)]).toEqual([0, 128, 255, 255, 0, 255])
  })

  it('jfif is JPEG', async () => {
    await put('red/a.jfif', await jpeg())
    expect((await stored()).train.inputs.dims).toEqual([1, 3, 40, 40])
  })

  it('what is no image is told, with the formats that are read', async () => {
    await put('red/a.png', await png())
    await put('red/a.heic', 'x')
    await put('red/notes.txt', 'x')
    await expect(readDataset(root)).rejects.toThrow(
      "a.heic: expected only images in a class's folder, by their names JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM, found another file, and 1 more such",
    )
  })

  it.each([
    ['cut off', Buffer.from('BM')],
    ['rows are missing', bmp(24).subarray(0, 60)],
    ['compressed', Buffer.concat([bmp(24).subarray(0, 30), Buffer.of(1, 0, 0, 0), bmp(24).subarray(34)])],
  ])('a BMP that is damaged is told: %s', async (_, bytes) => {
    await put('red/a.bmp', bytes)
    await expect(readDataset(root)).rejects.toMatchObject({ code: 'image-unreadable' })
  })

  it('what 8 bits of three channels do not keep is said', async () => {
    await put('a/deep.png', await sharp(pixels, { raw }).toColourspace('rgb16').png().toBuffer())
    await put('a/clear.png', await sharp(pixels, { raw }).ensureAlpha(0.5).png().toBuffer())
    await put('a/print.tiff', await sharp(pixels, { raw }).toColourspace('cmyk').tiff().toBuffer())
    await put(
      'a/turned.tiff',
      await sharp(pixels, { raw }).withMetadata({ orientation: 3 }).tiff().toBuffer(),
    )
    const { notes } = await stored()
    expect(notes.sort()).toEqual([
      expect.stringMatching(/CMYK.*print.tiff/),
      expect.stringMatching(/transparent in places.*clear.png/),
      expect.stringMatching(/EXIF orientation.*turned.tiff/),
      expect.stringMatching(/more than 8 bits.*deep.png/),
    ])
  })
})

describe('images that cannot be decoded', () => {
  beforeEach(async () => {
    const whole = await jpeg()
    for (const part of ['train', 'test'])
      for (const name of ['1', '2', '3']) await put(`${part}/a/${name}.jpg`, whole)
    await put('train/b/1.jpg', whole)
    await put('train/a/2.jpg', whole.subarray(0, whole.length - 60))
    await put('test/a/3.jpg', 'no image')
  })

  it('are all in one list', async () => {
    const reading = readDataset(root)
    await expect(reading).rejects.toMatchObject({ code: 'image-unreadable' })
    await expect(reading).rejects.toThrow(
      /2 images cannot be decoded: .*train\/a\/2.jpg \(it is damaged, perhaps cut off\); .*test\/a\/3.jpg/,
    )
    await expect(reading).rejects.toThrow('--skip-bad 2')
  })

  it('are left out where that is asked for, and said; no more than so many', async () => {
    await expect(readDataset(root, { skipBad: 1 })).rejects.toMatchObject({ code: 'image-unreadable' })
    const { train, test, notes } = await readDataset(root, { skipBad: 2 })
    expect([train.inputs.dims[0], test?.inputs.dims[0]]).toEqual([3, 2])
    expect([...train.labels.data]).toEqual([0, 0, 1])
    expect(notes?.join()).toContain('2 images that cannot be decoded are left out')
  })
})

describe('folders of classes', () => {
  it('may be links, and those of parts', async () => {
    await put('store/red/a.png', await png())
    await put('set/blue/a.png', await png())
    await symlink(at('store/red'), at('set/red'))
    expect((await readDataset(at('set'))).train.classes).toEqual(['blue', 'red'])
    await mkdir(at('parts'))
    await symlink(at('set'), at('parts/train'))
    expect((await readDataset(at('parts'))).train.classes).toEqual(['blue', 'red'])
  })

  it.each([
    ['up', '.', 'leads back up'],
    ['to itself', './set/x', 'leads in a circle'],
    ['nowhere', 'none', 'is not there'],
    ['to another class', 'set/blue', 'is the same folder as blue'],
  ])('may not be links that lead %s', async (_, target, message) => {
    await put('set/blue/a.png', await png())
    await symlink(at(target), at('set/x'))
    await expect(readDataset(at('set'))).rejects.toThrow(message)
  })

  it('hold what systems leave behind without being disturbed', async () => {
    for (const name of ['.DS_Store', 'Thumbs.db', 'desktop.ini', '._a.png']) await put(`red/${name}`, 'x')
    await put('__MACOSX/red/._a.png', 'x')
    await put('red/a.png', await png())
    const { train, notes } = await stored()
    expect(train).toMatchObject({ classes: ['red'] })
    expect(notes).toEqual([])
  })

  it('are said where they hold nothing, and so are images beside them and folders beside parts', async () => {
    await put('train/red/a.png', await png())
    await put('train/b.png', await png())
    await mkdir(at('train/zebra'))
    await put('extra/red/a.png', await png())
    const { train, notes } = await stored()
    expect(train.classes).toEqual(['red'])
    expect(notes.sort()).toEqual([
      expect.stringContaining('are not read: extra'),
      expect.stringContaining("images that lie in no class's folder are not read: b.png"),
      expect.stringContaining('no class is made of folders without images: zebra'),
    ])
  })
})

describe('letterbox', () => {
  const input = (resize: object) =>
    inputSpec({ type: 'float32', dims: ['n', 3, 'h', 'w'], holdfast: JSON.stringify({ resize }) })
  it.each([
    ['centre', [9, 255, 9]],
    ['start', [255, 9, 9]],
  ])('keeps proportions and fills up: %s', async (align, expected) => {
    await put(
      'white/a.png',
      await sharp(Buffer.alloc(75, 255), { raw: { width: 5, height: 5, channels: 3 } })
        .png()
        .toBuffer(),
    )
    const resize = { height: 10, width: 30, fit: 'letterbox', fill: 9, align }
    const { train } = await stored({ input: input(resize) })
    expect(train.inputs.dims).toEqual([1, 3, 10, 30])
    const row = (train.inputs.data as Uint8Array).subarray(0, 30)
    expect([row[4], row[14], row[25]]).toEqual(align === 'start' ? [255, 9, 9] : expected)
  })
  it('is what a missing size is answered with', async () => {
    await put('a/1.png', await png())
    await put('a/2.png', await sharp(pixels, { raw }).resize(5, 5).png().toBuffer())
    await expect(readDataset(root)).rejects.toThrow('holdfast.json beside the model')
  })
})
