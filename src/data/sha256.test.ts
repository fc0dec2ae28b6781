import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from './sha256.ts'

test('the standard vectors', () => {
  expect(sha256().hex()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(sha256().update('abc').hex()).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('equals the platform for any input, however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (pieces) => {
      const ours = sha256()
      const reference = createHash('sha256')
      for (const piece of pieces) {
        ours.update(piece)
        reference.update(piece)
      }
      expect(ours.hex()).toBe(reference.digest('hex'))
    }),
  )
})
