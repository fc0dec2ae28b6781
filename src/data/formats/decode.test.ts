import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeText, textDecoding } from './decode.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const utf16 = (text: string, big = false): Uint8Array =>
  Uint8Array.from(
    [...text].flatMap((letter) => {
      const code = letter.charCodeAt(0)
      return big ? [code >> 8, code & 255] : [code & 255, code >> 8]
    }),
  )

test('UTF-8 comes out the same however it is cut into chunks, and its byte order mark is no part of it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !/[\0\uFEFF\uFFFD]/.test(text)),
      fc.array(fc.nat(5), { maxLength: 60 }),
      fc.boolean(),
      (text, lengths, mark) => {
        const bytes = utf8((mark ? '\uFEFF' : '') + text)
        const decoding = textDecoding('x.csv')
        let found = ''
        let at = 0
        // What a file begins with tells its encoding, so the first chunk is never that small.
        for (const length of [4, ...lengths]) {
          if (at >= bytes.length) break
          found += decoding.push(bytes.subarray(at, at + length))
          at += length
        }
        found += decoding.push(bytes.subarray(at)) + decoding.end()
        expect(found).toBe(text)
      },
    ),
  )
})

test('a byte that is not UTF-8 is refused with its place and what it may have been', () => {
  const latin = Uint8Array.from([...utf8('text,label\nwarm,th'), 0xe9, ...utf8('\ncold,caf'), 0xe9, 0x0a])
  expect(() => decodeText(latin, 'drinks.csv')).toThrow(
    'drinks.csv, line 2, byte 18: expected UTF-8, found the byte E9. As windows-1252 it reads "warm,thé".',
  )
  expect(decodeText(latin, 'drinks.csv', 'windows-1252')).toBe('text,label\nwarm,thé\ncold,café\n')
  expect(decodeText(latin, 'drinks.csv', 'latin1')).toContain('café')
  // The last byte begins a character that never comes.
  expect(() => decodeText(latin.subarray(0, 19), 'drinks.csv')).toThrow('line 2, byte 18')
  expect(() => decodeText(latin, 'drinks.csv', 'latin-99')).toThrow('There is no encoding "latin-99"')
})

test('the place is that of the first wrong byte, wherever chunks end', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.nat(30), fc.integer({ min: 4, max: 9 }), (before, after, chunk) => {
      const bytes = Uint8Array.from([...utf8('é'.repeat(before)), 0xff, ...utf8('é'.repeat(after))])
      const decoding = textDecoding('x')
      const read = () => {
        for (let at = 0; at < bytes.length; at += chunk) decoding.push(bytes.subarray(at, at + chunk))
        decoding.end()
      }
      expect(read).toThrow(`byte ${2 * before}: expected UTF-8, found the byte FF`)
    }),
  )
})

test('UTF-16 is recognised by its byte order mark, and by its zeros', () => {
  const text = 'a,label\n1,x\n'
  for (const big of [false, true]) {
    expect(decodeText(utf16(`\uFEFF${text}`, big), 'x.csv')).toBe(text)
    expect(decodeText(utf16(text, big), 'x.csv')).toBe(text)
  }
  const decoding = textDecoding('x.csv')
  decoding.push(utf16(`\uFEFF${text}`))
  decoding.end()
  expect(decoding.notes()).toEqual(['x.csv is read as UTF-16LE, as its first bytes say.'])
})

test('what is no text is named for what it is', () => {
  expect(() => decodeText(utf8('PK\u0003\u0004rest'), 'a.csv')).toThrow('Excel workbooks')
  expect(() => decodeText(utf8('PAR1'), 'a.csv')).toThrow('Call it .parquet')
  expect(() => decodeText(utf8('a,b\n1,\0\n'), 'a.csv')).toThrow(
    'a.csv, line 2: expected text, found a zero byte',
  )
})

test('characters that were lost before are counted', () => {
  const decoding = textDecoding('x.csv')
  decoding.push(utf8('caf\uFFFD,th\uFFFD'))
  decoding.end()
  expect(decoding.notes()).toEqual([expect.stringContaining('x.csv holds 2 replacement characters')])
})
