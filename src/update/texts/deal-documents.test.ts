import { describe, expect, it } from 'vitest'
import type { TokenDocument } from '../../data/documents/index.ts'
import { dealDocuments } from './deal-documents.ts'

const documents = (count: number, from = 0, tokens = 4): TokenDocument[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ place: `document ${from + at}`, bytes: 8 },
    ids: Int32Array.from({ length: tokens }, (_, place) => from + at + place),
  }))

const places = (list: readonly TokenDocument[]) => list.map(({ place }) => place)

describe('dealing old documents out', () => {
  it('has about a fifth of those to rehearse order candidates, told by what they say', () => {
    const exemplars = documents(100)
    const { rehearsed, order, proof } = dealDocuments({ exemplars, heldOut: documents(7, 500) })
    expect(order.length).toBeGreaterThan(10)
    expect(order.length).toBeLessThan(32)
    expect(rehearsed.length + order.length).toBe(100)
    expect(proof).toEqual([0, 1, 2, 3, 4, 5, 6])
    const inOrder = new Set(places(order))
    expect(rehearsed.some((place) => inOrder.has(`document ${place}`))).toBe(false)
    // Where others join, and in another order of the data, each stays where it was.
    const more = dealDocuments({ exemplars: [...documents(60, 200), ...exemplars.reverse()] })
    expect([...inOrder].every((place) => places(more.order).includes(place))).toBe(true)
  })

  it('has few do both, and as many as are worth it order', () => {
    expect(dealDocuments({ exemplars: documents(5) })).toMatchObject({ rehearsed: [0, 1, 2, 3, 4] })
    expect(dealDocuments({ exemplars: documents(5) }).order).toHaveLength(5)
    const long = dealDocuments({ exemplars: documents(200, 0, 4096) })
    expect(long.order.length).toBeLessThanOrEqual(16)
    expect(long.order.length).toBeGreaterThan(0)
  })

  it('spares some of those that prove where the others are known by heart, if there are enough', () => {
    const [exemplars, heldOut] = [documents(40), documents(80, 500)]
    const { rehearsed, order, spared = [], proof } = dealDocuments({ exemplars, heldOut }, true)
    expect(rehearsed).toHaveLength(40)
    expect(places(order)).toEqual(spared.map((place) => `document ${500 + place}`))
    expect(order.length).toBeGreaterThanOrEqual(20)
    expect(order.length).toBeLessThan(32)
    // Few as they are, a quarter of them at least.
    for (const from of [0, 100, 200, 300]) {
      const dealt = dealDocuments({ exemplars, heldOut: documents(20, from) }, true)
      expect(dealt.order.length).toBeGreaterThanOrEqual(5)
    }
    expect([...spared, ...proof].sort((a, b) => a - b)).toEqual(Array.from(heldOut.keys()))
    const few = { exemplars, heldOut: documents(19, 500) }
    expect(dealDocuments(few, true)).toEqual(dealDocuments(few))
  })

  it('has documents that are given for it order, and spares none of those that prove where these are few', () => {
    const order = documents(3, 900)
    const given = dealDocuments({ exemplars: documents(20), order, heldOut: documents(4, 500) })
    expect(given.order).toEqual(order)
    expect(given.rehearsed).toHaveLength(20)
    expect(dealDocuments({ heldOut: documents(49) })).toMatchObject({ order: [] })
    const many = dealDocuments({ heldOut: documents(80) })
    expect(many.order.length).toBeGreaterThan(0)
    expect(many.proof.length + many.order.length).toBe(80)
  })
})
