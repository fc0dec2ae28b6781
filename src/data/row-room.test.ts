import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Tensor } from '../tensor/tensor.ts'
import { inOneRoom, rowRoom } from './row-room.ts'
import { concatenateRows } from './rows.ts'

const rowBytes = 5
const tensor = (data: Uint8Array): Tensor<'uint8'> => ({
  type: 'uint8',
  dims: [data.length / rowBytes, rowBytes],
  data,
})

it('rows of parts come together as if they had been copied, however many were foreseen or left out', () => {
  const part = fc.record({ rows: fc.integer({ min: 1, max: 6 }), leftOut: fc.nat(2) })
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.option(fc.nat(30)), (parts, foreseen) => {
      const room = rowRoom(() => true)
      let next = 0
      const pieces = parts.map(({ rows, leftOut }) => {
        const taken = room.take(foreseen ?? undefined, rows, rowBytes)
        const kept = taken.subarray(0, Math.max(0, rows - leftOut) * rowBytes)
        kept.set(Uint8Array.from(kept, () => next++ & 255))
        room.fill(kept.length)
        return tensor(kept)
      })
      expect(inOneRoom(pieces)).toEqual(concatenateRows(pieces))
    }),
  )
})

it('what was foreseen is one piece of memory, and is not copied', () => {
  const expected: unknown[] = []
  const room = rowRoom((rows, bytes) => expected.push([rows, bytes]) > 0)
  const pieces = [2, 3].map((rows) => {
    const taken = room.take(5, rows, rowBytes)
    room.fill(taken.length)
    return tensor(taken)
  })
  expect((inOneRoom(pieces).data as Uint8Array).buffer).toBe(pieces[0]?.data.buffer)
  expect(expected).toEqual([[5, rowBytes]])
})

it('where rows are not held together, each piece has memory of its own', () => {
  const room = rowRoom(undefined)
  expect(room.take(1000, 2, rowBytes).buffer.byteLength).toBe(2 * rowBytes)
})
