import { expect, test } from 'vitest'
import { idxDataset, parseIdx } from './idx.ts'

const images = {
  file: 'images',
  bytes: Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255),
}
const labels = { file: 'labels', bytes: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 0) }

test('images and labels become a data set with one channel', () => {
  const dataset = idxDataset(images, labels, { name: 'tiny' })
  expect(dataset).toMatchObject({ name: 'tiny', synthetic: false })
  expect(dataset.inputs).toEqual({
    type: 'uint8',
    dims: [2, 1, 1, 3],
    data: Uint8Array.of(1, 2, 3, 4, 5, 255),
  })
  expect(Array.from(dataset.labels.data)).toEqual([7, 0])
  expect(dataset.classes).toHaveLength(10)
})

test('other element types are read big-endian', () => {
  const floats = Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0)
  expect(parseIdx(floats, 'f')).toEqual({ type: 'float32', dims: [1], data: Float32Array.of(1) })
  const shorts = Uint8Array.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 0xff, 0xfe, 1, 0)
  expect(parseIdx(shorts, 's')).toEqual({ type: 'int16', dims: [2], data: Int16Array.of(-2, 256) })
  expect(parseIdx(Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 1, 0xff), 'b').data).toEqual(Int8Array.of(-1))
})

test('damaged files are refused with what is wrong', () => {
  expect(() => parseIdx(images.bytes.subarray(0, 20), 'cut')).toThrow(
    'cut: uint8 [2, 1, 3] takes 22 bytes with its header, but the file has 20',
  )
  expect(() => parseIdx(Uint8Array.of(...images.bytes, 0), 'long')).toThrow('but the file has 23')
  expect(() => parseIdx(Uint8Array.of(0, 0, 8, 3, 0, 0), 'header')).toThrow(
    'takes 16 bytes, but the file has 6',
  )
  expect(() => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0), 'packed')).toThrow('This is gzip')
  expect(() => parseIdx(new Uint8Array(), 'empty')).toThrow('an empty file')
})

test('files that do not belong together are refused', () => {
  expect(() => idxDataset(labels, labels)).toThrow(
    'labels: expected images, uint8 [N, H, W], found uint8 [2]',
  )
  expect(() => idxDataset(images, images)).toThrow('images: expected labels, uint8 [N]')
  const one = { file: 'one', bytes: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7) }
  expect(() => idxDataset(images, one)).toThrow('images holds 2 images, but one holds 1 label:')
  expect(() => idxDataset(images, labels, { classes: ['a', 'b'] })).toThrow(
    'row 0: label 7 is not one of the 2 classes',
  )
})
