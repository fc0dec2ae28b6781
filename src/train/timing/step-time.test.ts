import { describe, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { stepTime } from './step-time.ts'

describe('the time of a small step', () => {
  it('is that of steps which were done by one program', async () => {
    const engine = ortNode({ threads: 1 })
    let programs = 0
    const load: typeof engine.load = async (model) => {
      programs++
      return engine.load(model)
    }
    const found = await stepTime({ ...engine, load }, { calls: 2, callMilliseconds: 1 })
    expect(programs).toBe(1)
    expect(found.steps).toBeGreaterThanOrEqual(1)
    expect(found.milliseconds).toBeGreaterThan(0)
    expect(found.openingMilliseconds).toBeGreaterThan(0)
  })
})
