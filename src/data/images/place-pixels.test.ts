import fc from 'fast-check'
import { expect, it } from 'vitest'
import { placePixels } from './place-pixels.ts'

it('pixels come into the order of channels and the layout that are asked for', () => {
  const image = fc.integer({ min: 1, max: 40 }).chain((pixels) =>
    fc.record({
      pixels: fc.constant(pixels),
      values: fc.uint8Array({ minLength: 3 * pixels, maxLength: 3 * pixels }),
      channels: fc.constantFrom('rgb' as const, 'bgr' as const),
      layout: fc.constantFrom('NCHW' as const, 'NHWC' as const),
      /** Where in their memory both lie. */
      offsets: fc.tuple(fc.constantFrom(0, 1, 4), fc.constantFrom(0, 3, 8)),
    }),
  )
  fc.assert(
    fc.property(image, ({ pixels, values, channels, layout, offsets: [at, to] }) => {
      const from = new Uint8Array(at + values.length).subarray(at)
      from.set(values)
      const row = new Uint8Array(to + values.length + 4).subarray(to, to + values.length)
      placePixels(from, row, pixels, { channels, layout })
      const expected = Array.from({ length: 3 * pixels }, (_, place) => {
        const [channel, pixel] =
          layout === 'NCHW'
            ? [Math.floor(place / pixels), place % pixels]
            : [place % 3, Math.floor(place / 3)]
        return values[3 * pixel + (channels === 'bgr' ? 2 - channel : channel)]
      })
      expect([...row]).toEqual(expected)
      // Nothing beside the row is touched.
      expect([...new Uint8Array(row.buffer, to + values.length)]).toEqual([0, 0, 0, 0])
    }),
  )
})
