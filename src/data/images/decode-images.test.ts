import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contentKey, openRowCache } from '../cache/index-files.ts'
import { readDataset, streamRows } from '../files.ts'
import { decodeImages } from './decode-images-node.ts'
import { imageRecipe } from './decode-sharp-node.ts'
import { imageFindings } from './findings.ts'
import type { ImageSpec } from './input-spec.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-decode-'))
})
afterEach(() => rm(root, { recursive: true }))

const flat = (value: number, size = 8) =>
  sharp(Buffer.alloc(3 * size * size, value), { raw: { width: size, height: size, channels: 3 } })
/** What `readDataset` reads images as where no model says more. */
const spec: ImageSpec = { channels: 'rgb', layout: 'NCHW', resample: 'lanczos', resize: undefined }
const cacheOf = (more = {}) =>
  openRowCache({
    folder: join(root, 'cache', 'rows'),
    recipe: imageRecipe(spec),
    mostBytes: 2 ** 24,
    worth: 0,
    onProblem: (reason) => {
      throw new Error(reason)
    },
    ...more,
  })

describe('decoded images that are cached', () => {
  it.each(['NCHW', 'NHWC'] as const)(
    'come out as they were decoded, with what was said of them: %s',
    async (layout) => {
      const files = [
        flat(10).png(),
        flat(20).ensureAlpha(0.5).png(),
        flat(30).withMetadata({ orientation: 6 }).jpeg(),
        flat(40).toColourspace('rgb16').png(),
        flat(50).webp(),
      ]
      const images = await Promise.all(
        files.map(async (file, row) => ({ place: `row ${row}`, bytes: await file.toBuffer() })),
      )
      const all = [...images, { place: 'bad', bytes: Buffer.from('no image') }]
      const read = async () => {
        const findings = imageFindings(1)
        const cache = await cacheOf({ recipe: layout })
        const found = images.map(({ bytes }) => cache.find(contentKey(bytes)) !== undefined)
        const decoded = await decodeImages(all, { spec: { ...spec, layout }, findings, cache })
        await cache.close()
        return { found, decoded, notes: findings.notes() }
      }
      const first = await read()
      const second = await read()
      expect(first.found).toEqual(images.map(() => false))
      expect(second.found).toEqual(images.map(() => true))
      expect(second.decoded).toEqual(first.decoded)
      expect(second.notes).toEqual(first.notes)
      expect(second.notes.join()).toMatch(/left out.*8 bits.*|EXIF/)
    },
  )

  it('are read by readDataset and streamRows where that is asked for', async () => {
    const bytes = await flat(90).png().toBuffer()
    await mkdir(join(root, 'set/a'), { recursive: true })
    await writeFile(join(root, 'set/a/1.png'), bytes)
    // Other pixels than the file's, so that it shows where they come from.
    const cache = await cacheOf()
    const kept = { key: contentKey(bytes), marks: 0, bytes: new Uint8Array(192).fill(7) }
    await cache.add([kept], [3, 8, 8], 0)
    await cache.close()
    const { HOLDFAST_CACHE, HOLDFAST_CACHE_BYTES } = process.env
    process.env.HOLDFAST_CACHE = join(root, 'cache')
    process.env.HOLDFAST_CACHE_BYTES = ''
    try {
      const firstPixel = async (options: { cache?: boolean; channels?: 1 }) =>
        (await readDataset(join(root, 'set'), { split: 'train', ...options })).inputs.data[0]
      expect(await firstPixel({ cache: true })).toBe(7)
      for await (const { inputs } of streamRows(join(root, 'set'), { cache: true }))
        expect(inputs.data[0]).toBe(7)
      expect(await firstPixel({ cache: false })).toBe(90)
      expect(await firstPixel({})).toBe(90)
      expect(await firstPixel({ cache: true, channels: 1 })).toBe(90)
      process.env.HOLDFAST_CACHE_BYTES = '0'
      expect(await firstPixel({ cache: true })).toBe(90)
      process.env.HOLDFAST_CACHE_BYTES = '2GB'
      await expect(firstPixel({ cache: true })).rejects.toMatchObject({ code: 'cache-bytes' })
    } finally {
      // An empty name is as none.
      process.env.HOLDFAST_CACHE = HOLDFAST_CACHE ?? ''
      process.env.HOLDFAST_CACHE_BYTES = HOLDFAST_CACHE_BYTES ?? ''
    }
  })
})

it('images that would not fit into memory are refused before more than a few are decoded', async () => {
  await mkdir(join(root, 'set/a'), { recursive: true })
  for (let n = 0; n < 40; n++)
    await writeFile(join(root, `set/a/${String(n).padStart(2, '0')}.png`), await flat(n).png().toBuffer())
  // Would be told before the limit, were it decoded.
  await writeFile(join(root, 'set/a/39.png'), 'no image')
  await expect(readDataset(join(root, 'set'), { maxBytes: 40 * 192 - 1 })).rejects.toThrow(
    /40 rows of 192 bytes take .* of memory, and do not fit into .* the limit that was set/,
  )
  await expect(readDataset(join(root, 'set'), { maxBytes: 40 * 192 })).rejects.toMatchObject({
    code: 'image-unreadable',
  })
})
