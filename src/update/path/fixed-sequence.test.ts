import { describe, expect, it } from 'vitest'
import { frontOf, settleOrder, testInOrder } from './fixed-sequence.ts'

const prospect = (loss: number, gain: number) => ({ loss, gain })
const [pass, seen, beyond] = [
  { passes: true, inside: true },
  { passes: false, inside: true },
  { passes: false, inside: false },
]

describe('the order of a fixed sequence', () => {
  it('goes from the least loss on, each candidate with more gained than all before', () => {
    const list = [prospect(3, 5), prospect(1, 2), prospect(2, 1), prospect(4, 4), prospect(5, 9)]
    expect(frontOf(list, () => 0)).toEqual([prospect(1, 2), prospect(3, 5), prospect(5, 9)])
  })

  it('takes the one that a tie says of two alike', () => {
    const [one, other] = [
      { ...prospect(1, 1), name: 'b' },
      { ...prospect(1, 1), name: 'a' },
    ]
    expect(frontOf([one, other], (a, b) => a.name.localeCompare(b.name))).toEqual([other])
  })
})

describe('a fixed sequence', () => {
  const tested = (standings: readonly (typeof pass)[]) =>
    testInOrder(
      standings.map((_, at) => at),
      async (at) => standings[at] ?? beyond,
      (standing) => standing,
    )

  it('is tested up to the first that fails, whatever comes behind', async () => {
    expect(await tested([pass, pass, seen, pass])).toEqual([pass, pass, seen])
  })

  it('is looked at on where the first fails, as long as candidates are seen inside', async () => {
    expect(await tested([seen, pass, seen, beyond, pass])).toEqual([seen, pass, seen, beyond])
  })

  it('gives the last before the first that fails, or without proof the last that is seen inside', () => {
    expect(settleOrder([pass, pass, seen])).toEqual({ at: 1, proven: true })
    expect(settleOrder([pass, pass])).toEqual({ at: 1, proven: true })
    expect(settleOrder([seen, pass, beyond])).toEqual({ at: 1, proven: false })
    expect(settleOrder([beyond])).toEqual({ at: 0, proven: false })
    expect(settleOrder([])).toBeUndefined()
  })
})
