import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redisAddress, shownAddress, withoutPasswords } from './address.ts'

const plain = { host: 'queue', port: 6379, db: 0, username: undefined, password: undefined, tls: false }

describe('the address of a Redis', () => {
  test.each([
    ['redis://queue', plain],
    ['redis://queue:7000', { ...plain, port: 7000 }],
    ['rediss://queue/3', { ...plain, db: 3, tls: true }],
    ['redis://me:p%40ss@queue', { ...plain, username: 'me', password: 'p@ss' }],
    ['redis://:pass@queue', { ...plain, password: 'pass' }],
    ['redis://[::1]:7000', { ...plain, host: '::1', port: 7000 }],
  ])('%s', (text, address) => {
    expect(redisAddress(text)).toEqual(address)
  })

  test('takes the password of the environment where it has none itself', () => {
    expect(redisAddress('redis://me@queue', 'kept')).toMatchObject({ username: 'me', password: 'kept' })
    expect(redisAddress('redis://:own@queue', 'kept')).toMatchObject({ password: 'own' })
    expect(redisAddress('redis://queue', '')).toMatchObject({ password: undefined })
  })

  test.each(['queue:6379', 'http://queue', 'redis://', 'redis://queue/name', '', 'redis://queue/1/2'])(
    'is not %j',
    (text) => {
      expect(() => redisAddress(text)).toThrow(/is no address of a Redis: expected redis:\/\/HOST:PORT/)
    },
  )

  test('is shown as host and port', () => {
    expect(shownAddress(redisAddress('rediss://me:pw@queue:1/2'))).toBe('queue:1')
    expect(shownAddress(redisAddress('redis://[::1]'))).toBe('[::1]:6379')
  })
})

test('no text shows a password that an address in it has', () => {
  const word = fc.stringMatching(/^[a-z0-9%@:!$&'()*+,;=.-]{8,20}$/)
  fc.assert(
    fc.property(word, fc.constantFrom('redis', 'rediss', 'http'), (password, scheme) => {
      fc.pre(!password.includes('/'))
      const shown = withoutPasswords(`holdfast worker ${scheme}://me:${password}@queue:1 --jobs 2`)
      expect(shown).toBe(`holdfast worker ${scheme}://me:***@queue:1 --jobs 2`)
    }),
  )
})
