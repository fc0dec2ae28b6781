import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { openInbox } from './inbox.ts'

describe('an inbox', () => {
  test('gives what came in its order, and waits where nothing did', async () => {
    const inbox = openInbox<number>(undefined)
    inbox.put(1)
    inbox.put(2)
    expect([await inbox.take(), await inbox.take()]).toEqual([1, 2])
    const waiting = inbox.take()
    inbox.put(3)
    expect(await waiting).toBe(3)
  })

  test('ends with its signal, whatever is in it', async () => {
    const controller = new AbortController()
    const inbox = openInbox<number>(controller.signal)
    const waiting = inbox.take()
    controller.abort()
    inbox.put(1)
    expect([await waiting, await inbox.take()]).toEqual([undefined, undefined])
  })

  test('leaves nothing at its signal, which may outlive many', async () => {
    const { signal } = new AbortController()
    for (let count = 0; count < 3; count++) {
      const inbox = openInbox<number>(signal)
      const waiting = inbox.take()
      inbox.put(count)
      await waiting
    }
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
