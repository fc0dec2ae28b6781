import { expect, test } from 'vitest'
import { choiceOf, listOf, numberOf, seedsOf, shareOf, wholeOf, wholesOf } from './values.ts'

test('seeds are numbers, ranges, and both', () => {
  expect(seedsOf('seeds', '4')).toEqual([4])
  expect(seedsOf('seeds', '1,4')).toEqual([1, 4])
  expect(seedsOf('seeds', '1..3,7,2')).toEqual([1, 2, 3, 7])
  expect(seedsOf('seeds', undefined)).toBeUndefined()
})

test.each(['', 'a', '3..1', '1..', '-1', '1.5', '0..99999999', '1,,2'])('"%s" are no seeds', (text) => {
  expect(() => seedsOf('seeds', text)).toThrow(/--seeds: expected seeds like 4, 1,4 or 1\.\.3/)
})

test('numbers are checked, and what is wrong is shown', () => {
  expect(numberOf('lr', '1e-3', 0)).toBe(0.001)
  expect(() => numberOf('lr', '-1', 0)).toThrow('--lr: expected a number from 0 on, found "-1".')
  expect(() => numberOf('lr', '')).toThrow('--lr: expected a number, found "".')
  expect(wholeOf('batch', '64', 1)).toBe(64)
  expect(() => wholeOf('batch', '0', 1)).toThrow('--batch: expected a whole number from 1 on, found "0".')
  expect(() => wholeOf('batch', '1.5')).toThrow(/a whole number/)
  expect(wholesOf('hidden', '400,300', 1)).toEqual([400, 300])
})

test('choices suggest the nearest one', () => {
  expect(choiceOf('fisher', 'true', ['exact', 'true'])).toBe('true')
  expect(() => choiceOf('fisher', 'exat', ['exact', 'true'])).toThrow(/Did you mean "exact"\?/)
  expect(listOf('method', 'a, b,a')).toEqual(['a', 'b'])
  expect(() => listOf('method', 'a,,b')).toThrow(/--method: expected words/)
})

test('shares are per cent, points or fractions, never a bare number of per cent', () => {
  expect(['1%', '1 %', '0.01', '1pt', '1 points'].map((text) => shareOf('max-drop', text))).toEqual([
    0.01, 0.01, 0.01, 0.01, 0.01,
  ])
  expect(shareOf('max-drop', '0')).toBe(0)
  expect(shareOf('max-drop', undefined)).toBeUndefined()
  for (const text of ['1', '100%', '-1%', 'one', '1.2.3', '']) {
    expect(() => shareOf('max-drop', text)).toThrow(`--max-drop: expected a share below 100 %`)
  }
})
