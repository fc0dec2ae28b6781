import { describe, expect, it } from 'vitest'
import { keepSessions } from './sessions.ts'

const opener = () => {
  const made: string[] = []
  const released: string[] = []
  const make = (key: string) => async () => {
    made.push(key)
    return {
      release: async () => {
        released.push(key)
      },
    }
  }
  return { made, released, make }
}

describe('kept sessions', () => {
  it('are opened again without being made again', async () => {
    const { made, released, make } = opener()
    const sessions = keepSessions(1)
    const first = await sessions.open('a', make('a'))
    await sessions.close('a')
    expect(await sessions.open('a', make('a'))).toBe(first)
    expect({ made, released }).toEqual({ made: ['a'], released: [] })
  })

  it('are released when more lie idle than are kept, the oldest first, and never while in use', async () => {
    const { released, make } = opener()
    const sessions = keepSessions(1)
    for (const key of ['a', 'b', 'c']) await sessions.open(key, make(key))
    await sessions.close('b')
    await sessions.close('a')
    expect(released).toEqual(['b'])
    await sessions.close('c')
    expect(released).toEqual(['b', 'a'])
  })

  it('are shared by several users, and go when the last has gone', async () => {
    const { made, released, make } = opener()
    const sessions = keepSessions(0)
    await sessions.open('a', make('a'))
    await sessions.open('a', make('a'))
    await sessions.close('a')
    expect({ made, released }).toEqual({ made: ['a'], released: [] })
    await sessions.close('a')
    expect(released).toEqual(['a'])
  })

  it('are not kept when making one fails', async () => {
    const { made, make } = opener()
    const sessions = keepSessions(1)
    await expect(sessions.open('a', async () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await sessions.open('a', make('a'))
    expect(made).toEqual(['a'])
  })
})
