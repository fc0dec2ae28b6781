import { expect, test } from 'vitest'
import { byteSize, count, oneOf } from './count.ts'

test.each([
  [0, 'row', '0 rows'],
  [1, 'row', '1 row'],
  [2, 'row', '2 rows'],
  [1, 'class', '1 class'],
  [1234, 'class', '1,234 classes'],
  [2, 'index', '2 indexes'],
  [3, 'batch', '3 batches'],
])('%d of a %s', (n, noun, words) => {
  expect(count(n, noun)).toBe(words)
})

test('one of several, and of one', () => {
  expect(oneOf(3, 'class')).toBe('one of the 3 classes')
  expect(oneOf(1, 'class')).toBe('the one class')
})

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1000, '1,000 bytes'],
  [1536, '1.5 KiB'],
  [1023 * 2 ** 20, '1020 MiB'],
  [3 * 2 ** 40, '3 TiB'],
])('%d bytes', (bytes, words) => {
  expect(byteSize(bytes)).toBe(words)
})
