import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openPace, paced } from './pace.ts'

describe('a pace', () => {
  it('begins with one piece, then takes as many as a second holds', () => {
    const pace = openPace(50)
    expect(pace.next(200)).toBe(1)
    pace.took(1, 0.1)
    expect(pace.next(200)).toBe(10)
    expect(pace.next(4)).toBe(4)
    pace.took(10, 0.01)
    expect(pace.next(200)).toBe(50)
    pace.took(50, 250)
    expect(pace.next(200)).toBe(1)
  })

  it('does each piece once, in order, however long the calls take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(200),
        fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 1 }),
        async (pieces, times) => {
          const done: number[] = []
          let call = 0
          const pace = openPace(50)
          const told = {
            ...pace,
            took: (count: number) => pace.took(count, times[call++ % times.length] ?? 0),
          }
          await paced(
            pieces,
            async (from, count) => {
              expect(count).toBeGreaterThan(0)
              for (let piece = from; piece < from + count; piece++) done.push(piece)
            },
            told,
          )
          expect(done).toEqual(Array.from({ length: pieces }, (_, piece) => piece))
        },
      ),
    )
  })
})
