import { describe, expect, it } from 'vitest'
import { knownByHeart } from './by-heart.ts'

const losing = (nats: number) => [
  { nats: nats * 10, tokens: 10, bytes: 40 },
  { nats: nats * 30, tokens: 30, bytes: 90 },
]

describe('what a model knows by heart', () => {
  it('costs less than a third a token of what other old texts cost', () => {
    expect(knownByHeart(losing(0.3), losing(1))).toEqual({ rehearsed: 0.3, heldOut: 1 })
    expect(knownByHeart(losing(0.34), losing(1))).toBeUndefined()
  })

  it('cannot be told without other old texts', () => {
    expect(knownByHeart(losing(0.01), undefined)).toBeUndefined()
    expect(knownByHeart(undefined, losing(1))).toBeUndefined()
    expect(knownByHeart(losing(0.01), [])).toBeUndefined()
  })
})
