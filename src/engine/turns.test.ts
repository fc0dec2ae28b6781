import { expect, it } from 'vitest'
import { openTurns } from './turns.ts'

/** Works until it is the event loop's turn. */
function busy(turn: ReturnType<typeof openTurns>): Promise<void> {
  for (;;) {
    const wait = turn()
    if (wait) return wait
  }
}

it('lets timers run in the midst of arithmetic', async () => {
  const turn = openTurns()
  let heard = false
  setTimeout(() => {
    heard = true
  }, 0)
  expect(turn()).toBeUndefined()
  await busy(turn)
  expect(heard).toBe(true)
})

it('stops where the signal was given meanwhile', async () => {
  const controller = new AbortController()
  const turn = openTurns(controller.signal)
  setTimeout(() => controller.abort(), 0)
  await expect(busy(turn)).rejects.toThrow(expect.objectContaining({ code: 'interrupted' }))
})
