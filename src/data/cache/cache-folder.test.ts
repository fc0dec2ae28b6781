import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cachePlace } from './cache-folder-files.ts'

describe('the cache folder', () => {
  it('is what says so first, else in the home folder', () => {
    const home = () => '/home/a'
    expect(cachePlace({ HOLDFAST_CACHE: '/here', XDG_CACHE_HOME: '/there' }, home)).toMatchObject({
      folder: '/here',
    })
    expect(cachePlace({ XDG_CACHE_HOME: '/there' }, home)).toMatchObject({
      folder: join('/there', 'holdfast'),
    })
    expect(cachePlace({}, home)).toMatchObject({ folder: join('/home/a', '.cache', 'holdfast') })
  })

  // As Node does for a user that the system does not know, in a container run under a number.
  it('is asked for where the user has no home folder, and not missed where another is named', () => {
    const none = (): string => {
      throw Object.assign(new Error('A system error occurred'), { code: 'ERR_SYSTEM_ERROR' })
    }
    expect(() => cachePlace({}, none)).toThrow(expect.objectContaining({ code: 'home-missing' }))
    expect(() => cachePlace({}, none)).toThrow(/HOLDFAST_CACHE/)
    expect(cachePlace({ HOLDFAST_CACHE: '/here' }, none)).toMatchObject({ folder: '/here' })
  })
})
