import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bindings, seconds } from './index.ts'

const read = (text: string) => seconds().safeDecode(text)

test.each([
  ['90s', 90],
  ['2m', 120],
  ['1h', 3600],
  ['1.5m', 90],
  ['.5s', 0.5],
])('%s are %d seconds', (text, expected) => {
  expect(read(text).data).toBe(expected)
})

test.each(['2', '2min', '0s', '-1m', 'm', '1m30s', '2 m 1', ''])('"%s" is no time', (text) => {
  expect(read(text).error?.issues[0]?.message).toBe(
    `expected a time above 0 with its unit such as 90s, 2m or 1h, found "${text}".`,
  )
})

test('a time is written in the largest unit that it is whole in, and read back as it was', () => {
  expect([120, 90, 7200, 0.5].map((value) => seconds().encode(value))).toEqual(['2m', '90s', '2h', '0.5s'])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), (value) => {
      expect(seconds().decode(seconds().encode(value))).toBe(value)
    }),
  )
})

test('values of inputs are numbers, truth values or lists, by names that may hold what a value may not', () => {
  const bound = (text: string) => bindings().safeDecode(text)
  expect(bound('sr=16000, rate=-1e-3,on=true,size=640:480,a=b:0=2').data).toEqual({
    sr: 16_000,
    rate: -1e-3,
    on: true,
    size: [640, 480],
    'a=b:0': 2,
  })
  for (const text of ['sr', 'sr=', '=1', 'sr=fast', 'size=1:', 'a=1,,b=2', '']) {
    expect(bound(text).error?.issues[0]?.message).toBe(
      `expected values as in sr=16000,enabled=true,size=640:480, found "${text}".`,
    )
  }
  expect(bindings().encode({ sr: 1, on: false, size: [2, 3] })).toBe('sr=1,on=false,size=2:3')
})
