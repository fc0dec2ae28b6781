import { expect, test } from 'vitest'
import { count, oneOf } from './count.ts'

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
