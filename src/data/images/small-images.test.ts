import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decodeBySharp } from './decode-sharp-node.ts'
import type { ImageSpec } from './input-spec.ts'
import { plainHeader } from './plain-headers.ts'
import { decodeSmall } from './small-images-node.ts'

const rgb: ImageSpec = { channels: 'rgb', layout: 'NCHW', resample: 'lanczos' }
const grey: ImageSpec = { ...rgb, channels: 'grey' }
const spec = fc.constantFrom(rgb, grey)

/** What sharp makes of a file, or that it refuses it. */
const bySharp = (bytes: Uint8Array, asked: ImageSpec) =>
  decodeBySharp(bytes, asked, 'image').catch((error: Error) => error.message)
const pixelsOf = ({ data, height, width }: { data: Uint8Array; height: number; width: number }) => ({
  height,
  width,
  data: Buffer.from(data).toString('hex'),
})

/** Smooth and rough pixels, edges and flat places. */
const picture = (channels: 1 | 2 | 3 | 4) =>
  fc
    .record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
      roughness: fc.integer({ min: 0, max: 255 }),
    })
    .map(({ width, height, seed, roughness }) => {
      let state = seed | 1
      const data = Uint8Array.from({ length: width * height * channels }, (_, at) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return (at * 3 + (state >>> 24) * roughness) & 255
      })
      return sharp(data, { raw: { width, height, channels } })
    })

const jpeg = fc
  .record({
    image: fc.oneof(picture(1), picture(3)),
    quality: fc.integer({ min: 1, max: 100 }),
    progressive: fc.boolean(),
    chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
    mozjpeg: fc.boolean(),
  })
  .map(({ image, ...options }) => image.jpeg(options).toBuffer())

const png = fc
  .record({
    image: fc.oneof(picture(1), picture(3)),
    palette: fc.boolean(),
    colours: fc.constantFrom(2, 4, 16, 200),
    compressionLevel: fc.integer({ min: 0, max: 9 }),
    adaptiveFiltering: fc.boolean(),
    opaque: fc.boolean(),
  })
  .map(({ image, palette, opaque, ...options }) =>
    (opaque ? image.ensureAlpha() : image).png({ ...options, palette }).toBuffer(),
  )

describe('small, plain images', () => {
  it.each([
    ['JPEG', jpeg],
    ['PNG', png],
  ])('%s: have the pixels that sharp gives', async (_, file) => {
    await fc.assert(
      fc.asyncProperty(file, spec, async (bytes, asked) => {
        const image = await bytes
        const header = plainHeader(image)
        expect(header).toBeDefined()
        const small = await decodeSmall(image, asked)
        // What is grey in a colour is libvips' to say.
        expect(small === undefined).toBe(asked.channels === 'grey' && header?.colours === 'rgb')
        if (small) expect(pixelsOf(small)).toEqual(pixelsOf(await decodeBySharp(image, asked, 'image')))
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['JPEG', jpeg],
    ['PNG', png],
  ])('%s: damaged ones are decoded only where sharp does, too', async (_, file) => {
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      byte: fc.integer({ min: 0, max: 255 }),
      cut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(file, damage, async (bytes, { at, byte, cut }) => {
        const whole = Uint8Array.from(await bytes)
        const place = Math.floor(at * whole.length)
        const damaged = cut ? whole.subarray(0, place) : whole.with(place, byte)
        const small = await decodeSmall(damaged, rgb)
        if (!small) return
        // Not the pixels: what a damaged table takes out of range saturates otherwise in SIMD.
        const { height, width } = small
        expect(await bySharp(damaged, rgb)).toMatchObject({ height, width })
      }),
      { numRuns: 150 },
    )
  })
})

describe('left to sharp are images', () => {
  const pixels = sharp(Buffer.alloc(300, 99), { raw: { width: 10, height: 10, channels: 3 } })
  it.each([
    ['turned by EXIF', () => pixels.clone().withMetadata({ orientation: 6 }).jpeg()],
    ['with a profile', () => pixels.clone().withIccProfile('p3').jpeg()],
    ['in CMYK', () => pixels.clone().toColourspace('cmyk').jpeg()],
    ['of 16 bits', () => pixels.clone().toColourspace('rgb16').png()],
    ['transparent in places', () => pixels.clone().ensureAlpha(0.5).png()],
    ['with one colour that is transparent', () => pixels.clone().ensureAlpha(0).png({ palette: true })],
    ['of other formats', () => pixels.clone().webp()],
    ['interlaced', () => pixels.clone().png({ progressive: true })],
    ['larger than pays', () => pixels.clone().resize(200, 200).jpeg()],
  ])('%s', async (_, make) => {
    expect(await decodeSmall(await make().toBuffer(), rgb)).toBeUndefined()
  })

  it('that are resized or cropped, unless that changes nothing', async () => {
    const file = await pixels.clone().jpeg().toBuffer()
    const size = { height: 10, width: 10 }
    for (const [resize, crop, small] of [
      [{ how: 'stretch', ...size }, undefined, true],
      [{ how: 'shortest-edge', edge: 10 }, size, true],
      [{ how: 'cover', height: 5, width: 10 }, undefined, false],
      [undefined, { height: 8, width: 8 }, false],
    ] as const) {
      expect((await decodeSmall(file, { ...rgb, resize, crop })) !== undefined).toBe(small)
    }
  })
})
