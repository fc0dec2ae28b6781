import fc from 'fast-check'
import { expect, test } from 'vitest'
import { portableSha256, sha256 } from './sha256.ts'

test.each([
  ['sha256', sha256],
  ['portableSha256', portableSha256],
])('%s gives the standard vectors', (_, hash) => {
  expect(hash().hex()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hash().update('abc').hex()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('both give the same for any input, however it is cut into pieces', () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      const [one, other] = [sha256(), portableSha256()]
      for (const each of pieces) {
        one.update(each)
        other.update(each)
      }
      expect(one.hex()).toBe(other.hex())
    }),
  )
})
